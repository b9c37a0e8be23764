"""The parent's side of one espeak-ng process: requests go out, answers come back to whoever asked.

One task reads all frames and hands them to their requests. A request that is given up is simply forgotten: its frames are dropped
as they arrive, so the process stays usable without being restarted or waited for.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import EngineFault
from vivavoce.engines.tts import espeak_child
from vivavoce.engines.tts.espeak_child import AUDIO, END, FAULT, HEADER, READY, SAY
from vivavoce.engines.tts.espeak_library import EspeakLibrary

_START_LIMIT_S = 15.0
_ANSWER_LIMIT_S = 20.0
_END_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """What to say and how: `voice` is espeak-ng's (`en-us+f3`), `rate` words a minute, the rest 0 to 100."""

    text: str
    voice: str
    rate: int
    pitch: int
    range: int
    volume: int


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The audio (int16, the process's rate) and where each word starts: (character of the text, ms)."""

    pcm: NDArray[np.int16]
    words: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Waiting:
    done: asyncio.Future[tuple[tuple[int, int], ...]]
    audio: bytearray = field(default_factory=bytearray)


class EspeakProcess:
    """One running process; make it with `start`."""

    def __init__(self, process: asyncio.subprocess.Process, rate_hz: int, version: str) -> None:
        self._process = process
        self.rate_hz = rate_hz
        self.version = version
        self._waiting: dict[int, _Waiting] = {}
        self._last_number = 0
        self._hangs = False
        self._reader = asyncio.create_task(self._read(), name="espeak-reader")

    @classmethod
    async def start(cls, library: EspeakLibrary) -> EspeakProcess:
        """Start a process and wait until its voice is loaded.

        Raises:
            EngineFault: it did not start, or found no voice.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", espeak_child.__file__, "--library", library.path, "--data-dir", library.data_dir,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise EngineFault(f"the espeak-ng process cannot be started: {error}") from error
        try:
            kind, _, payload = await asyncio.wait_for(_frame(process), _START_LIMIT_S)
            if kind != READY:
                raise EngineFault(payload.decode(errors="replace"), temporary=False)
            ready = json.loads(payload)
            return cls(process, int(ready["rate_hz"]), str(ready["version"]))
        except (asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            await _end(process)
            raise EngineFault("the espeak-ng process did not start") from error
        except (EngineFault, asyncio.CancelledError):
            await _end(process)
            raise

    @property
    def alive(self) -> bool:
        """Whether it can take requests."""
        return not self._hangs and not self._reader.done() and self._process.returncode is None

    @property
    def pending(self) -> int:
        """How many requests are unanswered."""
        return len(self._waiting)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def say(self, utterance: Utterance) -> Answer:
        """Have one utterance spoken. Cancelling the caller gives the request up and leaves the process usable.

        Raises:
            EngineFault: the process died, hangs, or refused.
        """
        stdin = self._process.stdin
        if not self.alive or stdin is None:
            raise EngineFault("the espeak-ng process has ended")
        self._last_number = number = (self._last_number + 1) & 0xFFFFFFFF
        waiting = _Waiting(asyncio.get_running_loop().create_future())
        self._waiting[number] = waiting
        request = {name: getattr(utterance, name) for name in Utterance.__slots__}
        try:
            stdin.write(espeak_child.encode(SAY, number, json.dumps(request).encode()))
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                await stdin.drain()
                words = await waiting.done
        except TimeoutError as error:
            self._hangs = True
            self._process.kill()
            raise EngineFault("the espeak-ng process hangs and was ended") from error
        except OSError as error:
            raise EngineFault("the espeak-ng process has ended") from error
        finally:
            self._waiting.pop(number, None)
            if waiting.done.done() and not waiting.done.cancelled():
                waiting.done.exception()  # seen, even if another error came first
        return Answer(np.frombuffer(bytes(waiting.audio), np.int16), words)

    async def close(self) -> None:
        """End the process: by the end of its input, and by force if that does not help. Idempotent."""
        # The reader first: it takes the end of the output for a death, and would kill what is being waited for.
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await _end(self._process)

    async def _read(self) -> None:
        try:
            while True:
                kind, number, payload = await _frame(self._process)
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done.done():
                    _take(waiting, kind, payload)
        except (asyncio.IncompleteReadError, OSError, ValueError, KeyError):
            # The end of the output, or garbage in it: either way nothing more can come of this process.
            if self._process.returncode is None:
                self._process.kill()
        finally:
            for waiting in self._waiting.values():
                if not waiting.done.done():
                    waiting.done.set_exception(EngineFault("the espeak-ng process died"))


def _take(waiting: _Waiting, kind: bytes, payload: bytes) -> None:
    if kind == AUDIO:
        waiting.audio += payload
    elif kind == END:
        words: list[list[int]] = json.loads(payload)["words"]
        waiting.done.set_result(tuple((offset, start_ms) for offset, start_ms in words))
    elif kind == FAULT:
        waiting.done.set_exception(EngineFault(payload.decode(errors="replace"), temporary=False))


async def _frame(process: asyncio.subprocess.Process) -> tuple[bytes, int, bytes]:
    out: Any = process.stdout
    size, kind, number = HEADER.unpack(await out.readexactly(HEADER.size))
    return kind, number, await out.readexactly(size)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_LIMIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
