"""What stands before the samples in a WAV file or stream."""

from __future__ import annotations

import struct
from typing import Final

UNKNOWN: Final = 0xFFFF_FFFF
"""The size of a stream whose end nobody knows, and of what is too large to be told."""

HEADING_BYTES: Final = 44

_PCM: Final = 1


def wav_heading(size: int, rate_hz: int) -> bytes:
    """Return the heading of so many bytes of mono 16-bit samples, `HEADING_BYTES` long.

    Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0, WAVE form.
    """
    size = min(size, UNKNOWN)
    whole = min(size + HEADING_BYTES - 8, UNKNOWN)
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate_hz, 2 * rate_hz, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + fmt + struct.pack("<4sI", b"data", size)
