"""Where a file's audio belongs in time, so that what is heard at a minute is told at that minute.

A decoder gives samples without what is between them: audio that begins after the pictures do, packets that were lost on the way, a
recording that was stopped for a while. Players are silent there, and subtitles count on it.
"""

from __future__ import annotations

from typing import Any

from av.audio.frame import AudioFrame
from av.container import InputContainer

SHORTEST_GAP_S = 0.2
"""Less is how containers round and clocks drift, and nobody's subtitles suffer. It is the sum of what is missing that counts."""
LONGEST_GAP_S = 600.0
"""More is a damaged time stamp, or a recording that was joined to another: there time goes on from where it was."""
LONGEST_BACK_S = 10.0
"""Time stamps that go back further begin to count anew, as they do in joined files."""
_MICROSECONDS = 1_000_000


class Timeline:
    """Follows a stream's time stamps and says how much is missing.

    Time begins where the first of the container's streams does, as it does for players: a file of nothing but audio has no silence in
    front, whatever its first time stamp.

    Args:
        container: the open file.
    """

    def __init__(self, container: InputContainer) -> None:
        start: Any = container.start_time  # None where the container does not tell, whatever PyAV's stubs say
        self._begin_s: float | None = None if start is None else start / _MICROSECONDS
        self._heard_s = 0.0

    def silence_before(self, frame: AudioFrame) -> float:
        """Take the next frame; return the seconds of silence to be heard before it, mostly 0."""
        missing_s = self._missing_s(frame)
        self._heard_s += missing_s + (frame.samples / frame.sample_rate if frame.sample_rate > 0 else 0.0)
        return missing_s

    def _missing_s(self, frame: AudioFrame) -> float:
        if frame.pts is None or frame.time_base is None:
            return 0.0
        stamp_s = float(frame.pts * frame.time_base)
        if self._begin_s is None:
            self._begin_s = stamp_s
        ahead_s = stamp_s - self._begin_s - self._heard_s
        if ahead_s > LONGEST_GAP_S or ahead_s < -LONGEST_BACK_S:
            self._begin_s += ahead_s
            return 0.0
        return ahead_s if ahead_s >= SHORTEST_GAP_S else 0.0
