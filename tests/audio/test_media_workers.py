"""The worker processes: bounded, confined, replaced when they fail, gone when nobody needs them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audio.media_kit import (
    SPEECH_HZ,
    decoded,
    eventually,
    gone,
    in_chunks,
    living_workers,
    make_files,
    resident_mb,
    tone,
    working,
    zygotes,
)

from vivavoce.audio.media import MediaError, MediaWorkers

SECONDS = 30


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("media"), SECONDS, "a.mp3", "a.flac", "a.webm")


async def begun(media: MediaWorkers, path: Path) -> AsyncGenerator[bytes]:
    """Return a decoding of which something has been heard and much is left."""
    decoding = media.decode(path)
    await anext(decoding)
    return decoding


def synchsafe(size: int) -> bytes:
    """Return a length as ID3 writes it: seven bits in a byte."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def limits_of(pid: int) -> dict[str, list[str]]:
    """Return a process's limits: name to soft and hard."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


async def rest(decoding: AsyncGenerator[bytes]) -> int:
    return sum([len(piece) async for piece in decoding])


async def test_nothing_is_started_before_it_is_needed() -> None:
    async with working():
        assert not zygotes()


async def test_a_worker_ends_with_its_job(files: Path) -> None:
    async with working() as media:
        await decoded(media, files / "a.mp3")
        await eventually(lambda: not living_workers())
        assert media.lost == 0


async def test_a_worker_that_is_killed_fails_its_job_and_no_other(files: Path) -> None:
    async with working() as media:
        first = await begun(media, files / "a.flac")
        (victim,) = living_workers()
        second = await begun(media, files / "a.flac")
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(MediaError) as failure:
            await rest(first)
        assert failure.value.code == "failed"
        assert await rest(second) > (SECONDS - 2) * SPEECH_HZ * 2
        assert media.lost == 1
        assert len(await decoded(media, files / "a.mp3")) > (SECONDS - 1) * SPEECH_HZ


async def test_a_worker_that_hangs_is_killed(files: Path) -> None:
    async with working(stall_s=0.3) as media:
        decoding = await begun(media, files / "a.flac")
        (victim,) = living_workers()
        os.kill(victim, signal.SIGSTOP)
        with pytest.raises(MediaError, match="hangs") as failure:
            await rest(decoding)
        assert failure.value.code == "failed"
        await eventually(lambda: gone(victim))


async def test_an_encoder_that_hangs_is_killed_and_a_voice_that_pauses_is_not(files: Path) -> None:
    async def voice(stop: bool) -> AsyncGenerator[NDArray[np.int16]]:
        yield tone(0.5, SPEECH_HZ)
        await asyncio.sleep(0.6)
        if stop:
            os.kill(living_workers()[0], signal.SIGSTOP)
        yield tone(0.5, SPEECH_HZ)

    async with working(stall_s=0.3) as media:
        assert await rest(media.encode(voice(False), SPEECH_HZ, "mp3")) > 5_000
        with pytest.raises(MediaError) as failure:
            await rest(media.encode(voice(True), SPEECH_HZ, "mp3"))
        assert failure.value.code == "failed"
        await eventually(lambda: not living_workers())


async def test_a_job_that_wants_too_much_memory_gets_none(files: Path, tmp_path: Path) -> None:
    # An MP3 whose tag holds a picture of 200 MB, nearly all of it a hole in the file.
    size = 200 * 1024 * 1024
    with (tmp_path / "a.mp3").open("wb") as file:
        file.write(b"ID3\4\0\0" + synchsafe(size + 10) + b"APIC" + synchsafe(size) + b"\0\0\0image/png\0\3\0")
        file.seek(size + 20)
        file.write((files / "a.mp3").read_bytes())
    async with working(memory_bytes=32 * 1024 * 1024) as media:
        try:
            await begun(media, tmp_path / "a.mp3")
        except MediaError as error:
            assert error.code in ("failed", "invalid_file")  # noqa: PT017 - passing the picture over is as good
        assert max([resident_mb(pid, "VmHWM") for pid in living_workers()], default=0) < 100
        assert len(await decoded(media, files / "a.mp3")) > (SECONDS - 1) * SPEECH_HZ


async def test_a_job_that_wants_too_much_time_ends() -> None:
    async with working(cpu_s=1) as media:
        with pytest.raises(MediaError) as failure:
            await rest(media.encode(in_chunks(tone(60, SPEECH_HZ)), SPEECH_HZ, "aac", 0.25))
        assert failure.value.code == "failed"
        assert await rest(media.encode(in_chunks(tone(1, SPEECH_HZ)), SPEECH_HZ, "aac")) > 1_000


async def test_giving_up_a_decoding_kills_its_worker_at_once(files: Path) -> None:
    async with working(workers=1) as media:
        for _ in range(5):
            decoding = await begun(media, files / "a.flac")
            (worker,) = living_workers()
            await decoding.aclose()
            await eventually(lambda worker=worker: gone(worker))  # type: ignore[misc]
        assert media.lost == 0
        assert len(await decoded(media, files / "a.mp3")) > (SECONDS - 1) * SPEECH_HZ, "and its place is free"


async def test_giving_up_an_encoding_kills_its_worker_at_once() -> None:
    async with working(workers=1) as media:
        encoding = media.encode(in_chunks(tone(60, SPEECH_HZ)), SPEECH_HZ, "opus")
        await anext(encoding)
        await encoding.aclose()
        await eventually(lambda: not living_workers())
        assert await rest(media.encode(in_chunks(tone(1, SPEECH_HZ)), SPEECH_HZ, "opus")) > 1_000


async def test_cancelling_at_any_moment_leaks_nothing(files: Path) -> None:
    async with working(workers=2) as media:
        for number in range(30):
            job = asyncio.create_task(decoded(media, files / "a.flac"))
            await asyncio.sleep(number * 0.002)
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        assert len(await decoded(media, files / "a.mp3")) > (SECONDS - 1) * SPEECH_HZ
        await eventually(lambda: not living_workers())
        open_files = len(os.listdir("/proc/self/fd"))
        await decoded(media, files / "a.mp3")
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) <= open_files


async def test_many_at_once_are_served_by_a_few(files: Path) -> None:
    most = 0

    async def one(media: MediaWorkers) -> int:
        nonlocal most
        heard = 0
        async for piece in media.decode(files / "a.mp3"):
            heard += len(piece)
            most = max(most, len(living_workers()))
        return heard

    async with working(workers=3, wait_s=60) as media:
        lengths = await asyncio.gather(*(one(media) for _ in range(12)))
    assert len(set(lengths)) == 1
    assert most <= 4, "three, and one that is just ending"


async def test_when_every_worker_is_taken_a_job_is_refused_after_its_wait(files: Path) -> None:
    async with working(workers=1, wait_s=0.05) as media:
        decoding = await begun(media, files / "a.flac")
        with pytest.raises(MediaError, match="try again") as refusal:
            await media.probe(files / "a.mp3")
        assert refusal.value.code == "overloaded"
        await decoding.aclose()
        assert (await media.probe(files / "a.mp3")).codec == "mp3"


async def test_a_consumer_may_take_its_time(files: Path) -> None:
    async with working(stall_s=0.2) as media:
        decoding = await begun(media, files / "a.flac")
        await asyncio.sleep(0.5)
        assert await rest(decoding) > (SECONDS - 2) * SPEECH_HZ * 2


async def test_the_process_workers_come_from_is_replaced_too(files: Path) -> None:
    async with working() as media:
        await decoded(media, files / "a.mp3")
        (zygote,) = zygotes()
        decoding = await begun(media, files / "a.flac")
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(MediaError):
            await rest(decoding)
        assert len(await decoded(media, files / "a.mp3")) > (SECONDS - 1) * SPEECH_HZ


async def test_closing_ends_every_process_and_fails_what_runs(files: Path) -> None:
    media = MediaWorkers()
    decoding = await begun(media, files / "a.flac")
    processes = [*zygotes(), *living_workers()]
    assert len(processes) == 2
    await media.close()
    await media.close()
    await eventually(lambda: all(gone(pid) for pid in processes))
    with pytest.raises(MediaError) as failure:
        await rest(decoding)
    assert failure.value.code == "failed"
    with pytest.raises(MediaError, match="closed"):
        await media.probe(files / "a.mp3")


SERVER = """
import asyncio, sys
from pathlib import Path
from vivavoce.audio.media import MediaWorkers

async def main():
    media = MediaWorkers()
    decoding = media.decode(Path(sys.argv[1]))
    await anext(decoding)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_no_process_outlives_a_server_that_is_killed(files: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "VIVAVOCE_API_KEYS": "sk-not-for-decoders"}
    command = [sys.executable, "-c", SERVER, str(files / "a.flac")]
    server = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        assert server.stdout is not None
        await server.stdout.readline()
        family = [*zygotes(server.pid), *living_workers(server.pid)]
        assert len(family) == 2
        for pid in family:
            assert b"sk-not-for-decoders" not in environment_of(pid)
        os.kill(family[1], signal.SIGSTOP)  # one that hangs dies too
    finally:
        server.kill()
        await server.wait()
    await eventually(lambda: all(gone(pid) for pid in family))


async def test_a_worker_may_open_nothing_and_write_nothing(files: Path) -> None:
    async with working() as media:
        decoding = await begun(media, files / "a.flac")
        limits = limits_of(living_workers()[0])
        await decoding.aclose()
    for name in ("Max open files", "Max file size", "Max core file size"):
        assert limits[name] == ["0", "0"], name
    for name in ("Max address space", "Max cpu time"):
        assert "unlimited" not in limits[name], name


async def test_memory_does_not_grow_with_the_length_of_the_audio(tmp_path: Path) -> None:
    make_files(tmp_path, 600, "silent.flac")
    async with working() as media:
        heard, server, worker = 0, [], []
        async for piece in media.decode(tmp_path / "silent.flac"):
            heard += len(piece)
            if heard % (60 * SPEECH_HZ * 2) < len(piece):
                server.append(resident_mb(os.getpid()))
                worker += [resident_mb(pid) for pid in living_workers()]
    assert heard == 600 * SPEECH_HZ * 2
    assert max(server) - server[0] < 8
    assert max(worker) - worker[0] < 8
    assert max(worker) < 40


async def test_the_server_is_free_while_a_worker_works(files: Path) -> None:
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with working() as media:
        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        await decoded(media, files / "a.webm")
        took = time.monotonic() - began
        ticking.cancel()
    assert turns > 100, f"in {took:.2f} s"


def test_the_server_never_loads_ffmpeg() -> None:
    code = (
        "import sys, asyncio, pkgutil, importlib, vivavoce.audio.media\n"
        "from vivavoce.api.app import create_app\n"
        "from vivavoce.audio.media.workers import MediaWorkers\n"
        "async def main():\n"
        "    media = MediaWorkers()\n"
        "    try: await media.probe(__import__('pathlib').Path('/dev/null'))\n"
        "    except ValueError: pass\n"
        "    print([d async for d in media.encode(empty(), 16000, 'mp3')])\n"
        "    await media.close()\n"
        "async def empty():\n"
        "    return\n"
        "    yield\n"
        "asyncio.run(main())\n"
        "loaded = [name for name in sys.modules if name == 'av' or name.startswith(('av.', 'vivavoce.audio.media.worker.'))]\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
