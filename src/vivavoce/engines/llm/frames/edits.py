"""Corrections of single signs in an identifier: "the fourth digit is seven", "last letter b", "not b d" (WF-01)."""

from __future__ import annotations

from collections.abc import Sequence

from vivavoce.engines.llm.frames.spelling import Spelled, spelled_runs
from vivavoce.engines.llm.frames.text import texts, words_of
from vivavoce.engines.llm.frames.wordlists import word_list

_ORDINALS = {
    word: index for index, word in enumerate(word_list("first second third fourth fifth sixth seventh eighth ninth tenth"))
} | {"last": -1}
_SIGNS = frozenset({"digit", "number", "letter", "character", "one", "sign"})


def edit_identifier(text: str, value: str) -> str | None:
    """Return `value` with the one sign replaced that `text` corrects, or None if `text` is no such correction."""
    said = texts(words_of(text))
    return _by_position(said, value) or _by_contrast(said, value)


def _by_position(said: Sequence[str], value: str) -> str | None:
    for index, word in enumerate(said[:-1]):
        if word not in _ORDINALS or said[index + 1] not in _SIGNS:
            continue
        signs = [at for at, char in enumerate(value) if char.isalnum() and _counts(char, said[index + 1])]
        run = _last_single(said[index + 2 :])
        position = _ORDINALS[word]
        if run is None or position >= len(signs) or not signs:
            return None
        at = signs[position]
        return value[:at] + run + value[at + 1 :]
    return None


def _counts(char: str, sign: str) -> bool:
    return char.isdigit() if sign == "digit" else char.isalpha() if sign == "letter" else True


def _last_single(said: Sequence[str]) -> str | None:
    if said and said[0] in {"is", "should", "was"}:
        said = said[1:]
    singles: list[Spelled] = [run for run in spelled_runs(said) if len(run.text) == 1]
    return singles[-1].text if singles else None


def _by_contrast(said: Sequence[str], value: str) -> str | None:
    if "not" not in said:
        return None
    behind = said[said.index("not") + 1 :]
    runs = spelled_runs(behind)
    signs = "".join(run.text for run in runs)
    if len(signs) != 2 or value.upper().count(signs[0]) != 1 or sum(run.end - run.start for run in runs) < len(behind) - 1:
        return None
    at = value.upper().index(signs[0])
    return value[:at] + signs[1] + value[at + 1 :]
