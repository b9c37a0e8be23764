"""The recognizer as a session meets it: real processes, real clips, and what happens when things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from vivavoce.engines.asr.pocketsphinx.recognizer import PocketsphinxRecognizer
from vivavoce.engines.ports import Delay, EngineFault, Hypothesis, RecognitionOptions, Recognizer, Vocabulary

LIGHT = {
    "type": "function",
    "name": "set_light",
    "description": "Turn a light on or off.",
    "parameters": {
        "type": "object",
        "properties": {
            "room": {"type": "string", "enum": ["kitchen", "living room", "bedroom"]},
            "state": {"type": "string", "enum": ["on", "off"]},
        },
        "required": ["room", "state"],
    },
}
HOME = Vocabulary(instructions="You run a house.", tools=(LIGHT,))
WALK = Vocabulary(keywords=("go forward ten meters", "turn left", "turn right", "go back"))
SILENCE = b"\x00\x00" * 1600


def noise(seconds: float) -> bytes:
    samples = np.random.default_rng(7).normal(0, 300, int(16_000 * seconds))
    return samples.astype("<i2").tobytes()


def clip(speech: Path, name: str) -> bytes:
    with wave.open(str(speech / name)) as file:
        assert file.getframerate() == 16_000
        return bytes(file.readframes(file.getnframes()))


async def chunks(pcm: bytes, size: int = 3200) -> AsyncIterator[bytes]:
    for place in range(0, len(pcm), size):
        yield pcm[place : place + size]
        await asyncio.sleep(0)


async def endless(started: asyncio.Event, pcm: bytes = SILENCE) -> AsyncIterator[bytes]:
    """Speak until cancelled; tell when half a second has been heard."""
    for _ in range(10_000):
        yield pcm
        await asyncio.sleep(0.01)
        started.set()


async def final(recognizer: Recognizer, audio: AsyncIterator[bytes], options: RecognitionOptions | None = None) -> Hypothesis:
    heard = [hypothesis async for hypothesis in recognizer.recognize(audio, options or RecognitionOptions())]
    assert [hypothesis.final for hypothesis in heard] == [False] * (len(heard) - 1) + [True]
    return heard[-1]


def files(folder: Path, suffix: str = "") -> list[str]:
    """Return the files anywhere in a folder."""
    return [name for _, _, names in os.walk(folder) for name in names if name.endswith(suffix)]


def children(pid: int) -> list[int]:
    """Return the living child processes of a process (Linux)."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return [child for child in found if "Z" not in Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]]


def workers() -> list[int]:
    """Return the process ids of every worker of this test."""
    return [worker for zygote in children(os.getpid()) for worker in children(zygote)]


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
async def recognizer() -> AsyncIterator[PocketsphinxRecognizer]:
    recognizer = PocketsphinxRecognizer(workers=2, lease_timeout_s=0.3)
    await recognizer.warm()
    yield recognizer
    await recognizer.close()


def test_it_satisfies_the_port() -> None:
    recognizer: Recognizer = PocketsphinxRecognizer(workers=1)
    assert recognizer.capabilities.languages == ("en",)
    with pytest.raises(ValueError, match="needs a worker"):
        PocketsphinxRecognizer(workers=0)


@pytest.mark.speech
async def test_a_phrase_of_the_session_is_understood(recognizer: PocketsphinxRecognizer, speech: Path) -> None:
    pcm = clip(speech, "commands/ps_goforward.wav")
    options = RecognitionOptions(vocabulary=WALK, partials=True, speaker="someone")
    await recognizer.prepare(WALK)
    heard = [hypothesis async for hypothesis in recognizer.recognize(chunks(pcm, 999), options)]
    assert heard[-1].text == "go forward ten meters"
    assert 0.5 < heard[-1].confidence <= 1
    shown = ""
    for partial in heard[:-1]:
        assert partial.text.startswith(shown)
        shown = partial.text
        assert " ".join(word.text for word in partial.words) == shown
        assert all(0 <= word.start_ms < word.end_ms <= 2_790 for word in partial.words)
    words = heard[-1].words
    assert [word.text for word in words] == ["go", "forward", "ten", "meters"]
    assert all(0 <= word.start_ms < word.end_ms <= 2_790 for word in words)
    assert all(before.end_ms <= after.start_ms for before, after in itertools.pairwise(words))
    assert all(0 <= word.confidence <= 1 for word in words)


@pytest.mark.speech
async def test_open_speech_still_yields_its_own_words(recognizer: PocketsphinxRecognizer, speech: Path) -> None:
    pcm = clip(speech, "dictation/sb_spk1_snt5.wav")
    heard = await final(recognizer, chunks(pcm), RecognitionOptions(vocabulary=HOME))
    assert heard.text == "sunday is the best part of the week"


@pytest.mark.speech
async def test_a_longer_delay_has_shown_less_when_the_segment_ends(recognizer: PocketsphinxRecognizer, speech: Path) -> None:
    pcm = clip(speech, "dictation/sb_spk1_snt5.wav")
    shown = []
    for delay in get_args(Delay):
        options = RecognitionOptions(partials=True, delay=delay)
        partials = [heard async for heard in recognizer.recognize(chunks(pcm), options) if not heard.final]
        shown.append(len(partials[-1].words) if partials else 0)
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > shown[-1]


@pytest.mark.speech
async def test_no_partials_unless_asked_for(recognizer: PocketsphinxRecognizer, speech: Path) -> None:
    pcm = clip(speech, "dictation/sb_spk1_snt5.wav")
    assert len([hypothesis async for hypothesis in recognizer.recognize(chunks(pcm), RecognitionOptions())]) == 1


@pytest.mark.parametrize("pcm", [b"", b"\x01", b"\x00\x00" * 8_000, noise(0.05)])
async def test_no_speech_is_an_empty_text(recognizer: PocketsphinxRecognizer, pcm: bytes) -> None:
    assert (await final(recognizer, chunks(pcm), RecognitionOptions(vocabulary=HOME))).text == ""


async def test_chunks_of_any_length_are_put_together(recognizer: PocketsphinxRecognizer) -> None:
    pcm = noise(1.5) + b"\x01"
    texts = {(await final(recognizer, chunks(pcm, size))).text for size in (1, 333, 200_000)}
    assert len(texts) == 1


async def test_a_killed_worker_fails_its_stream_alone_and_is_replaced(recognizer: PocketsphinxRecognizer) -> None:
    started = [asyncio.Event(), asyncio.Event()]
    stop = asyncio.Event()

    async def until_stopped(index: int) -> AsyncIterator[bytes]:
        async for chunk in endless(started[index]):
            yield chunk
            if stop.is_set():
                return

    streams = [asyncio.create_task(final(recognizer, until_stopped(index))) for index in range(2)]
    await asyncio.gather(*(event.wait() for event in started))
    before = workers()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    stop.set()
    results = await asyncio.gather(*streams, return_exceptions=True)
    assert [type(result) for result in results].count(EngineFault) == 1
    assert [type(result) for result in results].count(Hypothesis) == 1
    await asyncio.gather(*(final(recognizer, chunks(noise(0.5))) for _ in range(2)))
    assert len(workers()) == 2


async def test_a_worker_that_died_idle_is_not_lent(recognizer: PocketsphinxRecognizer) -> None:
    dead = workers()
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, dead)
    await asyncio.sleep(0.05)
    await final(recognizer, chunks(noise(0.2)))


async def test_the_zygote_is_replaced_too(recognizer: PocketsphinxRecognizer) -> None:
    everyone = [*children(os.getpid()), *workers()]
    for pid in everyone:
        os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.1)
    await final(recognizer, chunks(noise(0.2)))


async def test_when_every_worker_is_busy_the_next_is_refused(recognizer: PocketsphinxRecognizer) -> None:
    started = [asyncio.Event(), asyncio.Event()]
    busy = [asyncio.create_task(final(recognizer, endless(event))) for event in started]
    await asyncio.gather(*(event.wait() for event in started))
    with pytest.raises(EngineFault) as refused:
        await final(recognizer, chunks(noise(0.2)))
    assert refused.value.code == "server_is_overloaded"
    assert refused.value.temporary
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    await final(recognizer, chunks(noise(0.2)))


async def test_closing_the_stream_frees_the_worker_and_ends_the_audio(recognizer: PocketsphinxRecognizer) -> None:
    ended = []

    async def audio() -> AsyncIterator[bytes]:
        try:
            async for chunk in endless(asyncio.Event()):
                yield chunk
        finally:
            ended.append(True)

    pids = workers()
    for _ in range(6):
        stream = recognizer.recognize(audio(), RecognitionOptions())
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await stream.aclose()
    assert len(ended) == 6
    await asyncio.gather(*(final(recognizer, chunks(noise(0.2))) for _ in range(2)))
    assert workers() == pids


async def test_a_broken_source_frees_the_worker(recognizer: PocketsphinxRecognizer) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield SILENCE
        raise ConnectionResetError("the caller is gone")

    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            await final(recognizer, broken())
    await final(recognizer, chunks(noise(0.2)))


async def test_more_segments_than_workers_wait_their_turn() -> None:
    recognizer = PocketsphinxRecognizer(workers=1, lease_timeout_s=30)
    try:
        heard = await asyncio.gather(*(final(recognizer, chunks(noise(0.3))) for _ in range(6)))
        assert len(heard) == 6
        assert len(workers()) == 1
    finally:
        await recognizer.close()


async def test_a_vocabulary_is_built_once_and_removed_on_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    recognizer = PocketsphinxRecognizer(workers=1)
    await asyncio.gather(*(recognizer.prepare(HOME) for _ in range(5)))
    await recognizer.prepare(Vocabulary(instructions="Chat."))
    assert len(files(tmp_path, ".lm")) == 1
    await recognizer.close()
    assert not files(tmp_path)
    await recognizer.close()


async def test_many_vocabularies_with_unknown_words_live_in_one_worker() -> None:
    recognizer = PocketsphinxRecognizer(workers=1)
    try:
        for turn in range(2):
            for number in range(7):
                word = "zorb" + "abcdefg"[number] * 2 + "ax"
                vocabulary = Vocabulary(keywords=(word, f"{word} please"))
                await final(recognizer, chunks(noise(0.3)), RecognitionOptions(vocabulary=vocabulary))
            assert turn < 2
        await final(recognizer, chunks(noise(0.3)))
        assert len(workers()) == 2  # the listener and the builder: nobody died
    finally:
        await recognizer.close()


async def test_closing_ends_every_process() -> None:
    recognizer = PocketsphinxRecognizer(workers=2)
    await recognizer.warm()
    everyone = [*children(os.getpid()), *workers()]
    assert len(everyone) == 3
    await recognizer.close()
    await asyncio.to_thread(wait_until_gone, everyone)
    with pytest.raises(EngineFault):
        await final(recognizer, chunks(noise(0.1)))


_PARENT = """
import asyncio, os, signal
from vivavoce.engines.asr.pocketsphinx.recognizer import PocketsphinxRecognizer
async def main():
    recognizer = PocketsphinxRecognizer(workers=2)
    await recognizer.warm()
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_workers_end_with_a_parent_that_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        zygotes = children(parent.pid)
        everyone = [*zygotes, *(worker for zygote in zygotes for worker in children(zygote))]
        assert len(everyone) == 3
        parent.kill()
    wait_until_gone(everyone)
