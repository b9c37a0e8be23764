"""The echo canceller of one audio track: finds the echo's delay, learns its path, subtracts it, and holds back what is left.

```
 far ──► spectra, 700 ms ──► delay ──► echo path ──► expected echo
                                            ▲             │
 near ──────────────────────────────────────┴── minus ◄───┘──► suppressor ──► out
                                                                   ▲ residual: the echo that may be left
```

Nothing is delayed. While nothing has been played for longer than an echo can last, what comes in goes out bit by bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.echo.delay import DelayFinder
from vivavoce.audio.echo.path import EchoPath
from vivavoce.audio.echo.residual import Residual
from vivavoce.audio.echo.spectra import BLOCK_MS, Bands, Floats, power, transform, window
from vivavoce.audio.echo.suppressor import Suppressor

MAX_DELAY_MS: Final = 520
"""The longest delay that is found."""

_SILENT_PEAK: Final = 10
"""A block that peaks no higher, in steps of 16 bits, is silence: -70 dBFS."""

_PLAYED_POWER: Final = 10**-5.5
"""Mean square from which on a far block says something about delay and path: -55 dBFS."""

_HEARD_POWER: Final = 10**-8.5
"""Mean square of a near block below which there is nothing in it: -85 dBFS."""

_DIVERGED: Final = 1.5
"""Taking out more makes what is left louder than what came in: then the path is another one."""

_MEMORY: Final = 0.8
"""Per block, of the energies that are compared for it: 100 ms."""

_SCALE: Final = np.float32(32_768)


class EchoCanceller:
    """Take the echo of what was played out of what was recorded.

    Costs half a millisecond per block on one core. Not for use by several threads at once.

    Args:
        rate_hz: sample rate of both signals.

    Raises:
        ValueError: a block at this rate is no whole number of samples, or the rate is below 8 kHz.
    """

    def __init__(self, rate_hz: int = 24_000) -> None:
        if rate_hz < 8_000 or rate_hz * BLOCK_MS % 2_000:
            raise ValueError(f"no echo canceller at {rate_hz} Hz")
        self.block: Final = rate_hz * BLOCK_MS // 1000
        """Samples in a block."""
        lags = MAX_DELAY_MS // BLOCK_MS + 1
        self._reach = lags + EchoPath.PARTITIONS
        bins = self.block + 1
        self._bands = Bands(rate_hz, self.block)
        self._window = window(self.block)
        self._finder = DelayFinder(rate_hz, self.block, lags)
        self._path = EchoPath(self.block)
        self._residual = Residual(self._bands.count)
        self._suppressor = Suppressor(self._bands, self.block)
        self._first: int | None = None
        """The lag of the path's first partition."""
        self._far = np.zeros((self._reach, bins), np.complex64)
        self._far_power = np.zeros((self._reach, bins), np.float32)
        self._far_bands = np.zeros((self._reach, self._bands.count), np.float32)
        self._silent_blocks = self._reach
        self._energies = (0.0, 0.0)
        # The last block of each signal: frames are two blocks long.
        self._last_far = self._last_near = self._last_rest = self._last_echo = np.zeros(self.block, np.float32)

    @property
    def delay_ms(self) -> int | None:
        """Return the echo's delay, to within a block below; None where no echo has been found."""
        return None if self._finder.lag is None else self._finder.lag * BLOCK_MS

    @property
    def talking(self) -> bool:
        """Tell whether somebody was heard talking over the echo in the last block."""
        return self._suppressor.talking

    def process(self, near: NDArray[np.int16], far: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the near signal without echo.

        The n-th block ever given as `near` is taken to have been recorded at an unknown time, 0 to 500 ms, after the n-th one given as
        `far` was played. That time may drift slowly, and now and then jump.

        Args:
            near: [n] what the microphone recorded: whole blocks of 20 ms.
            far: [n] what the loudspeaker was given in that time.

        Returns:
            [n] samples; `near` itself while nothing has been played for longer than an echo can last.

        Raises:
            ValueError: the two differ in length, or are no whole blocks.
        """
        if near.shape != far.shape or near.ndim != 1 or len(near) % self.block:
            raise ValueError(
                f"near and far must be equally many blocks of {self.block} samples, not {near.shape} and {far.shape}"
            )
        if len(near) == self.block:
            return self._cancel(near, far)
        blocks = range(0, len(near), self.block)
        done = [self._cancel(near[at : at + self.block], far[at : at + self.block]) for at in blocks]
        return np.concatenate(done) if done else near

    def _cancel(self, near: NDArray[np.int16], far: NDArray[np.int16]) -> NDArray[np.int16]:
        heard = near.astype(np.float32) / _SCALE
        played = far.astype(np.float32) / _SCALE
        # Two comparisons: the absolute value of the lowest sample has no room in 16 bits.
        silent = bool(far.max() <= _SILENT_PEAK and far.min() >= -_SILENT_PEAK)
        self._silent_blocks = self._silent_blocks + 1 if silent else 0
        if self._silent_blocks > self._reach:
            self._rest(heard, played)
            return near
        active = float(played @ played) > _PLAYED_POWER * self.block
        self._play(played, active)
        self._listen(heard, active)
        rest, bound = self._subtract(heard)
        frame = np.concatenate([self._last_rest, rest])
        self._last_rest = rest
        out = self._suppressor.apply(frame, *bound)
        return np.asarray(np.clip(np.rint(out * _SCALE), -32_768, 32_767), dtype=np.int16)

    def _rest(self, heard: Floats, played: Floats) -> None:
        """Let a block pass; no echo of anything is under way."""
        self._last_far, self._last_near, self._last_rest = played, heard, heard
        if self._silent_blocks == self._reach + 1:
            self._last_echo = np.zeros(self.block, np.float32)
            self._far[:], self._far_power[:], self._far_bands[:] = 0, 0, 0
            self._suppressor.rest()

    def _play(self, played: Floats, active: bool) -> None:
        frame = np.concatenate([self._last_far, played])
        self._last_far = played
        for history in (self._far, self._far_power, self._far_bands):
            history[1:] = history[:-1]
        self._far[0] = transform(frame)
        self._far_power[0] = power(self._far[0])
        self._far_bands[0] = self._powers(frame)
        self._finder.played(self._far[0], active)

    def _listen(self, heard: Floats, active: bool) -> None:
        if float(heard @ heard) > _HEARD_POWER * self.block:
            self._finder.heard(transform(np.concatenate([np.zeros(self.block, np.float32), heard])))
        if self._finder.lag is not None:
            first = max(0, self._finder.lag - 1)
            if self._first is not None and first != self._first:
                self._unlearn()
            self._first = first
        self._residual.observe(self._powers(np.concatenate([self._last_near, heard])), self._far_bands[0], played=active)
        self._last_near = heard

    def _subtract(self, heard: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
        """Return what is left of a block beyond the expected echo, its powers by band, and the echo that may be in them."""
        if self._first is None:
            powers = self._powers(np.concatenate([self._last_rest, heard]))
            return heard, (powers, self._residual.unknown(self._far_bands, barren=self._finder.barren))
        under_way = slice(self._first, self._first + EchoPath.PARTITIONS)
        echo = self._path.echo(self._far[under_way])
        rest = np.asarray(heard - echo, dtype=np.float32)
        uncertain = (self._bands.means(self._path.uncertainty) * self._far_bands[under_way]).sum(axis=0)
        powers = self._powers(np.concatenate([self._last_rest, rest]))
        expected = self._powers(np.concatenate([self._last_echo, echo]))
        self._last_echo = echo
        bound = self._residual.known(powers, expected, uncertain, self._far_bands, talked=self._suppressor.talking)
        self._path.learn(self._far[under_way], self._far_power[under_way], rest, self._bands.spread(self._residual.left))
        self._watch(float(rest @ rest), float(heard @ heard))
        return rest, (powers, bound)

    def _watch(self, rest: float, heard: float) -> None:
        """Begin anew where the filter does harm."""
        self._energies = (_MEMORY * self._energies[0] + rest, _MEMORY * self._energies[1] + heard)
        if self._energies[0] > _DIVERGED * self._energies[1] + 1e-4:
            self._unlearn()

    def _unlearn(self) -> None:
        self._path.forget()
        self._residual.unlearned()
        self._energies = (0.0, 0.0)

    def _powers(self, frame: Floats) -> Floats:
        return self._bands.means(power(transform(frame * self._window)))
