"""Keep a model's thoughts out of its mouth where the backend does not.

Reasoning models write `<think>…</think>` before the answer. Most backends move that into a field of its own; those started
without a reasoning parser leave it in the text, and a voice would read it aloud.
"""

from __future__ import annotations

from vivavoce.engines.ports import ReasoningDelta, TextDelta

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkTagSplitter:
    """Split streamed text into reasoning and answer; only a tag at the very start of the text counts."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, text: str) -> list[TextDelta | ReasoningDelta]:
        """Take the next piece of text; give back what is certain so far, no piece empty."""
        if self._state == "answer":
            return [TextDelta(text)] if text else []
        self._held += text
        if self._state == "start":
            begun = self._held.lstrip()
            if len(begun) < len(_OPEN) and _OPEN.startswith(begun):
                return []  # may still become the tag
            if not begun.startswith(_OPEN):
                self._state = "answer"
                return [TextDelta(self._take(len(self._held)))]
            self._state = "thought"
            self._held = begun[len(_OPEN) :]
        return self._inside()

    def flush(self) -> list[TextDelta | ReasoningDelta]:
        """Give back what was held when the stream ends."""
        rest = self._take(len(self._held))
        if not rest:
            return []
        return [ReasoningDelta(rest)] if self._state == "thought" else [TextDelta(rest)]

    def _inside(self) -> list[TextDelta | ReasoningDelta]:
        thought, closed, answer = self._held.partition(_CLOSE)
        if closed:
            self._state = "answer"
            self._held = ""
            answer = answer.lstrip()
            return [*([ReasoningDelta(thought)] if thought else []), *([TextDelta(answer)] if answer else [])]
        certain = self._take(len(self._held) - _overlap(self._held, _CLOSE))
        return [ReasoningDelta(certain)] if certain else []

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        return taken


def _overlap(text: str, tag: str) -> int:
    """Return the length of the longest end of `text` that is a beginning of `tag`, the whole tag excluded."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)
