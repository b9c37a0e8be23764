"""What models put before a translation although they were told not to: "Sure! Here is the translation:", "Spanish:", "翻译："."""

from __future__ import annotations

import re
from typing import Final

from vivavoce.engines.mt.languages import NAMES

LONGEST_LABEL: Final = 70
"""Characters within which a label has come to its colon or its end of line."""

_WORDS: Final = (
    "translation", "translated text", "translated speech", "traducción", "traduccion", "traduction", "übersetzung", "traduzione",
    "tradução", "翻訳", "번역", "翻译", "译文", "перевод", "अनुवाद", "terjemahan", "bản dịch",
)  # fmt: skip
"""What the thirteen languages call a translation."""

_COURTESIES: Final = ("sure", "certainly", "of course", "okay", "ok", "absolutely")
_LANGUAGES: Final = tuple(name.casefold() for name in NAMES.values())
_HERE: Final = (
    "here is", "here's", "here’s", "here are", "here you go", "aquí está", "aquí tienes", "voici", "hier ist", "ecco",
    "aqui está", "以下", "これ", "다음은", "这是", "вот", "यह", "berikut", "đây là",
)  # fmt: skip
_STARTS: Final = (
    *_HERE,
    *_WORDS, *(f"the {word}" for word in _WORDS[:3]),
    *(f"{lead}{name}" for name in _LANGUAGES for lead in ("", "in ", "the ")),
)  # fmt: skip

_COURTESY: Final = re.compile(rf"(?:{'|'.join(_COURTESIES)})\b\s*[,.!:]?\s*", re.IGNORECASE)
_LABEL: Final = re.compile(
    rf"(?:(?:{'|'.join(_HERE)})[^:：\n]{{0,40}}?(?:\btranslat(?:ion|ed)\b|{'|'.join(_WORDS)})[^:：\n]{{0,40}}?(?:[:：]|\n)"
    rf"|(?:the )?(?:(?:{'|'.join(_LANGUAGES)}) )?(?:{'|'.join(_WORDS)})(?: ?\(| (?:in|into|to)\b)?[^:：\n]{{0,24}}?[:：]"
    rf"|(?:in )?(?:{'|'.join(_LANGUAGES)})(?: ?\([^)\n]{{0,20}}\))?\s*\**[:：])\s*\**\s*",
    re.IGNORECASE,
)
_DECORATION: Final = "*#_ \t\n"


def label_end(text: str) -> int:
    """Return how many characters at the beginning of a text are a label, 0 where it has none."""
    text = text[:LONGEST_LABEL]
    label = _LABEL.match(text, _undecorated(text))
    return label.end() if label else 0


def may_become_label(text: str) -> bool:
    """Tell whether a text that is still growing may turn out to begin with a label."""
    lead = text[_undecorated(text, growing=True) :].casefold()
    if not lead:
        return True
    if len(text) >= LONGEST_LABEL or "\n" in lead or ":" in lead or "：" in lead:
        return False
    return any(lead.startswith(start) or start.startswith(lead) for start in (*_STARTS, *_COURTESIES))


def _undecorated(text: str, *, growing: bool = False) -> int:
    """Return where the text begins behind asterisks, number signs and a courtesy ("Sure!")."""
    start = len(text) - len(text.lstrip(_DECORATION))
    courtesy = _COURTESY.match(text, start)
    # A courtesy alone may be all that was said: only what follows it tells.
    return courtesy.end() if courtesy and (growing or _LABEL.match(text, courtesy.end())) else start
