"""What a forked worker does: read messages from its socket, hear, answer; end when the other side hangs up."""

from __future__ import annotations

import contextlib
import select
import socket
from collections import deque
from pathlib import Path

import msgspec

from vivavoce.engines.asr.pocketsphinx import protocol
from vivavoce.engines.asr.pocketsphinx.decoder import SpeechDecoder
from vivavoce.engines.asr.pocketsphinx.protocol import Abort, Audio, Build, Finish, Request, Start
from vivavoce.engines.asr.pocketsphinx.vocabulary import build

STEP_BYTES = 3_200
"""Audio decoded at a time: 100 ms. Shorter steps cost CPU and make partials restless; longer ones delay both."""
_READ_BYTES = 256 * 1024
_AHEAD_BYTES = 1024 * 1024
"""Read ahead so much at most, looking for an abort; beyond it the socket makes the sender wait."""


class Inbox:
    """Messages in order, read ahead so that an aborted segment's audio need not be decoded first."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._bytes = bytearray()
        self._waiting: deque[Request] = deque()
        self._aborted: set[int] = set()

    def next(self) -> Request:
        """Return the next message, waiting for it if need be.

        Raises:
            EOFError: the other side has hung up.
            GarbledStream: what came is no message.
        """
        while not self._waiting:
            self._read()
        while len(self._bytes) < _AHEAD_BYTES and len(self._waiting) < _AHEAD_BYTES // STEP_BYTES and self._ready():
            self._read()
        return self._waiting.popleft()

    def is_aborted(self, segment: int) -> bool:
        """Whether the sender has already given the segment up."""
        return segment in self._aborted

    def forget(self, segment: int) -> None:
        """Note that an abort has been dealt with."""
        self._aborted.discard(segment)

    def _ready(self) -> bool:
        return bool(select.select([self._connection], [], [], 0)[0])

    def _read(self) -> None:
        received = self._connection.recv(_READ_BYTES)
        if not received:
            raise EOFError
        self._bytes += received
        head = protocol.LENGTH.size
        while len(self._bytes) >= head:
            end = head + protocol.length_of(bytes(self._bytes[:head]))
            if len(self._bytes) < end:
                break
            message = protocol.decode_request(bytes(self._bytes[head:end]))
            del self._bytes[:end]
            if isinstance(message, Abort):
                self._aborted.add(message.segment)
            self._waiting.append(message)


class Worker:
    """Hears the segments of one connection, one after the other."""

    def __init__(self, connection: socket.socket, decoder: SpeechDecoder) -> None:
        self._connection = connection
        self._decoder = decoder
        self._inbox = Inbox(connection)
        self._segment: int | None = None
        self._audio = bytearray()

    def run(self) -> None:
        """Serve until the other side hangs up."""
        with contextlib.suppress(EOFError, ConnectionError, protocol.GarbledStream):
            while True:
                self._handle(self._inbox.next())

    def _handle(self, message: Request) -> None:
        try:
            match message:
                case Start(segment):
                    self._segment = None
                    if not self._inbox.is_aborted(segment):
                        self._audio.clear()
                        self._decoder.start(message.model, message.mean, partials=message.partials, delay=message.delay)
                        self._segment = segment
                case Audio(segment, pcm) if segment == self._segment and not self._inbox.is_aborted(segment):
                    self._audio += pcm
                    self._hear(segment)
                case Finish(segment) if segment == self._segment and not self._inbox.is_aborted(segment):
                    self._segment = None
                    self._finish(segment)
                case Abort(segment):
                    self._inbox.forget(segment)
                    if segment == self._segment:
                        self._segment = None
                        self._decoder.abort()
                case Build():
                    useful = build(message.topic, Path(message.path), self._decoder.lookup, self._decoder.background())
                    self._send(protocol.Built(message.segment, useful))
                case _:
                    pass  # audio of a segment that failed or was given up
        except (ConnectionError, EOFError):
            raise
        except (RuntimeError, ValueError, OSError, KeyError, msgspec.MsgspecError) as error:
            # What the decoder and the model builder raise: this segment is lost, the worker is not.
            self._segment = None
            self._send(protocol.Fault(message.segment, f"{type(error).__name__}: {error}"))

    def _hear(self, segment: int) -> None:
        while len(self._audio) >= STEP_BYTES:
            step = bytes(self._audio[:STEP_BYTES])
            del self._audio[:STEP_BYTES]
            grown = self._decoder.feed(step)
            if grown is not None:
                self._send(protocol.Partial(segment, grown))

    def _finish(self, segment: int) -> None:
        rest = bytes(self._audio[: len(self._audio) // 2 * 2])
        self._audio.clear()
        if rest:
            self._decoder.feed(rest)
        heard = self._decoder.finish()
        self._send(protocol.Final(segment, heard.words, heard.confidence, heard.mean))

    def _send(self, message: protocol.Message) -> None:
        self._connection.sendall(protocol.encode(message))
