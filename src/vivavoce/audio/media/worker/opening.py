"""Open a file somebody sent: only what is a container of audio, and nothing but the file itself."""

from __future__ import annotations

import os

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from vivavoce.audio.media.fault import MediaError
from vivavoce.audio.media.formats import CONTAINERS, DECODERS, HINTS
from vivavoce.audio.media.jobs import MediaInfo

_OPTIONS = {
    "format_whitelist": ",".join(CONTAINERS),
    # The bytes come through `File`. Whatever else the file refers to would be opened by a protocol, and there is none.
    "protocol_whitelist": "none",
    "codec_whitelist": ",".join(sorted(DECODERS)),
}
_BUFFER_BYTES = 64 * 1024
_MICROSECONDS = 1_000_000
_MAGIC = {
    0: (
        b"RIFF",
        b"RIFX",
        b"RF64",
        b"ID3",
        b"fLaC",
        b"OggS",
        b"#!AMR",
        b".snd",
        b"FORM",
        b"\x1aE\xdf\xa3",
        b"\0\0\1\xba",
        b"caff",
        b"FLV",
    ),
    4: (b"ftyp", b"moov", b"mdat"),
}
"""How files of the containers we read begin, at which offset: enough to tell a damaged file from one that never was audio."""


class File:
    """An open descriptor as FFmpeg reads it. The name is for its guesses where the bytes leave it open."""

    def __init__(self, descriptor: int, hint: str) -> None:
        self._descriptor = descriptor
        self.name = f"audio.{hint}" if hint in HINTS else "audio"

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        return os.read(self._descriptor, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return where to; below zero where a damaged file points nowhere, which FFmpeg takes for the error it is."""
        try:
            return os.lseek(self._descriptor, offset, whence)
        except OSError:
            return -1

    def tell(self) -> int:
        """Return where we are."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)


def open_audio(file: File) -> tuple[InputContainer, AudioStream]:
    """Return the open container and its first audio stream; everything else in it is passed over.

    Raises:
        MediaError: it is no file of audio that we read.
    """
    head = file.read(16)
    if not head:
        raise MediaError("the file is empty", "invalid_file")
    file.seek(0)
    try:
        container = av.open(
            file, mode="r", container_options=dict(_OPTIONS), metadata_errors="replace", buffer_size=_BUFFER_BYTES
        )
    except FFmpegError as error:
        if any(head[at:].startswith(magic) for at, magics in _MAGIC.items() for magic in magics):
            raise MediaError("the file is damaged or cut off: its audio cannot be found", "invalid_file") from error
        raise MediaError("the file is not audio, or in a format that is not supported", "unsupported_format") from error
    if not container.streams.audio:
        raise MediaError("there is no audio in the file", "invalid_file")
    stream = container.streams.audio[0]
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    if codec_of(stream) not in DECODERS:
        raise MediaError(f"audio of the codec {codec_of(stream) or 'of this file'} is not supported", "unsupported_format")
    return container, stream


def codec_of(stream: AudioStream) -> str:
    """Return the name of the decoder a stream needs, empty where there is none."""
    return stream.codec_context.name if stream.codec_context is not None else ""


def family(container: InputContainer) -> str:
    """Return which of our demuxers reads a container."""
    return next((name for name in container.format.name.split(",") if name in CONTAINERS), "")


def describe(container: InputContainer, stream: AudioStream) -> MediaInfo:
    """Return what an open file is."""
    duration_s = None
    if stream.duration is not None and stream.time_base is not None:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration_s = container.duration / _MICROSECONDS
    if duration_s is not None and duration_s < 0:
        duration_s = None
    codec = stream.codec_context.codec.canonical_name  # `mp3`, whichever of its decoders this is
    return MediaInfo(duration_s, CONTAINERS.get(family(container), container.format.name), codec)
