"""One job of one worker: read it from the socket, do it, say how it went."""

from __future__ import annotations

import importlib
import logging  # noqa: F401 - PyAV imports it in the middle of muxing, where it could not be had any more
import pkgutil
import socket

import av
import av.logging

from vivavoce.audio.media import jobs
from vivavoce.audio.media.fault import Code, MediaError
from vivavoce.audio.media.formats import ENCODED
from vivavoce.audio.media.jobs import Decode, Encode, Probe
from vivavoce.audio.media.worker.decoding import decode
from vivavoce.audio.media.worker.encoding import encode
from vivavoce.audio.media.worker.opening import File, describe, open_audio

_NOT_FOR_US = {"av.__main__", "av.datasets"}
_SPENT = "the audio needs more memory than one file may have"


class HungUp(Exception):
    """The server has ended the conversation: nobody is interested any more."""


class Line:
    """Messages on a blocking socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Send one message, waiting for as long as the server lets us wait.

        Raises:
            HungUp: the server has.
        """
        try:
            self._connection.sendall(jobs.pack(kind, body))
        except OSError as error:
            raise HungUp from error

    def receive(self) -> tuple[bytes, bytes]:
        """Return the next message.

        Raises:
            HungUp: the server has.
        """
        kind, length = jobs.unpack_header(self._exactly(jobs.HEADER.size))
        return kind, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            try:
                more = self._connection.recv(size - len(received))
            except OSError as error:
                raise HungUp from error
            if not more:
                raise HungUp
            received += more
        return bytes(received)


def rehearse() -> None:
    """Do beforehand, once for all workers, what jobs would do first: a confined worker cannot import, and looking up codecs takes time."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in _NOT_FOR_US:  # the class of a subtitle track, say, is imported when a file has one
            importlib.import_module(module.name)
    av.logging.set_level(None)
    for name in ENCODED:
        turns = iter([bytes(4_800), None])
        encode(Encode(16_000, name, 1.25), turns.__next__, lambda data: None)


def work(connection: socket.socket, file: int | None) -> None:
    """Do the one job that comes in on a socket; `file` is the descriptor to read, where the job is about a file."""
    line = Line(connection)
    try:
        _, body = line.receive()
        _do(jobs.unpack_job(body), file, line)
        line.send(jobs.END)
    except HungUp:
        return
    except MediaError as error:
        _refuse(line, str(error), error.code)
    except MemoryError:
        _refuse(line, _SPENT, "failed")
    except Exception as error:  # noqa: BLE001 - FFmpeg's many errors: whatever it was, the server is told, and the worker ends
        reason = "the audio cannot be read" if file is not None else "the audio cannot be encoded"
        _refuse(line, f"{reason}: {type(error).__name__}", "invalid_file" if file is not None else "failed")


def _do(job: jobs.Job, file: int | None, line: Line) -> None:
    match job:
        case Encode():
            encode(job, lambda: _samples(line), lambda data: line.send(jobs.AUDIO, data))
        case Decode(hint=hint) if file is not None:
            decode(File(file, hint), job, lambda data: line.send(jobs.AUDIO, data))
        case Probe(hint=hint) if file is not None:
            line.send(jobs.INFO, jobs.pack_info(describe(*open_audio(File(file, hint)))))
        case _:
            raise MediaError("a job about a file came without one", "failed")


def _samples(line: Line) -> bytes | None:
    kind, body = line.receive()
    return body if kind == jobs.AUDIO else None


def _refuse(line: Line, message: str, code: Code) -> None:
    try:
        line.send(jobs.FAULT, jobs.pack_fault(message, code))
    except (HungUp, MemoryError):
        return
