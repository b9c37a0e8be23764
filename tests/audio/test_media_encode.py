"""Speech becomes any format while it is being spoken, at any speed, at the same pitch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from tests.audio.media_files import LEVEL, TONE_HZ
from tests.audio.media_kit import Samples, decoded, in_chunks, level, living_workers, pitch_hz, tone, working

from vivavoce.audio.media import OUTPUT_FORMATS, MediaError, MediaWorkers

pytestmark = pytest.mark.asyncio(loop_scope="module")
OUT_HZ = 24_000
SPEEDS = [0.25, 0.5, 0.9, 1.0, 1.7, 2.0, 4.0]
MAGIC = {"mp3": b"\xff\xf3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF", "pcm": b""}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def media() -> AsyncIterator[MediaWorkers]:
    async with working() as workers:
        yield workers


async def encoded(media: MediaWorkers, pcm: Samples, rate_hz: int, fmt: str, speed: float = 1.0) -> bytes:
    return b"".join([piece async for piece in media.encode(in_chunks(pcm), rate_hz, fmt, speed)])


async def heard(media: MediaWorkers, data: bytes, fmt: str, folder: Path) -> Samples:
    """Return what a player of the format hears, at 24 kHz."""
    if fmt == "pcm":
        return np.frombuffer(data, "<i2")
    path = folder / f"a.{fmt}"
    path.write_bytes(data)
    return await decoded(media, path, OUT_HZ)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("fmt", OUTPUT_FORMATS)
async def test_every_format_plays_what_was_said(fmt: str, rate_hz: int, tmp_path: Path, media: MediaWorkers) -> None:
    data = await encoded(media, tone(2, rate_hz), rate_hz, fmt)
    assert data.startswith(MAGIC[fmt])
    pcm = await heard(media, data, fmt, tmp_path)
    assert abs(len(pcm) / OUT_HZ - 2) < 0.12
    assert abs(pitch_hz(pcm, OUT_HZ) - TONE_HZ) < 1.5
    assert abs(level(pcm) - LEVEL) < 0.015, "LAME takes a twentieth off"


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("fmt", OUTPUT_FORMATS)
async def test_speed_changes_the_time_and_not_the_pitch(fmt: str, speed: float, tmp_path: Path, media: MediaWorkers) -> None:
    pcm = await heard(media, await encoded(media, tone(3, OUT_HZ), OUT_HZ, fmt, speed), fmt, tmp_path)
    assert abs(len(pcm) / OUT_HZ - 3 / speed) < 0.15
    assert abs(pitch_hz(pcm, OUT_HZ) - TONE_HZ) < 5
    assert abs(level(pcm) - LEVEL) < 0.03


@pytest.mark.parametrize("fmt", OUTPUT_FORMATS)
async def test_the_first_bytes_come_before_the_last_word(fmt: str, media: MediaWorkers) -> None:
    said = 0

    async def voice() -> AsyncGenerator[NDArray[np.int16]]:
        nonlocal said
        for _ in range(100):
            said += 1
            yield tone(0.1, OUT_HZ)

    encoding = media.encode(voice(), OUT_HZ, fmt)
    received = 0
    async for piece in encoding:
        received += len(piece)
        if received > 1_000:
            break
    assert said <= 10, "a second of speech was enough"
    await encoding.aclose()


async def test_pcm_at_its_own_rate_is_what_came_in(media: MediaWorkers) -> None:
    samples = np.random.default_rng(1).integers(-32_768, 32_767, 30_000).astype(np.int16)
    assert await encoded(media, samples, OUT_HZ, "pcm") == samples.tobytes()


async def test_a_wav_begins_with_a_header_that_states_no_length(media: MediaWorkers) -> None:
    data = await encoded(media, tone(1, OUT_HZ), OUT_HZ, "wav")
    assert data[4:8] == data[40:44] == b"\xff" * 4
    assert data[44:] == tone(1, OUT_HZ).tobytes()


async def test_bare_samples_need_no_process(media: MediaWorkers) -> None:
    for fmt in ("wav", "pcm"):
        encoding = media.encode(in_chunks(tone(1, 16_000)), 16_000, fmt)
        await anext(encoding)
        assert not living_workers()
        await encoding.aclose()


async def test_the_same_speech_gives_the_same_bytes(media: MediaWorkers) -> None:
    for fmt in OUTPUT_FORMATS:
        first, second = [await encoded(media, tone(1, OUT_HZ), OUT_HZ, fmt, 1.25) for _ in range(2)]
        assert first == second, fmt


@pytest.mark.parametrize("fmt", OUTPUT_FORMATS)
@pytest.mark.parametrize("sizes", [[], [0], [1], [7, 0, 3], [300_000]])
async def test_silence_a_single_sample_and_a_long_breath_are_encoded_too(fmt: str, sizes: list[int], media: MediaWorkers) -> None:
    async def voice() -> AsyncGenerator[NDArray[np.int16]]:
        for size in sizes:
            yield np.zeros(size, np.int16)

    for speed in (1.0, 0.25):
        data = b"".join([piece async for piece in media.encode(voice(), OUT_HZ, fmt, speed)])
        assert bool(data) or sum(sizes) < 300_000


async def test_what_cannot_be_written_is_refused_before_anything_is_said(media: MediaWorkers) -> None:
    silence = in_chunks(np.zeros(100, np.int16))
    with pytest.raises(MediaError, match="mp3, opus, aac") as refusal:
        media.encode(silence, OUT_HZ, "midi")
    assert refusal.value.code == "unsupported_format"
    for speed in (0.0, 0.2, 4.1, float("nan")):
        with pytest.raises(ValueError, match="speed"):
            media.encode(silence, OUT_HZ, "mp3", speed)
    with pytest.raises(ValueError, match="Hz"):
        media.encode(silence, 0, "mp3")


async def test_a_voice_that_fails_is_heard_of_and_leaves_no_worker(media: MediaWorkers) -> None:
    async def voice() -> AsyncGenerator[NDArray[np.int16]]:
        yield tone(1, OUT_HZ)
        raise RuntimeError("lost its voice")

    with pytest.raises(RuntimeError, match="lost its voice"):
        async for _ in media.encode(voice(), OUT_HZ, "mp3"):
            pass
    assert await encoded(media, tone(1, OUT_HZ), OUT_HZ, "mp3")
