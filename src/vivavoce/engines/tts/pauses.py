"""How long to be silent after what has been said.

Engines are given one clause at a time and each puts silence of its own around it. That silence is cut off and replaced by one that
follows from the punctuation, so that engines agree, speech starts at the first sample, and a clause cut for speed does not end in a
gap.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import WordTime

SENTENCE_MS = 280
CLAUSE_MS = 130
ELLIPSIS_MS = 350
SILENT_MS = 120
"""Length of the span for a text in which nothing is pronounced."""
BLANK_MS = 20
"""Length of the span for white space."""

_CLOSERS = "\"'”’»)]}*_`」』）】〉》"
_SENTENCE_ENDS = frozenset(".!?。！？।؟｡")
_CLAUSE_ENDS = frozenset(",;:—–-、，；：،؛")
_ELLIPSIS = re.compile(r"(?:\.{2,}|…)$")


def pause_after_ms(text: str, speed: float = 1.0) -> int:
    """Return the silence that belongs after a text, in ms, by its last punctuation mark and the pace."""
    end = text.rstrip().rstrip(_CLOSERS)
    if _ELLIPSIS.search(end):
        pause = ELLIPSIS_MS
    elif end[-1:] in _SENTENCE_ENDS and end:
        pause = SENTENCE_MS
    elif end[-1:] in _CLAUSE_ENDS and end:
        pause = CLAUSE_MS
    else:
        pause = 0
    return round(pause / speed)


def silence(duration_ms: float, rate_hz: int) -> NDArray[np.int16]:
    """Return that many ms of int16 silence."""
    return np.zeros(round(duration_ms * rate_hz / 1000), np.int16)


def widen_ellipses(
    pcm: NDArray[np.int16], words: Sequence[WordTime], rate_hz: int, speed: float = 1.0
) -> tuple[NDArray[np.int16], tuple[WordTime, ...]]:
    """Insert silence after each word that ends in an ellipsis, so that "8... 3... 5" is heard digit by digit.

    The pause the engine itself made is counted; the last word is left alone, its pause comes from `pause_after_ms`.

    Returns:
        The longer audio and the words, moved accordingly.
    """
    pieces: list[NDArray[np.int16]] = []
    moved: list[WordTime] = []
    cut = shift_ms = 0
    for index, word in enumerate(words):
        moved.append(WordTime(word.text, word.start_ms + shift_ms, word.end_ms + shift_ms))
        if index + 1 == len(words) or not _ELLIPSIS.search(word.text.rstrip(_CLOSERS)):
            continue
        gap_ms = words[index + 1].start_ms - word.end_ms
        missing_ms = round(ELLIPSIS_MS / speed) - gap_ms
        if missing_ms > 0:
            at = min(len(pcm), (word.end_ms + gap_ms // 2) * rate_hz // 1000)
            added = silence(missing_ms, rate_hz)
            pieces += [pcm[cut:at], added]
            cut = at
            shift_ms += missing_ms
    pieces.append(pcm[cut:])
    return (np.concatenate(pieces) if len(pieces) > 1 else pcm), tuple(moved)
