"""The playback ledger: what has been said, and how much of it the listener has heard.

Every span of output audio is entered with its item, duration, text and word times, and is taken to start playing when it was sent or when
the one before it ends, whichever is later. That estimate holds until somebody tells better (`cut`): on a WebSocket the client, with
`conversation.item.truncate`; on a call the playout, which reports to a frame what it threw away. The item's heard text is its words whose
audio had ended by then (invariant I5).

Memory (I10): what plays is kept span by span only until it is over; what is left of an item is its text and twelve bytes per word, and
of items beyond the last `EXACT_WORDS` words twelve bytes per span: those are still cut correctly, but at the end of a span.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from vivavoce.core.inputs import Word

EXACT_WORDS: Final = 20_000
"""How many words, from the last one back, can be told apart when an item is truncated: two hours of somebody who never stops talking."""


@dataclass(frozen=True, slots=True)
class _Playing:
    """A span that may still be playing."""

    at_ms: float
    """Session time at which it is taken to start playing."""
    duration_ms: float

    @property
    def end_ms(self) -> float:
        return self.at_ms + self.duration_ms


@dataclass(slots=True)
class _Track:
    """The audio of one item."""

    text: str = ""
    """What the spans say, one after the other."""
    ends_ms: array[float] = field(default_factory=lambda: array("d"))
    """When, from the start of the item's audio, another stretch of text has been heard; never descending."""
    ends_at: array[int] = field(default_factory=lambda: array("I"))
    """Where in the text each of these stretches ends."""
    spans_at: array[int] = field(default_factory=lambda: array("I"))
    """Which of the stretches end a span."""
    playing: list[_Playing] = field(default_factory=list)
    over_ms: float = 0.0
    """How much of the audio is over and in `playing` no more."""
    generated_ms: float = 0.0
    heard_ms: float | None = None
    """Where hearing ended; None while nothing cut it short."""
    exact: bool = False
    """Whether `heard_ms` was told rather than estimated."""

    def add(self, duration_ms: float, text: str, words: tuple[Word, ...]) -> None:
        """Enter the text and the words of another span."""
        start_ms = reached_ms = self.generated_ms
        # A span without a length has been heard once what lies before it and a moment more have.
        end_ms = start_ms + duration_ms if duration_ms > 0 else math.nextafter(start_ms, math.inf)
        place = 0
        for word in words:
            reached_ms = max(reached_ms, start_ms + word.end_ms)
            if reached_ms >= end_ms:
                break
            found = text.find(word.text, place)
            place = found + len(word.text) if found >= 0 else min(len(text), place + len(word.text))
            self._mark(reached_ms, len(self.text) + place)
        self.text += text
        self._mark(end_ms, len(self.text))
        self.spans_at.append(len(self.ends_ms) - 1)
        self.generated_ms += duration_ms

    def heard(self, at_ms: float) -> str:
        """Return the text whose audio had ended by then."""
        count = bisect_right(self.ends_ms, at_ms)
        return self.text[: self.ends_at[count - 1]] if count else ""

    def settle(self) -> None:
        """Forget where words end, and keep where spans do."""
        self.ends_ms = array("d", (self.ends_ms[index] for index in self.spans_at))
        self.ends_at = array("I", (self.ends_at[index] for index in self.spans_at))
        self.spans_at = array("I", range(len(self.ends_ms)))

    def pass_by(self, now_ms: float) -> None:
        """Forget what is over."""
        while self.playing and self.playing[0].end_ms <= now_ms:
            self.over_ms += self.playing.pop(0).duration_ms

    def cursor(self, now_ms: float) -> float:
        """Return how much of it has been played, by the estimate."""
        return self.over_ms + sum(min(max(now_ms - span.at_ms, 0.0), span.duration_ms) for span in self.playing)

    def _mark(self, end_ms: float, place: int) -> None:
        self.ends_ms.append(end_ms)
        self.ends_at.append(place)


class PlaybackLedger:
    """What one session has said, by item.

    Args:
        exact_words: how many of the last words to keep the ends of.
    """

    def __init__(self, exact_words: int = EXACT_WORDS) -> None:
        self._exact_words = exact_words
        self._tracks: dict[str, _Track] = {}
        self._detailed: dict[str, int] = {}
        """Items whose words can be told apart, oldest first, and how many they have."""
        self._words = 0
        self._audible: dict[str, _Track] = {}
        """Tracks that may still be playing."""
        self._playing_until_ms = 0.0

    def enter(self, item_id: str, duration_ms: float, text: str, words: tuple[Word, ...], now_ms: float) -> None:
        """Enter a span that is being sent now."""
        self._pass_by(now_ms)
        track = self._tracks.setdefault(item_id, _Track())
        play_at = max(now_ms, self._playing_until_ms)
        track.add(duration_ms, text, words)
        self._count(item_id, len(words))
        if track.heard_ms is None:
            track.playing.append(_Playing(play_at, duration_ms))
            self._audible[item_id] = track
        self._playing_until_ms = play_at + duration_ms

    def spoken(self) -> bool:
        """Tell whether anything has been said at all (the voice lock)."""
        return self._playing_until_ms > 0.0

    def generated_ms(self, item_id: str) -> int:
        """Return how much audio the item has."""
        track = self._tracks.get(item_id)
        return round(track.generated_ms) if track else 0

    def playing_ms(self, now_ms: float) -> float:
        """Return how much longer playback goes on, by the estimate."""
        return max(0.0, self._playing_until_ms - now_ms)

    def cut(self, item_id: str, at_ms: float, *, exact: bool) -> None:
        """Say that hearing of this item ended at `at_ms` of its audio. An estimate never overrides what was told."""
        track = self._tracks.setdefault(item_id, _Track())
        if track.exact and not exact:
            return
        track.heard_ms = min(at_ms, track.generated_ms)
        track.exact = track.exact or exact
        # Where hearing ended is known: nothing is left to be estimated.
        track.playing.clear()
        self._audible.pop(item_id, None)

    def finish(self, item_id: str) -> None:
        """Say that nothing more of the item will be voiced: of its text, what was not is not heard. What was plays on."""
        track = self._tracks.setdefault(item_id, _Track())
        if track.heard_ms is None:
            track.heard_ms = track.generated_ms

    def lift(self, item_id: str) -> None:
        """Say that the item was heard to its end after all: all that was voiced of it. What a client told of it stays."""
        track = self._tracks.get(item_id)
        if track is not None and not track.exact and track.heard_ms is not None:
            track.heard_ms = track.generated_ms

    def stop(self, now_ms: float) -> tuple[str, ...]:
        """Say that playback stops now (barge-in, cancel): estimate what was heard of whatever is still playing.

        Returns:
            The ids of the items that were cut short.
        """
        self._pass_by(now_ms)
        cut = tuple(self._audible)
        for item_id in cut:
            self.cut(item_id, self._tracks[item_id].cursor(now_ms), exact=False)
        self._playing_until_ms = min(self._playing_until_ms, now_ms)
        return cut

    def told_ms(self, item_id: str) -> int | None:
        """Return where a client truncated the item, if one did."""
        track = self._tracks.get(item_id)
        return round(track.heard_ms) if track and track.exact and track.heard_ms is not None else None

    def heard_ms(self, item_id: str) -> int | None:
        """Return where hearing of the item ended, or None where nothing cut it short."""
        track = self._tracks.get(item_id)
        return None if track is None or track.heard_ms is None else round(track.heard_ms)

    def heard_text(self, item_id: str, full: str) -> str:
        """Return the item's text up to the last word heard; `full` where nothing cut it short.

        Args:
            item_id: the item.
            full: the whole text that was generated, spoken or not.
        """
        track = self._tracks.get(item_id)
        if track is None or track.heard_ms is None:
            return full
        return track.heard(track.heard_ms).strip()

    def forget(self, item_id: str) -> None:
        """Drop a deleted item."""
        self._tracks.pop(item_id, None)
        self._audible.pop(item_id, None)
        self._words -= self._detailed.pop(item_id, 0)

    def _count(self, item_id: str, words: int) -> None:
        """Count an item's words, and let the oldest items go by spans where there are too many."""
        self._detailed[item_id] = self._detailed.get(item_id, 0) + words
        self._words += words
        while self._words > self._exact_words and len(self._detailed) > 1:
            oldest = next(iter(self._detailed))
            self._words -= self._detailed.pop(oldest)
            self._tracks[oldest].settle()

    def _pass_by(self, now_ms: float) -> None:
        """Forget what is over."""
        for item_id, track in list(self._audible.items()):
            track.pass_by(now_ms)
            if not track.playing:
                del self._audible[item_id]
