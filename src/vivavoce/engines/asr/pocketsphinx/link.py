"""The server's side of one worker: messages out, answers in, on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket

from vivavoce.engines.asr.pocketsphinx import protocol
from vivavoce.engines.asr.pocketsphinx.protocol import Message, Reply

_SEND_BUFFER_BYTES = 64 * 1024
"""About two seconds of audio may wait on our side before `send` waits for the worker."""


class WorkerLost(Exception):
    """The worker has died or hung up."""


class WorkerLink:
    """A connection to one worker. Answers are read by whoever holds the worker, one segment at a time."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.models: set[str] = set()
        """Models it has been asked for, so that it may be preferred for them."""
        self._reader = reader
        self._writer = writer
        self._segments = 0
        self._length: int | None = None
        self._lost = False
        self._hung_up = False

    @classmethod
    async def open(cls, pid: int, connection: socket.socket) -> WorkerLink:
        """Take over the socket whose other end the worker `pid` reads."""
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        writer.transport.set_write_buffer_limits(high=_SEND_BUFFER_BYTES)
        return cls(pid, reader, writer)

    @property
    def lost(self) -> bool:
        """Whether the worker is known to be gone."""
        return self._lost or self._reader.at_eof() or self._writer.is_closing()

    def next_segment(self) -> int:
        """Return a new segment number: answers to older ones are skipped from now on."""
        self._segments += 1
        return self._segments

    async def send(self, message: Message) -> None:
        """Send one message, waiting while the worker is behind.

        Raises:
            WorkerLost: the worker is gone.
        """
        try:
            self._writer.write(protocol.encode(message))
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as error:
            self._lost = self._hung_up = True
            raise WorkerLost(str(error)) from error

    def send_now(self, message: Message) -> None:
        """Send one small message without waiting; a lost worker is found out later."""
        if not self.lost:
            self._writer.write(protocol.encode(message))

    async def receive(self) -> Reply:
        """Return the next answer to the current segment.

        Raises:
            WorkerLost: the worker is gone, or talks nonsense.
        """
        try:
            while True:
                if self._length is None:
                    self._length = protocol.length_of(await self._reader.readexactly(protocol.LENGTH.size))
                body = await self._reader.readexactly(self._length)
                self._length = None  # kept until here, so that being cancelled between the two reads loses no step
                reply = protocol.decode_reply(body)
                if reply.segment == self._segments:
                    return reply
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self._lost = self._hung_up = True
            raise WorkerLost(str(error)) from error
        except protocol.GarbledStream as error:
            self._lost = True
            raise WorkerLost(str(error)) from error

    async def close(self) -> None:
        """Hang up; the worker ends when it notices."""
        self._lost = self._hung_up = True
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def kill(self) -> None:
        """End a worker that no longer answers, or make sure of one that has ended."""
        if not (self._hung_up or self._reader.at_eof()):  # one that hung up is dead, and its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._lost = self._hung_up = True
        self._writer.close()
