"""Which words of a changing hypothesis may be shown: those that several hypotheses in a row agreed on, never taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from vivavoce.engines.asr.agreement.placing import TimedWord, divide_by_text, divide_by_time, plain

W = TypeVar("W", bound=TimedWord)


class AgreedPrefix(Generic[W]):
    """Follows the hypotheses of one segment (local agreement).

    What has been shown is history: where a later hypothesis revises it, only its words from there on are looked at. So one word
    shown too early costs that word, and does not hold back all that follow.

    Args:
        steps: hypotheses that must agree on a word, the newest included.
        hold_ms: how long before the end of what has been heard a word must have ended to be shown. Where times are not to be trusted
            it is heeded only if a single hypothesis is enough.
        timed: whether words' times are to be trusted; else hypotheses are placed by their text, each from where the window begins
            (see `leave`).

    Source: Liu, Spanakis, Niehues 2020, "Low-latency sequence-to-sequence speech recognition and translation by partial hypothesis
    selection" (local agreement, hold-n); Machacek, Dabre, Bojar 2023, "Turning Whisper into real-time transcription system".
    """

    def __init__(self, steps: int, hold_ms: int = 0, *, timed: bool = True) -> None:
        self._recent: deque[tuple[W, ...]] = deque(maxlen=steps)
        self._steps = steps
        self._hold_ms = hold_ms
        self._timed = timed
        self._shown: list[W] = []

    @property
    def shown(self) -> Sequence[W]:
        """The words shown; where words have no times, those of the window."""
        return self._shown

    def advance(self, words: Sequence[W], now_ms: int) -> list[W]:
        """Take the newest hypothesis, of everything heard until `now_ms`; return the words it adds to those shown."""
        self._recent.append(tuple(words))
        if len(self._recent) < self._steps:
            return []
        fresh: list[W] = []
        for column in zip(*(self.rest(hypothesis) for hypothesis in self._recent), strict=False):
            newest = column[-1]
            if len({plain(word.text) for word in column}) > 1:
                break
            if (self._timed or self._steps == 1) and newest.end_ms > now_ms - self._hold_ms:
                break
            fresh.append(newest)
        self.show(fresh)
        return fresh

    def rest(self, words: Sequence[W]) -> Sequence[W]:
        """Return what a hypothesis adds to the words shown."""
        if self._timed:
            return words[divide_by_time(self._shown, words) :]
        return words[divide_by_text([word.text for word in self._shown], [word.text for word in words]) :]

    def show(self, words: Sequence[W]) -> None:
        """Count words as shown that were shown for another reason."""
        self._shown += words

    def amend_last(self, word: W) -> None:
        """Replace the last word shown, which has been written more fully."""
        self._shown[-1] = word

    def leave(self, words: Sequence[W]) -> None:
        """Note that the audio of these words, the first of the window, is cut off. Timed words know their places by themselves."""
        if self._timed:
            return
        gone = [word.text for word in words]
        kept = [hypothesis[divide_by_text(gone, [word.text for word in hypothesis]) :] for hypothesis in self._recent]
        self._recent.clear()
        self._recent.extend(kept)
        self._shown = self._shown[divide_by_text(gone, [word.text for word in self._shown]) :]
