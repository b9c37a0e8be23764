"""One apertium mode, kept running: text in, translation out, in a pipe of processes of its own.

A process per clause costs 100 to 280 ms, most of it the loading of dictionaries; a pipe that is kept running answers in 1 to 5
ms. Its programs flush at a zero byte (`-z`), provided a superblank stands before it: without one the tagger waits for the word
after. The superblank holds the request's number, so that the answer to a request that was given up is told from the one waited
for.

Measured with apertium 3.8.3, one short clause: eng-spa 102 ms the first time, 1 to 5 ms afterwards, 11 processes, 117 MB;
es-pt 35 ms, 1 ms, 46 MB; cat-fra 620 ms, 2 ms, 645 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from typing import Final

from vivavoce.engines.mt.apertium_modes import Mode
from vivavoce.engines.mt.apertium_text import Translated, decode, encode
from vivavoce.engines.ports import EngineFault

FIRST_ANSWER_LIMIT_S: Final = 30.0
"""Longest wait for the first answer: the largest dictionaries take a second to load, several times that on a busy machine."""
ANSWER_LIMIT_S: Final = 5.0
"""Longest wait for each answer after that."""

_END_LIMIT_S: Final = 2.0
_MOST_BYTES: Final = 1 << 20
_TAIL: Final = re.compile(r"\[\]\[(\d+)\]$")


class ApertiumPipeline:
    """The processes of one mode; make it with `start`. Requests are answered one at a time, in order."""

    def __init__(self, mode: Mode, processes: list[asyncio.subprocess.Process]) -> None:
        self.mode = mode
        self._processes = processes
        self._turn = asyncio.Lock()
        self._number = 0
        self._broken = False
        self._loaded = False
        self.users = 0
        """How many requests are on their way to it or in it; who has it in hand counts them."""

    @classmethod
    async def start(cls, mode: Mode) -> ApertiumPipeline:
        """Start the processes.

        Raises:
            EngineFault: one of them cannot be started.
        """
        processes: list[asyncio.subprocess.Process] = []
        reading: int = asyncio.subprocess.PIPE
        try:
            for place, program in enumerate(mode.programs):
                following, writing = os.pipe() if place + 1 < len(mode.programs) else (-1, asyncio.subprocess.PIPE)
                try:
                    process = await asyncio.create_subprocess_exec(
                        *program, stdin=reading, stdout=writing, stderr=asyncio.subprocess.DEVNULL, env=_environment(),
                        limit=_MOST_BYTES, start_new_session=True,
                    )  # fmt: skip
                finally:
                    _close(reading, writing)
                    reading = following
                processes.append(process)
        except (OSError, subprocess.SubprocessError) as error:
            _close(reading)
            await _end(processes)
            raise EngineFault(f"apertium {mode.name} cannot be started: {error}") from error
        except asyncio.CancelledError:
            _close(reading)
            await _end(processes)
            raise
        return cls(mode, processes)

    @property
    def alive(self) -> bool:
        """Whether it can take requests."""
        return not self._broken and all(process.returncode is None for process in self._processes)

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes, in the order of the pipe."""
        return tuple(process.pid for process in self._processes)

    async def translate(self, text: str) -> Translated:
        """Translate one text. Cancelling the caller gives the request up and leaves the pipe usable.

        Raises:
            EngineFault: a process died, or the pipe hangs; it is of no use any more.
        """
        async with self._turn:
            if not self.alive:
                raise EngineFault(f"apertium {self.mode.name} has ended")
            self._number += 1
            try:
                async with asyncio.timeout(ANSWER_LIMIT_S if self._loaded else FIRST_ANSWER_LIMIT_S):
                    return await self._exchange(text, self._number)
            except TimeoutError as error:
                self._give_up()
                raise EngineFault(f"apertium {self.mode.name} hangs and was ended") from error
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError) as error:
                # When one of the programs dies, those behind it may still end what they have with a zero byte.
                self._give_up()
                raise EngineFault(f"apertium {self.mode.name} broke off") from error

    async def close(self) -> None:
        """End the processes: by the end of their input, and by force if that does not help. Idempotent."""
        self._broken = True
        await _end(self._processes)

    async def _exchange(self, text: str, number: int) -> Translated:
        stdin, stdout = self._processes[0].stdin, self._processes[-1].stdout
        if stdin is None or stdout is None:
            raise ValueError("the pipe has no ends")
        stdin.write(f"{encode(text)}[][{number}]\0".encode())
        await stdin.drain()
        while True:
            answer = (await stdout.readuntil(b"\0"))[:-1].decode()
            tail = _TAIL.search(answer)
            if tail is None or int(tail.group(1)) > number:
                raise ValueError("an answer without its number")
            self._loaded = True
            if int(tail.group(1)) == number:
                return decode(answer[: tail.start()])

    def _give_up(self) -> None:
        self._broken = True
        _kill(self._processes)


def _environment() -> dict[str, str]:
    """Return what the programs may know: where they lie, and that texts are UTF-8."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _close(*descriptors: int) -> None:
    """Close our copies of the ends of pipes (PIPE and the missing end are negative)."""
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


def _kill(processes: list[asyncio.subprocess.Process]) -> None:
    """End them by force, with what they started: each has a session of its own, which a Ctrl-C in the server's terminal does not reach."""
    for process in processes:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


async def _end(processes: list[asyncio.subprocess.Process]) -> None:
    if processes and processes[0].stdin is not None:
        processes[0].stdin.close()
    try:
        async with asyncio.timeout(_END_LIMIT_S):
            await asyncio.gather(*(process.wait() for process in processes))
    except TimeoutError:
        _kill(processes)
        await asyncio.gather(*(process.wait() for process in processes))
