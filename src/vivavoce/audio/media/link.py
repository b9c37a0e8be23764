"""The server's side of one worker: messages out, answers in, on the event loop."""

from __future__ import annotations

import asyncio
import socket

from vivavoce.audio.media import jobs


class WorkerLost(Exception):
    """The worker has died, hung up, hung, or talks nonsense."""


class WorkerLink:
    """A socket to one worker, for one job.

    Args:
        number: the worker's.
        connection: the socket whose other end it reads; ours to close.
        stall_s: how long it may take over any one message.
    """

    def __init__(self, number: int, connection: socket.socket, stall_s: float) -> None:
        connection.setblocking(False)
        self.number = number
        self._connection = connection
        self._stall_s = stall_s

    async def send(self, kind: bytes, body: bytes = b"") -> None:
        """Send one message.

        Raises:
            WorkerLost: the worker does not take it.
        """
        try:
            async with asyncio.timeout(self._stall_s):
                await asyncio.get_running_loop().sock_sendall(self._connection, jobs.pack(kind, body))
        except TimeoutError as error:
            raise WorkerLost("it hangs") from error
        except OSError as error:
            raise WorkerLost("it has ended") from error

    async def receive(self) -> tuple[bytes, bytes]:
        """Return the kind and the body of the next message.

        Raises:
            WorkerLost: none comes.
        """
        try:
            async with asyncio.timeout(self._stall_s):
                kind, length = jobs.unpack_header(await self._exactly(jobs.HEADER.size))
                return kind, await self._exactly(length)
        except TimeoutError as error:
            raise WorkerLost("it hangs") from error
        except (OSError, EOFError) as error:
            raise WorkerLost("it has ended") from error
        except ValueError as error:
            raise WorkerLost(f"it talks nonsense: {error}") from error

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def _exactly(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        received = bytearray()
        while len(received) < size:
            more = await loop.sock_recv(self._connection, size - len(received))
            if not more:
                raise EOFError
            received += more
        return bytes(received)
