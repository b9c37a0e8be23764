"""Where workers come from: the server's handle on the zygote process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess

from vivavoce import child_processes
from vivavoce.engines.asr.pocketsphinx.link import WorkerLink, WorkerLost
from vivavoce.engines.asr.pocketsphinx.protocol import PID

_ZYGOTE = "vivavoce.engines.asr.pocketsphinx.zygote"
"""By name: importing it would load the decoder into the server."""
_START_S = 30.0
"""The zygote loads its model in half a second; a cold disk on a small machine takes longer."""
_FORK_S = 10.0
_END_S = 2.0
_TROUBLE = (OSError, TimeoutError, EOFError)


class Nursery:
    """Starts the zygote when first needed, starts it again when it has died, and asks it for workers."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def worker(self) -> WorkerLink:
        """Return a link to a new worker.

        Raises:
            WorkerLost: no worker could be started.
        """
        async with self._turn:
            if self._closed:
                raise WorkerLost("the recognizer is closed")
            try:
                return await self._fork()
            except _TROUBLE:
                await self._end()  # a zygote that died is found out only now: once more, with a new one
            try:
                return await self._fork()
            except _TROUBLE as error:
                await self._end()
                raise WorkerLost(f"cannot start a recognizer process: {str(error) or type(error).__name__}") from error

    async def close(self) -> None:
        """End the zygote, for good. Its workers end when their own links close."""
        self._closed = True
        async with self._turn:
            await self._end()

    async def _fork(self) -> WorkerLink:
        control = self._control or await self._start()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(control, [b"f"], [theirs.fileno()])
            pid = await self._answer(control, _FORK_S)
            return await WorkerLink.open(pid, ours)
        except BaseException:
            ours.close()
            raise

    async def _start(self) -> socket.socket:
        control, theirs = socket.socketpair()
        control.setblocking(False)
        with theirs:
            self._process = await asyncio.to_thread(_launch, theirs)
        self._control = control
        await self._answer(control, _START_S)
        return control

    async def _answer(self, control: socket.socket, limit_s: float) -> int:
        received = b""
        async with asyncio.timeout(limit_s):
            while len(received) < PID.size:
                more = await asyncio.get_running_loop().sock_recv(control, PID.size - len(received))
                if not more:
                    raise EOFError("the recognizer's parent process has ended")
                received += more
        (pid,) = PID.unpack(received)
        return int(pid)

    async def _end(self) -> None:
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is not None:
            await asyncio.to_thread(child_processes.wait, process, _END_S)


def _launch(control: socket.socket) -> subprocess.Popen[bytes]:
    return child_processes.launch(_ZYGOTE, control, environment=os.environ)
