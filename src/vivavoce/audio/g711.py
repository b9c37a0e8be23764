"""G.711 µ-law and A-law by table: numpy only, so that it works on every Python (audioop is gone since 3.13).

Source: ITU-T G.711; the tables are computed from its segment definition at import.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MU_BIAS: Final = 33
_MU_CLIP: Final = 8_159


def _decode_mu(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 1) + _MU_BIAS << ((code >> 4) & 7)) - _MU_BIAS
    return -magnitude << 2 if code & 0x80 else magnitude << 2


def _decode_a(code: int) -> int:
    code ^= 0x55
    segment, step = (code >> 4) & 7, code & 0x0F
    magnitude = (step << 1) + 1 if segment == 0 else (step << 1) + 33 << segment - 1
    return magnitude << 3 if code & 0x80 else -magnitude << 3


def _encoder(decode: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Return the code nearest to each of the 65,536 samples, of equals the one with the smaller magnitude."""
    order = np.argsort(decode, kind="stable")
    levels = decode[order].astype(np.int32)
    samples = np.arange(-32_768, 32_768, dtype=np.int32)
    right = np.clip(np.searchsorted(levels, samples), 1, len(levels) - 1)
    left = right - 1
    nearer = np.where(samples - levels[left] <= levels[right] - samples, left, right)
    return order[nearer].astype(np.uint8)


_MU_DECODE: Final = np.array([_decode_mu(code) for code in range(256)], dtype=np.int16)
_A_DECODE: Final = np.array([_decode_a(code) for code in range(256)], dtype=np.int16)
_MU_ENCODE: Final = _encoder(_MU_DECODE)
_A_ENCODE: Final = _encoder(_A_DECODE)


def decode_mulaw(data: bytes) -> NDArray[np.int16]:
    """Return the int16 samples of µ-law bytes, one each."""
    return _MU_DECODE[np.frombuffer(data, dtype=np.uint8)]


def encode_mulaw(pcm: NDArray[np.int16]) -> bytes:
    """Return the µ-law bytes of int16 samples, one each."""
    return _MU_ENCODE[pcm.astype(np.int32) + 32_768].tobytes()


def decode_alaw(data: bytes) -> NDArray[np.int16]:
    """Return the int16 samples of A-law bytes, one each."""
    return _A_DECODE[np.frombuffer(data, dtype=np.uint8)]


def encode_alaw(pcm: NDArray[np.int16]) -> bytes:
    """Return the A-law bytes of int16 samples, one each."""
    return _A_ENCODE[pcm.astype(np.int32) + 32_768].tobytes()
