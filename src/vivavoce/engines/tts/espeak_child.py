"""The process in which espeak-ng lives, and the frames it is spoken to with.

espeak-ng is GPL-3. It is loaded here and only here: this file is run as a program of its own, uses nothing but the standard library,
and talks to whoever started it over its standard input and output. Importing it loads nothing.

A frame is a header (`HEADER`: payload bytes, kind, request number, little-endian) and the payload:

    parent    SAY     JSON: text, voice, rate (words a minute), pitch, range, volume
    child     READY   JSON: version, rate_hz          once, with request number 0
              AUDIO   int16 little-endian samples      any number of times
              END     JSON: words [[offset, ms], …]    where each word starts, in characters of the text and in ms of the audio
              FAULT   UTF-8 text                       instead of END, or instead of READY

Requests are answered in order. The process ends when its input does.

Source: espeak-ng 1.52, src/include/espeak-ng/speak_lib.h.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

HEADER = struct.Struct("<IcI")
SAY = b"S"
READY = b"R"
AUDIO = b"A"
END = b"E"
FAULT = b"F"

_SYNCHRONOUS = 2
"""Audio through the callback, and `espeak_Synth` returns when it is done; no thread, no waiting loop."""
_DONT_EXIT = 0x8000
_UTF8 = 1
_BY_CHARACTER = 1
_WORD_EVENT = 1
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def encode(kind: bytes, number: int, payload: bytes) -> bytes:
    """Return one frame."""
    return HEADER.pack(len(payload), kind, number) + payload


class SpeechFault(Exception):
    """The library refused."""


class Voice:
    """The library, loaded into this process, sending what it says to a stream as it says it.

    Args:
        library: path or name of the shared library.
        data_dir: folder that holds `espeak-ng-data`, or empty for the library's own.
        out: where frames go.

    Raises:
        SpeechFault: the library or its data cannot be loaded.
    """

    def __init__(self, library: str, data_dir: str, out: BinaryIO) -> None:
        try:
            self._espeak = ctypes.CDLL(library)
        except OSError as error:
            raise SpeechFault(f"espeak-ng cannot be loaded: {error}") from error
        if data_dir:
            os.chdir(data_dir)  # the library keeps this path in 160 bytes, and a virtual environment's may be longer
        espeak = self._espeak
        espeak.espeak_Info.restype = ctypes.c_char_p
        espeak.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        espeak.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self.rate_hz: int = espeak.espeak_Initialize(_SYNCHRONOUS, 0, b"." if data_dir else None, _DONT_EXIT)
        if self.rate_hz <= 0:
            raise SpeechFault("espeak-ng found no voice data")
        self.version: str = espeak.espeak_Info(None).decode()
        self._out = out
        self._number = 0
        self._words: list[tuple[int, int]] = []
        self._chosen = ""
        self._callback = _Callback(self._heard)
        espeak.espeak_SetSynthCallback(self._callback)

    def say(self, number: int, request: Mapping[str, Any]) -> None:
        """Answer one request with its audio and its end.

        Raises:
            SpeechFault: no such voice, or the library failed.
        """
        espeak = self._espeak
        if request["voice"] != self._chosen:
            if espeak.espeak_SetVoiceByName(request["voice"].encode()) != 0:
                raise SpeechFault(f"espeak-ng has no voice {request['voice']!r}")
            self._chosen = request["voice"]
        for name, parameter in _PARAMETERS.items():
            espeak.espeak_SetParameter(parameter, int(request[name]), 0)
        self._number = number
        self._words.clear()
        text = request["text"].encode() + b"\0"
        if espeak.espeak_Synth(text, len(text), 0, _BY_CHARACTER, 0, _UTF8, None, None) != 0:
            raise SpeechFault("espeak-ng failed to speak the text")
        self._out.write(encode(END, number, json.dumps({"words": self._words}).encode()))

    def _heard(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._out.write(encode(AUDIO, self._number, ctypes.string_at(samples, 2 * count)))
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == _WORD_EVENT:
                self._words.append((event.text_position - 1, event.audio_position))
            index += 1
        return 0


def serve(library: str, data_dir: str, requests: BinaryIO, out: BinaryIO) -> int:
    """Answer requests until they end; return the exit status."""
    try:
        voice = Voice(library, data_dir, out)
    except SpeechFault as fault:
        out.write(encode(FAULT, 0, str(fault).encode()))
        out.flush()
        return 1
    out.write(encode(READY, 0, json.dumps({"version": voice.version, "rate_hz": voice.rate_hz}).encode()))
    out.flush()
    while len(header := requests.read(HEADER.size)) == HEADER.size:
        size, kind, number = HEADER.unpack(header)
        payload = requests.read(size)
        try:
            if kind != SAY:
                raise SpeechFault(f"unknown request {kind!r}")
            voice.say(number, json.loads(payload))
        except SpeechFault as fault:
            out.write(encode(FAULT, number, str(fault).encode()))
        out.flush()
    return 0


def main() -> int:
    """Run the process."""
    arguments = argparse.ArgumentParser(description="Speak with espeak-ng over standard input and output.")
    arguments.add_argument("--library", required=True)
    arguments.add_argument("--data-dir", default="")
    given = arguments.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is for the server, which closes our input in its time
    frames = os.dup(1)
    os.dup2(2, 1)  # whatever the library prints must not end up between the frames
    with os.fdopen(frames, "wb", buffering=1 << 16) as out:
        try:
            return serve(given.library, given.data_dir, sys.stdin.buffer, out)
        except BrokenPipeError:
            os._exit(0)  # nobody listens any more; a normal exit would try to flush


if __name__ == "__main__":
    sys.exit(main())
