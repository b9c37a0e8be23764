"""What is read and what is written, as tables. FFmpeg's own names; nothing here loads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SPEECH_RATE_HZ: Final = 16_000
"""What recognizers hear."""

OUTPUT_RATE_HZ: Final = 24_000
"""The rate of everything written, mono. Source: the audio API's `pcm` format."""

CONTAINERS: Final[dict[str, str]] = {
    "aac": "aac",
    "ac3": "ac3",
    "aiff": "aiff",
    "amr": "amr",
    "asf": "wma",
    "au": "au",
    "avi": "avi",
    "caf": "caf",
    "eac3": "eac3",
    "flac": "flac",
    "flv": "flv",
    "matroska": "webm",
    "mov": "mp4",
    "mp3": "mp3",
    "mpeg": "mpeg",
    "mpegts": "mpegts",
    "ogg": "ogg",
    "w64": "w64",
    "wav": "wav",
    "wv": "wv",
}
"""The demuxers that may open a file, and what we call their container. All hold their audio in themselves: playlists, image sequences,
session descriptions, scripts and devices, which make FFmpeg open something else, are not among them."""

_DECODERS = """
    aac aac_latm ac3 adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha alac amrnb amrwb dca eac3 flac g722 g726 g726le gsm gsm_ms
    libopencore_amrnb libopencore_amrwb libopus libspeex libvorbis mp1 mp1float mp2 mp2float mp3 mp3float nellymoser opus pcm_alaw
    pcm_bluray pcm_dvd pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_mulaw pcm_s16be pcm_s16be_planar pcm_s16le pcm_s16le_planar pcm_s24be
    pcm_s24le pcm_s24le_planar pcm_s32be pcm_s32le pcm_s32le_planar pcm_s64be pcm_s64le pcm_s8 pcm_s8_planar pcm_u16be pcm_u16le pcm_u24be
    pcm_u24le pcm_u32be pcm_u32le pcm_u8 qcelp qdm2 speex vorbis wavpack wmalossless wmapro wmav1 wmav2 wmavoice
"""
DECODERS: Final = frozenset(_DECODERS.split())
"""The decoders that may see a file's bytes. None for pictures: they are most of the surface, and nobody looks."""

STATES_ITS_DURATION: Final = frozenset({"aiff", "caf", "flac", "matroska", "mov", "w64", "wv"})
"""Demuxers whose duration is written in the file. The others' is reckoned from bit rates, which is no reason to refuse a file."""

_HINTS = """
    3gp aac ac3 aif aifc aiff amr asf au avi caf eac3 flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg mpga mts oga ogg ogv opus snd
    spx ts w64 wav weba webm wma wmv wv
"""
HINTS: Final = frozenset(_HINTS.split())
"""File name endings that may weigh in when the bytes leave it open what a file is."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a format is written: FFmpeg's muxer and encoder, bits per second, the sample format the encoder takes, and muxer options."""

    muxer: str
    encoder: str
    sample_format: str
    bit_rate: int = 0
    options: dict[str, str] = field(default_factory=dict)


ENCODED: Final[dict[str, Output]] = {
    # Without its index frame, which could only be filled in afterwards, and without tags: the first byte is sound.
    "mp3": Output("mp3", "libmp3lame", "fltp", 96_000, {"write_xing": "0", "id3v2_version": "0"}),
    # A page of 100 ms; the second it would wait for otherwise is a second of silence for the listener.
    "opus": Output("ogg", "libopus", "s16", 48_000, {"page_duration": "100000"}),
    "aac": Output("adts", "aac", "fltp", 96_000),
    "flac": Output("flac", "flac", "s16"),
}
PLAIN: Final = frozenset({"pcm", "wav"})
OUTPUT_FORMATS: Final = ("mp3", "opus", "aac", "flac", "wav", "pcm")
"""What `encode` writes."""

SPEEDS: Final = (0.25, 4.0)
"""Slowest and fastest. Source: the audio API's `speed`."""
