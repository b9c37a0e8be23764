"""Cut a model's answer down to the translation in it, piece by piece.

Models that were told to answer with the translation alone still put labels before it, quotation marks or tags around it, and
remarks behind it. What is certain is given back at once; what may still turn out to be an ornament is held until it is known. A
remark or a refusal that looks like speech cannot be told from a translation.
"""

from __future__ import annotations

import re
from typing import Final

from vivavoce.engines.llm.think_tags import ThinkTagSplitter
from vivavoce.engines.mt.labels import label_end, may_become_label
from vivavoce.engines.mt.prompt import CLOSE_TAG, OPEN_TAG
from vivavoce.engines.ports import TextDelta

_QUOTES: Final = {
    '"': '"',
    "“": "”",
    "„": "“”",
    "«": "»",
    "‹": "›",
    "「": "」",
    "『": "』",
    "‘": "’",
    "'": "'",
    "`": "`",
    "*": "*",
}
_QUOTE_SIGNS: Final = frozenset('"“”„«»「」『』‘`*')
_ENDS: Final = re.compile(rf"{CLOSE_TAG}|```")
_BREAK: Final = re.compile(r"\s*\n\s*")
_REMARK: Final = re.compile(
    r"[(\[*_]*(?:notes?|translator['’]?s? note|explanation|literally|alternative(?:ly)?|or)\b.{0,24}?[:：]",
    re.IGNORECASE,
)
_LONGEST_REMARK: Final = 48
"""Characters of a new line by which it is known whether it is a remark."""
_UNCERTAIN: Final = re.compile(r"[\s`\"“”»›」』’')*]*(?:<[^>]{0,10})?$")
"""The end of what has come: it may be the closing mark, or the tag, that ends the translation."""


class TranslationCleaner:
    """Takes the pieces of one answer and gives back those of the translation.

    Args:
        source: the clause that is translated: what it holds itself (a label, quotation marks) is no ornament of the answer.
    """

    def __init__(self, source: str) -> None:
        self._thoughts = ThinkTagSplitter()
        self._labelled = label_end(source) > 0
        self._quoted = bool(set(source) & _QUOTE_SIGNS)
        self._held = ""
        self._closing = ""
        self._begun = False
        self._silent = True
        self.over = False
        """Whether the translation has come to its end, whatever else the model says."""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what is certain to belong to the translation."""
        self._held += "".join(said.text for said in self._thoughts.feed(piece) if isinstance(said, TextDelta))
        if self.over or not (self._begun or self._begin()):
            return ""
        return self._given(self._settled())

    def finish(self) -> str:
        """Return what was held, when the answer has ended."""
        self._held += "".join(said.text for said in self._thoughts.flush() if isinstance(said, TextDelta))
        if self.over:
            return ""
        if not self._begun:
            self._begin(last=True)
        return self._given(self._settled(last=True))

    def _given(self, text: str) -> str:
        """Note that something was given: from then on white space is between words."""
        self._silent = self._silent and not text
        return text

    def _begin(self, *, last: bool = False) -> bool:
        """Take off what stands before the translation; tell whether that is decided."""
        text = self._held.lstrip()
        fenced = re.match(r"```\w*\s+", text)
        if fenced:
            text = text[fenced.end() :]
        elif not last and "```".startswith(text[:3]):
            return False
        if not self._labelled:
            end = label_end(text)
            if not end and not last and may_become_label(text):
                return False
            text = text[end:].lstrip()
        if not last and OPEN_TAG.startswith(text):
            return False  # nothing yet, or a part of the tag
        text = text.removeprefix(OPEN_TAG).lstrip()
        if not last and len(set(text)) < 2 and (not text or text[0] in _QUOTES):
            return False  # more of the same quotation marks may follow
        if text[:1] in _QUOTES and not self._quoted and text:
            self._closing = _QUOTES[text[0]]
            text = text.lstrip(text[0]).lstrip()
        self._held = text
        self._begun = True
        return True

    def _settled(self, *, last: bool = False) -> str:
        """Return what is certain of the text held, and keep the rest."""
        out = ""
        if last:
            self._held = self._held.rstrip()
        if self._silent:
            self._held = self._held.lstrip()
        while True:
            end = _ENDS.search(self._held)
            line_break = _BREAK.search(self._held)
            if end and not (line_break and line_break.start() < end.start()):
                return out + self._ended(end.start())
            if line_break is None:
                break
            following = self._held[line_break.end() :]
            if line_break.group().count("\n") > 1 or _REMARK.match(following) or _ENDS.match(following):
                return out + self._ended(line_break.start())
            if not last and len(following) < _LONGEST_REMARK:
                return out + self._certain(line_break.start())
            out += self._held[: line_break.start()] + " "
            self._held = following
        return out + (self._ended(len(self._held)) if last else self._certain(len(self._held)))

    def _certain(self, end: int) -> str:
        """Return the text before `end` that no closing mark can take back."""
        uncertain = _UNCERTAIN.search(self._held[:end])
        at = uncertain.start() if uncertain else end
        certain, self._held = self._held[:at], self._held[at:]
        return certain

    def _ended(self, end: int) -> str:
        """Return the last of the translation, which ends there."""
        text, self._held = self._held[:end].rstrip(), ""
        self.over = True
        if self._closing and text and text[-1] in self._closing:
            text = text.rstrip(self._closing).rstrip()
        return text
