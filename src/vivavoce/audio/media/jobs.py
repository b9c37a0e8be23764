"""What a worker can be asked for, and how requests and answers travel.

A message is one byte of kind, four of length (big-endian), and a body: samples or encoded audio as they are, the rest as JSON. Standard
library only: the workers read this too.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import Final

from vivavoce.audio.media.fault import Code, MediaError

HEADER: Final = struct.Struct(">cI")
MAX_BODY_BYTES: Final = 1024 * 1024
"""Larger than any message: a longer length means that the stream is out of step."""

JOB: Final = b"J"
"""To the worker, once: the job."""
AUDIO: Final = b"A"
"""Either way: samples (s16le mono) or encoded audio. Each one to an encoder is answered by one, perhaps empty; a decoder's empty ones only
say that it is alive."""
END: Final = b"E"
"""Either way: that was all."""
INFO: Final = b"I"
"""From the worker: what a file is."""
FAULT: Final = b"F"
"""From the worker: why not. The last it says."""


@dataclass(frozen=True, slots=True)
class Decode:
    """Send the file's audio.

    Args:
        hint: the file name's ending without the dot, or nothing.
        rate_hz: the rate wanted.
        longest_s: refuse what is longer.
    """

    hint: str
    rate_hz: int
    longest_s: float


@dataclass(frozen=True, slots=True)
class Probe:
    """Say what the file is. `hint` as in `Decode`."""

    hint: str


@dataclass(frozen=True, slots=True)
class Encode:
    """Write the samples that follow in a format.

    Args:
        rate_hz: the samples' rate.
        format: one of `formats.OUTPUT_FORMATS`, but `wav`: headers are the server's.
        speed: how much faster than spoken.
    """

    rate_hz: int
    format: str
    speed: float


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file says about itself.

    Args:
        duration_s: as the file states it or FFmpeg reckons it; None where neither can.
        container: `mp3`, `mp4`, `webm`, … (one name for a family: a `.m4a` is an `mp4`).
        codec: FFmpeg's name of the audio codec.
    """

    duration_s: float | None
    container: str
    codec: str


Job = Decode | Probe | Encode
_JOBS: Final[dict[str, type[Decode] | type[Probe] | type[Encode]]] = {"Decode": Decode, "Probe": Probe, "Encode": Encode}


def pack(kind: bytes, body: bytes = b"") -> bytes:
    """Return a message as it travels."""
    return HEADER.pack(kind, len(body)) + body


def unpack_header(header: bytes) -> tuple[bytes, int]:
    """Return a message's kind and the length of its body.

    Raises:
        ValueError: no message of ours is so long.
    """
    kind, length = HEADER.unpack(header)
    if length > MAX_BODY_BYTES:
        raise ValueError(f"a message of {length} bytes")
    return kind, length


def pack_job(job: Job) -> bytes:
    """Return a job as a message's body."""
    return json.dumps({"job": type(job).__name__, **asdict(job)}).encode()


def unpack_job(body: bytes) -> Job:
    """Return the job of a message's body."""
    fields = json.loads(body)
    return _JOBS[fields.pop("job")](**fields)


def pack_info(info: MediaInfo) -> bytes:
    """Return what a file is as a message's body."""
    return json.dumps(asdict(info)).encode()


def unpack_info(body: bytes) -> MediaInfo:
    """Return what a file is from a message's body."""
    return MediaInfo(**json.loads(body))


def pack_fault(message: str, code: Code) -> bytes:
    """Return a refusal as a message's body."""
    return json.dumps([message, code]).encode()


def unpack_fault(body: bytes) -> MediaError:
    """Return the refusal of a message's body."""
    message, code = json.loads(body)
    return MediaError(message, code)
