"""What takes a value back: "not the small", "without milk", "latte instead of mocha", "no sugar"."""

from __future__ import annotations

from collections.abc import Sequence

from vivavoce.engines.llm.frames.wordlists import word_set

_DENIALS = (
    ("not",), ("without",), ("instead", "of"), ("rather", "than"), ("except",), ("minus",), ("skip",), ("hold",), ("drop",), ("remove",),
    ("forget",), ("leave", "out"), ("leave", "off"), ("take", "out"), ("take", "off"), ("don't", "want"), ("do", "not", "want"), ("isn't",),
    ("never",), ("get", "rid", "of"),
)  # fmt: skip
_LOOSE = word_set("a an the any of much that my really")

_CHANGES = word_set("no not actually sorry make change instead rather wait mean correction switch to uh um er or")


def is_denied(said: Sequence[str], start: int) -> bool:
    """Tell whether the value that starts at word `start` is plainly taken back by the words before it."""
    return any(_before(said, start, denial) for denial in _DENIALS)


def is_removed(said: Sequence[str], start: int) -> bool:
    """Tell whether a bare "no" stands right before the value: "no sugar", which at other moments means "no, sugar".

    An article between them makes the "no" an answer, or a mishearing: "no, a dark roast" takes nothing back.
    """
    return start > 0 and said[start - 1] == "no"


def is_corrected(said: Sequence[str], start: int, end: int) -> bool:
    """Tell whether words `start` to `end` hold a sign that the speaker changes their mind: "a small, no, a large"."""
    return any(word in _CHANGES for word in said[start:end])


def _before(said: Sequence[str], start: int, phrase: Sequence[str]) -> bool:
    index = start
    while True:
        if list(said[max(0, index - len(phrase)) : index]) == list(phrase):
            return True
        if index == 0 or said[index - 1] not in _LOOSE:
            return False
        index -= 1
