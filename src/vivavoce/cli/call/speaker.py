"""A loudspeaker that exists in time only: audio handed to it is heard as fast as it would be spoken, and no faster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.cli.call.clock import SAMPLES_PER_MS, Clock

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Part:
    """The audio part of an item: what `conversation.item.truncate` names."""

    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A part that was not heard to its end, and how many ms of it were heard."""

    part: Part
    heard_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Audio and the moment it is heard from, in samples since the call began."""

    part: Part
    start: int
    pcm: Samples

    @property
    def end(self) -> int:
        """The sample after its last."""
        return self.start + len(self.pcm)


class Speaker(Protocol):
    """What a call needs of a loudspeaker."""

    def play(self, part: Part, pcm: Samples) -> None:
        """Queue int16 samples at 24 kHz."""
        ...

    def cut(self) -> list[Cut]:
        """Fall silent now; return the parts that were not heard to their end, in order."""
        ...

    def left_ms(self) -> float:
        """Return how long what is queued will still sound."""
        ...


class VirtualSpeaker:
    """Keeps what was heard, and when: the recording of the call's other side.

    Args:
        clock: the call's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.heard: list[Piece] = []

    def play(self, part: Part, pcm: Samples) -> None:
        """Queue samples behind what is still sounding; in silence they sound at once."""
        self.heard.append(Piece(part, max(self._now(), self._end()), pcm))

    def cut(self) -> list[Cut]:
        """Forget everything that has not sounded yet."""
        now = self._now()
        cuts = []
        for part in dict.fromkeys(piece.part for piece in self.heard if piece.end > now):
            heard = sum(max(0, min(piece.end, now) - piece.start) for piece in self.heard if piece.part == part)
            cuts.append(Cut(part, heard // SAMPLES_PER_MS))
        kept = [piece for piece in self.heard if piece.start < now]
        self.heard = [Piece(piece.part, piece.start, piece.pcm[: now - piece.start]) for piece in kept]
        return cuts

    def left_ms(self) -> float:
        """Return how long what is queued will still sound."""
        return max(0.0, (self._end() - self._now()) / SAMPLES_PER_MS)

    def _end(self) -> int:
        heard = self.heard  # a view in another thread may ask while a cut replaces the list
        return heard[-1].end if heard else 0

    def _now(self) -> int:
        return round(self._clock() * SAMPLES_PER_MS)
