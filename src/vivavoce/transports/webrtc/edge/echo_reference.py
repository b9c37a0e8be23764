"""What the loudspeaker was given when the microphone recorded: the played frames, in step with the heard ones.

Pure. Both run at 50 frames a second, one by our clock, one by the network's mood. A frame heard is paired with the oldest played one that
waits, so a burst after a stall finds its own frames. What stays waiting for a whole second is a lag and not a burst, and is dropped: a
pair that is off by more than the echo takes cannot be cancelled.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

FRAME: Final = 480
_MOST: Final = 25
"""Frames that wait: half a second."""
_WINDOW: Final = 50
"""Pairs looked at together: a second."""


class EchoReference:
    """Pair frames."""

    def __init__(self) -> None:
        self._played: deque[Samples] = deque(maxlen=_MOST)
        self._silence: Samples = np.zeros(FRAME, dtype=np.int16)
        self._pairs = 0
        self._least = _MOST

    def played(self, frame: Samples) -> None:
        """Note a frame that was put on the track."""
        self._played.append(frame)

    def heard(self) -> Samples:
        """Return what goes with the next frame that was heard."""
        frame = self._played.popleft() if self._played else self._silence
        self._least = min(self._least, len(self._played))
        self._pairs += 1
        if self._pairs == _WINDOW:
            for _ in range(self._least - 1):
                self._played.popleft()
            self._pairs, self._least = 0, _MOST
        return frame
