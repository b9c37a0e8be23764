"""Noise reduction by the audio processing of WebRTC, which browsers run on their microphones, out of the package `pywebrtc-audio`.

`near_field` suppresses noise and touches nothing else; `far_field` suppresses more, takes out rumble below speech and brings faint
voices to a common level. The suppressor has four depths; what lies between them is its output mixed with its input.

Source: WebRTC's `modules/audio_processing` (noise suppression `ns`, high-pass filter, `agc2`); figures: `python -m bench.noise`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import SPEECH_RATE_HZ, Capabilities, EngineFault, NoiseField, NoiseFilter

_PACKAGE: Final = "pywebrtc_audio"
EXTRA: Final = "noise"
"""The optional extra that brings the package."""

_FRAME: Final = SPEECH_RATE_HZ // 100
"""The suppressor takes 10 ms at a time."""

_DELAY: Final = 96
"""Samples by which it is late: 6 ms. Source: `NsFrame` overlap in WebRTC's `ns_common.h` (256 - 160), and measured."""

_LEVELS_DB: Final = (6.0, 12.0, 18.0, 21.0)
"""Its depths, by level."""

DEPTHS_DB: Final[Mapping[NoiseField, float]] = {"near_field": 12.0, "far_field": 18.0}
"""What a strength of 1 takes off steady noise; the deepest is 21 dB, whatever the strength."""

_MAX_GAIN_DB: Final = 18.0
"""The most a faint voice far from the microphone is raised."""

Floats = NDArray[np.float32]


def installed() -> bool:
    """Tell whether the package is there, without loading it."""
    return importlib.util.find_spec(_PACKAGE) is not None


class WebRtcNoiseReducer:
    """Noise reduction for all sessions; satisfies `ports.NoiseReducer`. It runs where it is called: a millisecond per second of audio."""

    capabilities = Capabilities(
        name="webrtc",
        licence="Apache-2.0, BSD-3-Clause",
        streaming=True,
        quality="good",
        notes="Steady noise; other voices stay.",
    )

    async def warm(self) -> None:
        """Load the library.

        Raises:
            EngineFault: it is not installed.
        """
        self.open("far_field", 1.0)

    async def close(self) -> None:
        """Do nothing: streams go with their sessions."""

    def open(self, field: NoiseField, strength: float) -> NoiseFilter:
        """Open a stream. See `ports.NoiseReducer.open`.

        Raises:
            EngineFault: the library is not installed.
        """
        if not installed():
            raise EngineFault(f"Noise reduction needs the extra '{EXTRA}': pip install 'vivavoce[{EXTRA}]'.", temporary=False)
        return _Stream(field, strength)


class _Stream:
    """One stream: 10 ms frames through the suppressor, aligned with what went in."""

    def __init__(self, field: NoiseField, strength: float) -> None:
        # Loaded where somebody wants it: most servers have no session that does.
        from pywebrtc_audio import AudioProcessor, GainController, NoiseSuppressor

        depth_db = min(DEPTHS_DB[field] * strength, _LEVELS_DB[-1])
        level = next(index for index, deep in enumerate(_LEVELS_DB) if deep >= depth_db)
        self._wet = np.float32((1 - 10 ** (-depth_db / 20)) / (1 - 10 ** (-_LEVELS_DB[level] / 20)))
        self._suppressor = NoiseSuppressor(SPEECH_RATE_HZ, 1, level)
        far = field == "far_field"
        self._high_pass = AudioProcessor(SPEECH_RATE_HZ, 1, high_pass_filter=True) if far else None
        self._gain = GainController(SPEECH_RATE_HZ, 1, max_gain_db=_MAX_GAIN_DB) if far else None
        self._partial: Floats = np.empty(0, np.float32)
        self._late: Floats = np.zeros(_DELAY, np.float32)
        """The end of the frame before, as the suppressor has not given it back yet."""
        self._skip = _DELAY

    def feed(self, samples: Floats) -> Floats:
        pending = np.concatenate([self._partial, samples]) if len(self._partial) else samples
        whole = len(pending) // _FRAME * _FRAME
        self._partial = pending[whole:].copy()
        frames = [self._frame(pending[start : start + _FRAME]) for start in range(0, whole, _FRAME)]
        done = np.concatenate(frames) if frames else np.empty(0, np.float32)
        skipped = min(self._skip, len(done))
        self._skip -= skipped
        return done[skipped:]

    def finish(self) -> Floats:
        owed = len(self._partial) + _DELAY - self._skip
        return self.feed(np.zeros(2 * _FRAME, np.float32))[:owed]

    def _frame(self, frame: Floats) -> Floats:
        if self._high_pass is not None:
            frame = self._high_pass.process(frame)
        quiet = self._suppressor.process(frame)
        both = np.concatenate([self._late, frame])
        self._late = both[_FRAME:]
        mixed = both[:_FRAME] + self._wet * (quiet - both[:_FRAME])
        if self._gain is not None:
            mixed = self._gain.process(mixed, self._suppressor.speech_probability)
        return np.asarray(mixed, dtype=np.float32)
