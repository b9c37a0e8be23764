"""The echo path as a filter that learns: partitioned blocks in the frequency domain, each coefficient a Kalman filter of its own.

The filter keeps, beside its coefficients, how wrong each may still be (`uncertainty`). That one quantity is both its step size, large
while little is known and small as soon as somebody talks over the echo, and the measure of the echo it leaves, which the suppressor
needs: an unlearned path is suppressed as a whole.

Source: Enzner and Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones", Signal Processing
86(6), 2006; partitioned as in Kuech, Mabande and Enzner, "State-space architecture of the partitioned-block-based acoustic echo
controller", ICASSP 2014; overlap-save with a constrained gradient as in Soo and Pang, IEEE Trans. ASSP 38(2), 1990.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vivavoce.audio.echo.spectra import Floats, Spectrum, inverse, power, transform

PRIOR: Final = (0.2, 0.5, 0.3, 0.175, 0.1, 0.05, 0.025, 0.015, 0.01, 0.005)
"""Power of the unknown path by partition: an echo as loud as what was played, begun in the second partition at the latest, decaying by
half with each. The first is there for a delay that shrinks."""

_KEPT: Final = 0.9985
"""Share of the power of a coefficient that lasts to the next block: paths move, and clocks drift by some 20 parts in a million."""

_STILL: Final = 1e-6
"""Power by which even a coefficient of zero may come to life per forgotten unit."""

_LEAST_NEAR: Final = 0.1
"""Share of the error's power that always counts as the near end's."""

_TRUSTED: Final = 0.3
"""Share of the echo observed to be left that each coefficient is blamed for."""


class EchoPath:
    """An adaptive model of loudspeaker, room and microphone.

    Args:
        block: samples in a block.
    """

    PARTITIONS: Final = len(PRIOR)

    def __init__(self, block: int) -> None:
        self._block = block
        self._prior = np.repeat(np.array(PRIOR, np.float32)[:, None], block + 1, axis=1)
        self._frame = np.zeros(2 * block, np.float32)
        self._error = np.zeros(block + 1, np.float32)
        self._weights = np.zeros((self.PARTITIONS, block + 1), np.complex64)
        self.uncertainty: Floats = self._prior.copy()
        """[partitions, bins] expected squared error of each coefficient."""

    def forget(self) -> None:
        """Begin anew: the path is another one."""
        self._weights[:] = 0
        self.uncertainty = self._prior.copy()
        self._error[:] = 0

    def echo(self, far: Spectrum) -> Floats:
        """Return the echo expected in this block; `far` are the spectra [partitions, bins] of frames played, the latest first."""
        return inverse((far * self._weights).sum(axis=0))[self._block :]

    def learn(self, far: Spectrum, far_power: Floats, rest: Floats, left: Floats) -> None:
        """Learn from one block.

        Args:
            far: [partitions, bins], as for `echo`.
            far_power: its squared magnitudes.
            rest: [samples] what the microphone heard beyond the expected echo.
            left: [bins] power of the echo observed to be left, relative to the echo expected.
        """
        self._frame[self._block :] = rest
        error = transform(self._frame)
        error_power = power(error)
        # Half: a frame of errors is one block of samples and one of zeros.
        expected = 0.5 * (self.uncertainty * far_power).sum(axis=0)
        self._error += 0.5 * (error_power - self._error)
        near = np.maximum(self._error - expected, _LEAST_NEAR * error_power) + np.float32(1e-7)
        step = self.uncertainty / (2 * (expected + near))
        gradient = inverse(step * np.conj(far) * error)
        gradient[:, self._block :] = 0
        self._weights += transform(gradient)
        weights_power = power(self._weights)
        learned = self.uncertainty * np.maximum(1 - 0.5 * step * far_power, 0.05)
        drifted = np.float32(_KEPT) * learned + np.float32(1 - _KEPT) * (weights_power + np.float32(_STILL))
        self.uncertainty = np.maximum(drifted, np.float32(_TRUSTED) * left * weights_power)
