"""What is known of one segment while it is spoken: the words said for good, and where its window may be cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from vivavoce.engines.asr.agreement.pace import Pace
from vivavoce.engines.asr.agreement.placing import plain
from vivavoce.engines.asr.agreement.prefix import AgreedPrefix
from vivavoce.engines.asr.agreement.tokens import Token, joined, tokens, written
from vivavoce.engines.asr.agreement.window import Window
from vivavoce.engines.ports import Hypothesis

_LEAST_CUT_MS: Final = 500
"""Less is not worth a cut: every cut takes context from the recognizer."""
_EDGE_MS: Final = 800
"""No cut is forced so near the end of the window: the words there are the least certain."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a window may get, in ms."""

    trim_ms: int
    """From here on it is cut where that does no harm."""
    longest_ms: int
    """It is never longer when it is decoded."""


class Segment:
    """Puts hypotheses about a moving window together into one text that only ever grows.

    Args:
        window: the audio.
        pace: how much agreement a word needs.
        bounds: when the window is cut.
        timed: whether the recognizer's word times are its own.
    """

    def __init__(self, window: Window, pace: Pace, bounds: Bounds, *, timed: bool) -> None:
        self._window = window
        self._pace = pace
        self._bounds = bounds
        self._timed = timed
        self._agreed: AgreedPrefix[Token] = AgreedPrefix(pace.steps, pace.hold_ms, timed=timed)
        self._said: list[Token] = []
        self._newest: tuple[Token, ...] = ()
        self._heard_ms = -1
        self._language = ""
        self._confidence = 0.0

    @property
    def heard_ms(self) -> int:
        """Up to where the newest hypothesis tells; -1 before the first."""
        return self._heard_ms

    @property
    def partial(self) -> Hypothesis:
        """What has been said for good."""
        words = tuple(token.word for token in self._said) if self._timed else ()
        return Hypothesis(written(self._said), words=words, language=self._language)

    def take(self, hypothesis: Hypothesis, end_ms: int) -> bool:
        """Take a hypothesis about the window up to `end_ms`; return whether there is more to show."""
        found = self._note(hypothesis, end_ms)
        before = written(self._said)
        self._amend(found)
        fresh = self._agreed.advance(found, end_ms)
        if fresh and fresh[-1] is found[-1]:
            fresh[-1] = fresh[-1].bare
            self._agreed.amend_last(fresh[-1])
        self._say(fresh)
        return written(self._said) != before

    def full(self, end_ms: int) -> bool:
        """Tell whether the window has to be cut once it is decoded up to `end_ms`: another chunk would make it too long."""
        return end_ms - self._window.start_ms + self._pace.chunk_ms > self._bounds.longest_ms

    def place_to_cut(self) -> int | None:
        """Return where the window should be cut now that a hypothesis about it has been taken; None while it should not be."""
        start_ms, length_ms = self._window.start_ms, self._heard_ms - self._window.start_ms
        full = self.full(self._heard_ms)
        if length_ms < self._bounds.trim_ms and not full:
            return None
        if not full and self._timed:
            shown = self._agreed.shown
            until_ms = min(shown[-1].end_ms, self._heard_ms) if shown else start_ms
            if until_ms - start_ms < 2 * _LEAST_CUT_MS:
                return None
            return self._window.quietest_ms(start_ms + _LEAST_CUT_MS, until_ms)
        half_ms = start_ms + length_ms // 2
        return self._window.quietest_ms(half_ms, max(half_ms, self._heard_ms - _EDGE_MS))

    def cut(self, at_ms: int, hypothesis: Hypothesis | None = None) -> bool:
        """Cut the window; return whether there is more to show: what is cut off is said for good.

        Args:
            at_ms: where.
            hypothesis: about what is cut off alone; not needed where words have times of their own.
        """
        if self._timed:
            found = tuple(token for token in self._newest if _middle(token) <= at_ms)
            shown = self._agreed.shown
            fresh = [] if shown and shown[-1].end_ms >= at_ms else list(self._agreed.rest(found))
        else:
            found = tokens(hypothesis or Hypothesis(""), self._window.start_ms, at_ms)
            fresh = list(self._agreed.rest(found))
            self._heard_ms = -1  # no hypothesis tells yet what the rest is by itself
        self._agreed.show(fresh)
        self._agreed.leave(found)
        self._say(fresh)
        self._window.cut(at_ms)
        return bool(fresh)

    def final(self, hypothesis: Hypothesis | None) -> Hypothesis:
        """Return what the whole segment was understood as.

        Args:
            hypothesis: about the rest of the window; None if the newest one is about all of it and has been taken.
        """
        if hypothesis is not None:
            self._note(hypothesis, self._window.end_ms)
        self._amend(self._newest, complete=True)
        self._say(list(self._agreed.rest(self._newest)))
        words = tuple(token.word for token in self._said)
        sure = sum(word.confidence for word in words) / len(words) if words else self._confidence
        return Hypothesis(written(self._said), True, words, round(sure, 4), self._language)

    # --- details ----------------------------------------------------------------------------------------------------------------

    def _note(self, hypothesis: Hypothesis, end_ms: int) -> tuple[Token, ...]:
        self._heard_ms = end_ms
        self._language = hypothesis.language or self._language
        self._confidence = hypothesis.confidence
        self._newest = tokens(hypothesis, self._window.start_ms, end_ms)
        return self._newest

    def _say(self, fresh: list[Token]) -> None:
        for token in joined(self._said, fresh):
            start_ms = max(token.start_ms, self._said[-1].start_ms if self._said else 0)
            self._said.append(replace(token, start_ms=start_ms, end_ms=max(start_ms, token.end_ms)))

    def _amend(self, found: tuple[Token, ...], *, complete: bool = False) -> None:
        """Add the marks that follow the last word said, once more of what follows is known."""
        place = len(found) - len(self._agreed.rest(found))
        if not (self._agreed.shown and place) or (place == len(found) and not complete):
            return
        last, now = self._said[-1], found[place - 1]
        if now.text != last.text and now.text.startswith(last.text) and plain(now.text) == plain(last.text):
            self._said[-1] = replace(last, text=now.text)
            self._agreed.amend_last(self._said[-1])


def _middle(token: Token) -> float:
    return (token.start_ms + token.end_ms) / 2
