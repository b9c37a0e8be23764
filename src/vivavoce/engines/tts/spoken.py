"""Turn what is written into what an engine can read out, remembering which written word each stretch came from.

Numbers, currencies and abbreviations are left to the engines, which know how to read them. What is handled here is what makes
them read nonsense: emoji, mark-up, typographic dashes and dots, letters outside the engine's alphabet.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

from vivavoce.engines.tts.written import WrittenWord, written_words

_MARKUP = "*_`~#"
_ELLIPSIS = re.compile(r"(?:\.{2,}|…)+")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+")
_PLAIN = str.maketrans(
    {
        "‘": "'", "’": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‐": "-", "‑": "-", "−": "-",
        "°": " degrees", "×": " times ", "÷": " divided by ", "½": " one half", "¼": " one quarter", "¾": " three quarters",
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L",
    }
)  # fmt: skip
_FOREIGN_MONEY = re.compile(r"([€£¥])\s?(\d[\d.,]*\d|\d)")
_MONEY_NAMES = {"€": "euros", "£": "pounds", "¥": "yen"}
_KEPT_SYMBOLS = frozenset("°©®™")
_PAUSING_ALONE = frozenset("-–—:;,/|")


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A text as given to an engine, and the written words it says.

    `spans[i]` is the character range in `text` that reads `words[i]`; it is empty for a word that is not pronounced.
    """

    text: str
    words: tuple[WrittenWord, ...]
    spans: tuple[tuple[int, int], ...]

    def word_at(self, offset: int) -> int | None:
        """Return the index of the written word that is read at a character offset of `text`, or None outside all words."""
        index = bisect_right(self.spans, (offset, len(self.text) + 1)) - 1
        while index >= 0:
            start, end = self.spans[index]
            if start <= offset < end:
                return index
            if start < end:
                return None
            index -= 1
        return None


def spoken_text(text: str, *, ascii_only: bool = False) -> SpokenText:
    """Prepare a text for an engine.

    Args:
        text: as written, any script.
        ascii_only: write everything in plain ASCII, for an English engine; what has no ASCII form falls silent.
    """
    words = written_words(text)
    spoken = ""
    spans: list[tuple[int, int]] = []
    previous_end = 0
    for word in words:
        form = _plain_ascii(_speakable(word.text)) if ascii_only else _speakable(word.text)
        gap = " " if spoken and word.start > previous_end and not spoken.endswith(" ") else ""
        previous_end = word.end
        if any(map(_is_pronounced, form)):
            spans.append((len(spoken) + len(gap), len(spoken) + len(gap) + len(form)))
            spoken += gap + form
            continue
        if spoken and spoken[-1].isalnum() and any(sign in _PAUSING_ALONE for sign in word.text):
            spoken += ","  # a dash standing alone is a pause after the word before, not a word
        spans.append((len(spoken), len(spoken)))
    return SpokenText(spoken, words, tuple(spans))


def _speakable(word: str) -> str:
    """Take out of one written word what no engine should read."""
    shown = "".join(sign for sign in word if sign in _KEPT_SYMBOLS or unicodedata.category(sign) not in _UNREAD)
    bare = shown.strip(_MARKUP)
    if bare and shown.startswith("#") and bare[0].isdigit():
        bare = "number " + bare
    # Several full stops would be read as the end of a sentence, or as "dot".
    bare = _ELLIPSIS.sub(", ", bare.replace("**", ""))
    return bare.replace("—", ", ").strip()


_UNREAD = frozenset({"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories that are not read: pictures, modifiers, controls, lone surrogates, private and unassigned code points."""


def _plain_ascii(word: str) -> str:
    """Write one word in ASCII, as an English voice would have it."""
    word = _FOREIGN_MONEY.sub(lambda money: f"{money.group(2)} {_MONEY_NAMES[money.group(1)]}", word)
    word = re.sub(r"(?<=\d)–(?=\d)", " to ", word).replace("–", ", ")
    letters = unicodedata.normalize("NFKD", word.translate(_PLAIN))
    word = letters.encode("ascii", "ignore").decode("ascii")
    if _ADDRESS.fullmatch(word):
        word = re.sub(r"\.(?=\w)", " dot ", re.sub(r"^https?://", "", word))
    return word.strip()


def _is_pronounced(sign: str) -> bool:
    return sign.isalnum() or sign in "&@%+=$€£¥°"
