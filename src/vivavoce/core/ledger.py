"""The playback ledger: what has been said, and how much of it the listener has heard.

Every span of output audio is entered with its item, duration, text and word times. Transports report playback with one of three
qualities (design: estimated, paced, marks); this file knows the estimated one: on a WebSocket the client owns the playout clock, so
a span is taken to start playing when it was sent or when the one before it ends, whichever is later, until
`conversation.item.truncate` tells better. The item's heard text is its words whose audio had ended by then (invariant I5).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vivavoce.core.inputs import Word


@dataclass(frozen=True, slots=True)
class _Span:
    start_ms: float
    """From the start of the item's audio."""
    duration_ms: float
    play_at_ms: float
    """Session time at which it is taken to start playing."""
    text: str
    words: tuple[Word, ...]


@dataclass(slots=True)
class _Track:
    spans: list[_Span] = field(default_factory=list)
    generated_ms: float = 0.0
    heard_ms: float | None = None
    """Where hearing ended; None while nothing cut it short."""
    exact: bool = False
    """Whether `heard_ms` was told rather than estimated."""


class PlaybackLedger:
    """What one session has said, by item."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._playing_until_ms = 0.0

    def enter(self, item_id: str, duration_ms: float, text: str, words: tuple[Word, ...], now_ms: float) -> None:
        """Enter a span that is being sent now."""
        track = self._tracks.setdefault(item_id, _Track())
        play_at = max(now_ms, self._playing_until_ms)
        track.spans.append(_Span(track.generated_ms, duration_ms, play_at, text, words))
        track.generated_ms += duration_ms
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

    def stop(self, now_ms: float) -> tuple[str, ...]:
        """Say that playback stops now (barge-in, cancel): estimate what was heard of whatever is still playing.

        Returns:
            The ids of the items that were cut short.
        """
        cut = []
        for item_id, track in self._tracks.items():
            if track.heard_ms is None and track.spans and _end(track.spans[-1]) > now_ms:
                self.cut(item_id, _cursor(track, now_ms), exact=False)
                cut.append(item_id)
        self._playing_until_ms = min(self._playing_until_ms, now_ms)
        return tuple(cut)

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
        heard = "".join(_heard_of(span, track.heard_ms) for span in track.spans if span.start_ms < track.heard_ms)
        return heard.strip()

    def forget(self, item_id: str) -> None:
        """Drop a deleted item."""
        self._tracks.pop(item_id, None)


def _end(span: _Span) -> float:
    return span.play_at_ms + span.duration_ms


def _cursor(track: _Track, now_ms: float) -> float:
    return sum(min(max(now_ms - span.play_at_ms, 0.0), span.duration_ms) for span in track.spans)


def _heard_of(span: _Span, heard_ms: float) -> str:
    """Return the span's text up to the last word that ended by `heard_ms`, with the white space before it."""
    if span.start_ms + span.duration_ms <= heard_ms:
        return span.text
    end = 0
    for word in span.words:
        if span.start_ms + word.end_ms > heard_ms:
            break
        found = span.text.find(word.text, end)
        end = found + len(word.text) if found >= 0 else min(len(span.text), end + len(word.text))
    return span.text[:end]
