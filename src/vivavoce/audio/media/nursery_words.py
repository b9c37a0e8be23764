"""What the server and the process its workers are forked from say to each other, one datagram each (see `worker/zygote.py`)."""

from __future__ import annotations

import struct
from typing import Final

NUMBER: Final = struct.Struct(">Q")
"""A worker's, given by the server and never again."""
FORK: Final = b"F"
BURY: Final = b"B"
READY: Final = b"R"
"""The only answer: FFmpeg is loaded."""
