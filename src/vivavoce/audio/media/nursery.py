"""Where workers come from: the server's handle on the process they are forked from."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess

from vivavoce import child_processes
from vivavoce.audio.media.link import WorkerLink, WorkerLost
from vivavoce.audio.media.nursery_words import BURY, FORK, NUMBER, READY

_ZYGOTE = "vivavoce.audio.media.worker.zygote"
"""By name: importing it would load FFmpeg into the server."""
_START_S = 30.0
"""FFmpeg loads in a fifth of a second; a cold disk on a small machine takes longer."""
_FORK_S = 10.0
_END_S = 2.0
_TROUBLE = (OSError, TimeoutError, EOFError)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
"""All that workers get of the environment: a decoder that a file has taken over should find no keys in it."""


class Nursery:
    """Starts that process when first needed, starts it again when it has died, and asks it for workers.

    Args:
        memory_bytes: what a worker may use beyond what it shares.
        cpu_s: processor time of a worker.
        stall_s: how long a worker may take over one message.
    """

    def __init__(self, memory_bytes: int, cpu_s: int, stall_s: float) -> None:
        self._limits = (memory_bytes, cpu_s)
        self._stall_s = stall_s
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._turn = asyncio.Lock()
        self._number = 0
        self._closed = False

    async def worker(self, file: int | None) -> WorkerLink:
        """Return a link to a new worker.

        Args:
            file: an open descriptor for it to read; stays the caller's to close.

        Raises:
            WorkerLost: no worker could be started.
        """
        try:
            return self._fork(await self._running(), file)
        except _TROUBLE:
            pass  # a process that died is found out only now: once more, with a new one
        try:
            return self._fork(await self._running(renew=True), file)
        except _TROUBLE as error:
            raise WorkerLost(f"cannot start a media process: {str(error) or type(error).__name__}") from error

    def bury(self, link: WorkerLink) -> None:
        """Have done with a worker, whatever it is doing: hang up, and have it killed and reaped."""
        link.close()
        if self._control is not None:
            with contextlib.suppress(OSError):  # where that process is gone, so are its workers
                self._control.send(BURY + NUMBER.pack(link.number))

    async def close(self) -> None:
        """End the process and with it all workers, for good. Idempotent."""
        self._closed = True
        async with self._turn:
            await self._end()

    def _fork(self, control: socket.socket, file: int | None) -> WorkerLink:
        # Nobody waits for an answer: a worker that could not be forked is one whose socket has closed.
        self._number += 1
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(control, [FORK + NUMBER.pack(self._number)], [theirs.fileno(), *([] if file is None else [file])])
            except OSError:
                ours.close()
                raise
        return WorkerLink(self._number, ours, self._stall_s)

    async def _running(self, renew: bool = False) -> socket.socket:
        """Return the socket to the process, started if need be."""
        failed = self._control
        async with self._turn:
            if renew and self._control is failed:
                await self._end()
            if self._closed:
                raise WorkerLost("the media workers are closed")
            return self._control or await self._start()

    async def _start(self) -> socket.socket:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setblocking(False)
        process = await asyncio.to_thread(_launch, theirs, self._limits)
        try:
            async with asyncio.timeout(_START_S):
                if await asyncio.get_running_loop().sock_recv(control, len(READY)) != READY:
                    raise EOFError("it has ended; is the package av installed?")
        except BaseException:
            control.close()
            process.kill()
            process.wait()
            raise
        self._process, self._control = process, control
        return control

    async def _end(self) -> None:
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is not None:
            await asyncio.to_thread(child_processes.wait, process, _END_S)


def _launch(control: socket.socket, limits: tuple[int, int]) -> subprocess.Popen[bytes]:
    with control:
        return child_processes.launch(_ZYGOTE, control, *map(str, limits), environment=_PASSED_ON)
