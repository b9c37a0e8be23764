"""The process every worker is forked from: it loads FFmpeg once, then forks a fresh worker for every job.

A fork costs milliseconds and a few megabytes where a new interpreter costs a fifth of a second and thirty-five; and since a worker serves
one job, its limits are the job's, nothing a hostile file did to it lasts, and to cancel a job is to kill a process. This process itself never
reads a file. It has one thread, so forking it is safe, which forking the server would not be.

It is started as `python -m …zygote FD MEMORY_BYTES CPU_S`. FD is one end of a socket pair that keeps message boundaries:

- `F`, a number, and descriptors (the worker's socket, and the file to read if there is one): fork the worker of that number.
- `B` and a number: bury it. The job is over: kill the worker if it lives.

When the server ends, however it ends, the socket closes, this process ends with it, and the kernel ends the workers.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from vivavoce.audio.media.nursery_words import BURY, FORK, NUMBER, READY
from vivavoce.audio.media.worker.confinement import Limits, confine
from vivavoce.audio.media.worker.work import rehearse, work


def serve(control: socket.socket, limits: Limits) -> None:
    """Fork workers for as long as the other side of `control` lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides when we end
    rehearse()
    gc.collect()
    gc.freeze()  # keeps the collector from writing to pages the workers share
    family = _Family(limits)
    control.sendall(READY)
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 64, 2)
        except ConnectionError:
            return
        if not message:
            return
        (number,) = NUMBER.unpack(message[1:])
        if message[:1] == FORK and descriptors:
            family.fork(number, descriptors, control)
        elif message[:1] == BURY:
            family.bury(number)


class _Family:
    """The workers that live, and the dead not yet reaped. Nobody waits for any of them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._living: dict[int, int] = {}
        self._dying: set[int] = set()

    def fork(self, number: int, descriptors: list[int], control: socket.socket) -> None:
        """Fork a worker; the descriptors become its own."""
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            print(f"no media worker could be forked: {error}", file=sys.stderr, flush=True)
        else:
            if pid == 0:
                control.close()
                _be_a_worker(descriptors, self._limits, parent)
            self._living[number] = pid
        for descriptor in descriptors:
            os.close(descriptor)

    def bury(self, number: int) -> None:
        """Kill a worker, if it lives, and reap those that are dead."""
        pid = self._living.pop(number, None)
        if pid is not None:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                os.kill(pid, signal.SIGKILL)  # it is not reaped, so the number cannot be another's
                self._dying.add(pid)
            elif os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
                print(f"media worker ended by {signal.Signals(os.WTERMSIG(status)).name}", file=sys.stderr, flush=True)
        self._dying = {pid for pid in self._dying if not os.waitpid(pid, os.WNOHANG)[0]}


def _be_a_worker(descriptors: list[int], limits: Limits, parent: int) -> None:
    """Do one job; never return."""
    status = 1
    try:
        confine(limits, parent)
        with socket.socket(fileno=descriptors[0]) as connection:
            work(connection, descriptors[1] if len(descriptors) > 1 else None)
        status = 0
    finally:
        # No clean-up of the parent's state in a fork: its exit handlers and buffers are not ours.
        os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), Limits(int(sys.argv[2]), int(sys.argv[3])))
