"""Any common container becomes the same speech samples; what is not audio is refused in one line."""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from tests.audio.media_files import GAPS, KINDS, LEVEL, NO_AUDIO, ODD_TIMES, SILENT, TONE_HZ
from tests.audio.media_kit import SPEECH_HZ, decoded, level, make_files, pitch_hz, refused, tone, working

from vivavoce.audio.media import MediaError, MediaWorkers

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = 2.0
NAMES = [name for name in KINDS if name != SILENT]
NAMES_DAMAGED = ("a.mp3", "a.flac", "opus.ogg", "a.m4a", "a.webm", "a.aac")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("media"), SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def media() -> AsyncIterator[MediaWorkers]:
    async with working() as workers:
        yield workers


def wav(data: bytes, rate_hz: int = SPEECH_HZ, channels: int = 1, *, riff: int = 0, size: int | None = None) -> bytes:
    """Return a WAV file of 16-bit samples whose header may lie."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * channels * 2 & 0xFFFFFFFF, channels * 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", riff, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(data) if size is None else size)
        + data
    )


# --- what is read ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
async def test_every_container_gives_the_sound_that_was_put_in(name: str, files: Path, media: MediaWorkers) -> None:
    pcm = await decoded(media, files / name)
    assert abs(len(pcm) / SPEECH_HZ - SECONDS) < 0.06, "codecs pad to whole frames, no more"
    assert abs(pitch_hz(pcm) - TONE_HZ) < 1.5
    assert abs(level(pcm) - LEVEL) < (0.06 if "amr" in KINDS[name].encoder else 0.02)


@pytest.mark.parametrize("name", NAMES)
async def test_a_probe_names_container_codec_and_duration(name: str, files: Path, media: MediaWorkers) -> None:
    info = await media.probe(files / name)
    assert (info.container, info.codec) == (KINDS[name].container, KINDS[name].codec)
    if name == "live.webm":
        assert info.duration_s is None, "a live recording states none"
    else:
        assert info.duration_s is not None
        assert abs(info.duration_s - SECONDS) < 0.1


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
async def test_other_rates_can_be_asked_for(rate_hz: int, files: Path, media: MediaWorkers) -> None:
    pcm = await decoded(media, files / "a.flac", rate_hz)
    assert len(pcm) == SECONDS * rate_hz
    assert abs(pitch_hz(pcm, rate_hz) - TONE_HZ) < 1.5


@pytest.mark.parametrize("rate_hz", [0, 1, 10**9])
async def test_rates_that_nobody_hears_are_refused(rate_hz: int, files: Path, media: MediaWorkers) -> None:
    with pytest.raises(ValueError, match="Hz"):
        await decoded(media, files / "a.flac", rate_hz)


async def test_no_piece_is_longer_than_a_second_or_cuts_a_sample(files: Path, media: MediaWorkers) -> None:
    sizes = [len(piece) async for piece in media.decode(files / "a.wav")]
    assert 0 < max(sizes) <= SPEECH_HZ * 2
    assert all(size % 2 == 0 for size in sizes)


@pytest.mark.parametrize("wrong", ["a.wav", "a.txt", "noending", "a.m3u8"])
async def test_the_bytes_say_what_a_file_is_not_its_name(wrong: str, files: Path, tmp_path: Path, media: MediaWorkers) -> None:
    (tmp_path / wrong).write_bytes((files / "a.mp3").read_bytes())
    assert len(await decoded(media, tmp_path / wrong)) > 1.9 * SPEECH_HZ


async def test_channels_are_mixed(tmp_path: Path, media: MediaWorkers) -> None:
    loud = tone(1, SPEECH_HZ)
    (tmp_path / "a.wav").write_bytes(wav(np.stack([loud, np.zeros_like(loud)], axis=1).tobytes(), channels=2))
    assert abs(level(await decoded(media, tmp_path / "a.wav")) - LEVEL / 2) < 0.005


@pytest.mark.parametrize("channels", [3, 5, 11, 24])
async def test_channels_nobody_has_a_name_for_are_mixed_alike(channels: int, tmp_path: Path, media: MediaWorkers) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(SPEECH_HZ)
        file.writeframes(np.repeat(tone(1, SPEECH_HZ)[:, None], channels, axis=1).tobytes())
    pcm = await decoded(media, tmp_path / "a.wav")
    assert len(pcm) == SPEECH_HZ
    assert abs(level(pcm) - LEVEL) < 0.02


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 10**6])
async def test_a_wav_whose_header_was_written_before_its_end_was_known(size: int, tmp_path: Path, media: MediaWorkers) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone(1, SPEECH_HZ).tobytes(), riff=size, size=size))
    np.testing.assert_array_equal(await decoded(media, tmp_path / "a.wav"), tone(1, SPEECH_HZ))


async def test_a_wav_at_the_rate_asked_for_keeps_every_sample(tmp_path: Path, media: MediaWorkers) -> None:
    samples = np.random.default_rng(1).integers(-32_768, 32_767, SPEECH_HZ).astype(np.int16)
    (tmp_path / "a.wav").write_bytes(wav(samples.tobytes()))
    np.testing.assert_array_equal(await decoded(media, tmp_path / "a.wav"), samples)


async def test_a_file_that_is_cut_off_gives_what_there_is(files: Path, tmp_path: Path, media: MediaWorkers) -> None:
    for name in ("a.mp3", "a.flac", "opus.ogg", "a.webm", "parts.mp4", "a.wav", "a.aac"):
        whole = (files / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) * 3 // 4])
        assert 0.9 < len(await decoded(media, tmp_path / name)) / SPEECH_HZ < 1.9, name


async def test_damaged_packets_are_passed_over(tmp_path: Path, media: MediaWorkers) -> None:
    make_files(tmp_path, 20, *NAMES_DAMAGED)
    for name in NAMES_DAMAGED:
        path = tmp_path / name
        whole = bytearray(path.read_bytes())
        middle = len(whole) // 2
        whole[middle : middle + 400] = bytes(number * 37 % 256 for number in range(400))
        path.write_bytes(whole)
        # In WebM everything up to the next cluster, five seconds here, hangs together.
        assert len(await decoded(media, path)) > (14 if path.suffix == ".webm" else 18) * SPEECH_HZ, path.name


async def test_a_change_of_rate_and_channels_in_the_middle_is_followed(files: Path, tmp_path: Path, media: MediaWorkers) -> None:
    (tmp_path / "joined.mp3").write_bytes((files / "a.mp3").read_bytes() + (files / "low.mp3").read_bytes())
    assert 3.8 < len(await decoded(media, tmp_path / "joined.mp3")) / SPEECH_HZ < 4.2


@pytest.mark.parametrize("name", GAPS)
async def test_time_without_audio_is_silence(name: str, tmp_path: Path, media: MediaWorkers) -> None:
    """Subtitles of a video whose sound begins late, or stops for a while, stand where the sound is."""
    make_files(tmp_path, SECONDS, name)
    pcm = await decoded(media, tmp_path / name)
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 1_000) / SPEECH_HZ
    begins_s = 0.0 if name.startswith("hole") else 3.0
    assert abs(len(pcm) / SPEECH_HZ - 3.0 - SECONDS) < 0.15
    assert abs(loud[0] - begins_s) < 0.1
    silent_s = np.max(np.diff(loud))
    assert abs(silent_s - 3.0) < 0.1 if name.startswith("hole") else silent_s < 0.1


@pytest.mark.parametrize("name", ODD_TIMES)
async def test_time_stamps_that_mean_no_silence_make_none(name: str, tmp_path: Path, media: MediaWorkers) -> None:
    """A file of audio alone begins with its audio; a leap of an hour is no pause; a dropped packet is not worth one."""
    make_files(tmp_path, SECONDS, name)
    assert abs(len(await decoded(media, tmp_path / name)) / SPEECH_HZ - SECONDS) < 0.1


# --- what is refused ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "code", "why"),
    [
        ("a.mp3", b"", "invalid_file", "empty"),
        ("a.mp3", b"\0", "unsupported_format", "not audio"),
        ("a.txt", b"Dear Sir or Madam,\n" * 500, "unsupported_format", "not audio"),
        ("a.pdf", b"%PDF-1.7\n" + b"x" * 2_000, "unsupported_format", "not audio"),
        ("a.mp3", b"PK\3\4" + b"\0" * 2_000, "unsupported_format", "not audio"),
        ("a.wav", b"RIFF\0\0", "invalid_file", "damaged"),
        ("a.mp4", b"\0\0\0\x20ftypisom" + b"\0" * 500, "invalid_file", "damaged"),
        ("a.flac", b"fLaC" + b"\0" * 500, "invalid_file", "damaged"),
        ("a.wav", wav(b""), "invalid_file", "no audio"),
        ("a.wav", wav(b"\0" * 4_000, rate_hz=1), "unsupported_format", "sample rate of 1 Hz"),
        ("a.wav", wav(b"\0" * 4_000, rate_hz=2_000_000_000), "unsupported_format", "sample rate"),
        ("a.wav", wav(b"\0" * 64_000, channels=4_000), "", ""),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_reason(
    name: str, data: bytes, code: str, why: str, tmp_path: Path, media: MediaWorkers
) -> None:
    (tmp_path / name).write_bytes(data)
    error = await refused(media, tmp_path / name)
    assert why in str(error)
    assert error.code == code if code else error.code in ("invalid_file", "unsupported_format")


@pytest.mark.parametrize("name", NO_AUDIO)
async def test_pictures_are_no_audio(name: str, files: Path, media: MediaWorkers) -> None:
    error = await refused(media, files / name)
    assert "audio" in str(error)
    with pytest.raises(MediaError):
        await media.probe(files / name)


async def test_what_is_no_file_is_refused_at_once(tmp_path: Path, media: MediaWorkers) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in ((tmp_path / "nowhere.mp3", "No such file"), (tmp_path, "not a file"), (tmp_path / "pipe", "not a file")):
        error = await refused(media, path)
        assert error.code == "invalid_file"
        assert why in str(error)
        assert str(tmp_path) not in str(error)


def playlists(target: Path) -> dict[str, str]:
    """Return files that make FFmpeg read others, where it may."""
    return {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
        "a.mp3": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{target}\n#EXT-X-ENDLIST\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "a.mpd": f'<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet><Representation><BaseURL>{target}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
        "a.asx": '<asx version="3.0"><entry><ref href="http://127.0.0.1:9/a.mp3"/></entry></asx>',
        "a.wav": "http://127.0.0.1:9/a.wav",
    }


async def test_files_that_refer_to_others_are_refused(files: Path, tmp_path: Path, media: MediaWorkers) -> None:
    for name, text in playlists(files / "a.wav").items():
        (tmp_path / name).write_text(text)
        assert (await refused(media, tmp_path / name)).code == "unsupported_format", name


async def test_a_movie_whose_sound_is_in_another_file_gets_none_of_it(files: Path, tmp_path: Path, media: MediaWorkers) -> None:
    whole = (files / "a.mov").read_bytes()
    target = b"file://" + str(files / "a.wav").encode() + b"\0"
    own = struct.pack(">I4sI", 12, b"url ", 1)
    assert own in whole
    other = struct.pack(">I4sI", 12 + len(target), b"url ", 0) + target
    moved = bytearray(whole.replace(own, other))
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = moved.rindex(box, 0, moved.index(other)) - 4
        (size,) = struct.unpack_from(">I", moved, at)
        struct.pack_into(">I", moved, at, size + len(target))
    (tmp_path / "a.mov").write_bytes(moved)
    try:
        pcm = await decoded(media, tmp_path / "a.mov")
    except MediaError:
        return
    assert abs(len(pcm) / SPEECH_HZ - SECONDS) < 0.1, "its own bytes, whatever it says"


async def test_audio_that_is_too_long_is_refused_at_the_limit(files: Path) -> None:
    async with working(longest_s=1.0) as media:
        for name in ("a.flac", "a.mp4", "live.webm", "a.mp3", "a.wav"):
            decoding = media.decode(files / name)
            pieces: list[bytes] = []
            with pytest.raises(MediaError, match="longer than the 1 second") as refusal:
                pieces.extend([piece async for piece in decoding])
            assert refusal.value.code == "too_long", name
            assert (await refused(media, files / name)).code == "too_long"


async def test_a_stated_duration_of_days_is_refused_before_anything_is_decoded(
    files: Path, tmp_path: Path, media: MediaWorkers
) -> None:
    data = bytearray((files / "a.flac").read_bytes())
    data[21] |= 0x0F  # STREAMINFO: the upper bits of the number of samples, 36 bits in all
    data[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(data)
    assert (await refused(media, tmp_path / "a.flac")).code == "too_long"
