"""The interpreter: words in the order they were spoken in, requests to a translator and phrases for the voice out.

Theory of operation. Words gather in the *open clause* until it ends (`clauses.py`). A clause that ends is sent to the translator; one that
goes on is sent ahead each time it has grown by a few words, and what two translations of it in a row agree on is said at once
(`agreement.py`). The translator works on one request at a time, in order, and none is left out: so the same words always give the
same text, whenever they come in and however fast the engines are. The one thing that is given up for speed is translating ahead, where
the translator is slow: it would fall behind by its own doing.

What is in the target language already is passed over in silence. A change of the target language holds for words spoken after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from vivavoce.core.interpreting.agreement import agreed, continuation
from vivavoce.core.interpreting.clauses import Clause, SourceWord, complete, parted
from vivavoce.core.interpreting.units import joined, same_language, sayable, size, units
from vivavoce.protocol.translation_session import base

AHEAD_WORDS: Final = 4
"""Words an open clause has when it is first translated ahead."""

AHEAD_STEP: Final = 3
"""Words by which it has grown when it is again. Steps of three keep the voice 0.4 s nearer to the speaker than
steps of four. Source: `python -m bench.translate`."""

EARLY_WORDS: Final = 3
"""Agreed words that are said before a clause ends; fewer would be a voice that stammers."""

CONTEXT_CLAUSES: Final = 4
"""Clauses before the one at hand that the translator gets to see, with their translations: pronouns and terms rarely reach further back."""

TARGETS: Final = 64
"""Changes of the target language that are remembered while nothing is said."""

SLOW_MS: Final = 1_000.0
"""The average answer of a translator for which nothing is translated ahead any more: an open clause grows by a step in about a second."""

QUICK_MS: Final = 700.0
"""The average answer at which it is again."""

_NEWEST: Final = 0.25
"""The share of the newest answer in that average."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the translator is asked: a clause, open or ended, and the clauses before it with their translations, oldest first."""

    job: int
    text: str
    source: str
    target: str
    context: tuple[tuple[str, str], ...]
    open: bool


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to be said next: text as it is appended to all that was said, in a language; empty where a clause ends with nothing more."""

    text: str
    language: str
    source_start_ms: int
    source_end_ms: int
    """Where the clause it is part of lies in the audio, as far as that is known."""
    last: bool
    """Whether the clause is all said with it."""
    words: int = 0


@dataclass(slots=True)
class _Speech:
    """What has been said of a clause, and the translation before the newest."""

    said: list[str] = field(default_factory=list)
    before: list[str] | None = None


@dataclass(slots=True)
class _Ask:
    clause: Clause
    text: str
    end_ms: int
    open: bool


class Interpreter:
    """The policy of one session.

    Args:
        target: the language to speak, ISO-639-1.
        told: whether the recognizer tells the language of what it hears, so that words wait until it has.
        language: the language of everything heard, where the recognizer knows only one.
    """

    def __init__(self, target: str, *, told: bool = False, language: str = "") -> None:
        self._targets: deque[tuple[int, str]] = deque([(0, target)], maxlen=TARGETS)
        self._told = told
        self._language = language
        self._waiting: list[SourceWord] = []
        self._clause: Clause | None = None
        self._asked_size = 0.0
        self._clauses = 0
        self._asks: deque[_Ask] = deque()
        self._speeches: dict[int, _Speech] = {}
        self._context: deque[tuple[str, str, str, str]] = deque(maxlen=CONTEXT_CLAUSES)
        self._active: _Ask | None = None
        self._job = 0
        self._requests: deque[Request] = deque()
        self._phrases: deque[Phrase] = deque()
        self._answer_ms: float | None = None
        self._ahead = True
        self._anything = ""
        """The last thing said: what comes next may need a space before it."""

    # --- what there is to do ----------------------------------------------------------------------------------------------------

    def requests(self) -> list[Request]:
        """Return the request that is due, if one is, and forget it."""
        due = list(self._requests)
        self._requests.clear()
        return due

    def phrases(self) -> list[Phrase]:
        """Return what is to be said, and forget it."""
        due = list(self._phrases)
        self._phrases.clear()
        return due

    @property
    def backlog(self) -> int:
        """Return how many ended clauses are not translated."""
        waiting = sum(not ask.open for ask in self._asks)
        return waiting + (self._active is not None and not self._active.open)

    @property
    def idle(self) -> bool:
        """Tell whether everything heard has been translated."""
        return self._active is None and not self._asks and self._clause is None and not self._waiting

    # --- what happens -----------------------------------------------------------------------------------------------------------

    def aim(self, language: str, from_ms: float) -> None:
        """Change the target language, for what is spoken from a position in the audio on."""
        if len(self._targets) > 1 and self._targets[-1][0] == int(from_ms):
            self._targets.pop()
        self._targets.append((int(from_ms), language))

    def hear(self, words: Sequence[SourceWord], language: str = "") -> None:
        """Take more words of a stretch of speech, in order; `language` is what they are in, empty where nobody knows (yet)."""
        language = base(self._language or language)
        if self._told and not language:
            self._waiting += words
            return
        self._release(language)
        for word in words:
            self._word(word, language)
        self._next()

    def pause(self, language: str = "") -> None:
        """Take the end of a stretch of speech: the clause at hand ends, and if it was not said what language it is in, nobody knows."""
        self._release(base(self._language or language))
        self._end()
        self._next()

    def translated(self, job: int, text: str, took_ms: float) -> bool:
        """Take a translation; tell whether it was waited for.

        Args:
            job: the number of the request.
            text: the whole translation.
            took_ms: how long the translator worked.
        """
        if job != self._job or self._active is None:
            return False
        ask, self._active = self._active, None
        self._answer_ms = took_ms if self._answer_ms is None else self._answer_ms + _NEWEST * (took_ms - self._answer_ms)
        self._ahead = self._answer_ms <= (SLOW_MS if self._ahead else QUICK_MS)
        if ask.open:
            self._say_agreed(ask, units(text.strip()))
        else:
            self._say_rest(ask, units(text.strip()))
            self._context.append((ask.clause.source, ask.clause.target, ask.text, text.strip()))
        self._next()
        return True

    def failed(self, job: int) -> str | None:
        """Take a translator's failure; return the clause that is left out, None if that was not waited for or only an open one."""
        if job != self._job or self._active is None:
            return None
        ask, self._active = self._active, None
        if not ask.open:
            self._say_rest(ask, self._speeches[ask.clause.number].said)
        self._next()
        return None if ask.open else ask.text

    # --- words to clauses -------------------------------------------------------------------------------------------------------

    def _release(self, language: str) -> None:
        waiting, self._waiting = self._waiting, []
        for word in waiting:
            self._word(word, language)

    def _word(self, word: SourceWord, language: str) -> None:
        target = self._target(word.start_ms)
        clause = self._clause
        if clause is not None and (parted(clause, word) or (clause.source, clause.target) != (language, target)):
            self._end()
        if language and same_language(language, target):
            return
        if self._clause is None:
            self._clauses += 1
            self._clause = Clause(self._clauses, language, target)
            self._speeches[self._clauses] = _Speech()
            self._asked_size = float(AHEAD_WORDS - AHEAD_STEP)
        self._clause.words.append(word)
        if complete(self._clause):
            self._end()
        elif self._clause.size >= self._asked_size + AHEAD_STEP:
            self._asked_size = self._clause.size
            self._asks.append(_Ask(self._clause, self._clause.text, self._clause.end_ms, open=True))

    def _end(self) -> None:
        clause, self._clause = self._clause, None
        if clause is not None:
            clause.ended = True
            self._asks.append(_Ask(clause, clause.text, clause.end_ms, open=False))

    def _target(self, at_ms: int) -> str:
        while len(self._targets) > 1 and self._targets[1][0] <= at_ms:
            self._targets.popleft()
        return self._targets[0][1]

    # --- clauses to phrases -----------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        while self._active is None and self._asks:
            ask = self._asks.popleft()
            if ask.open and not self._ahead:
                continue
            self._active = ask
            self._job += 1
            pair = (ask.clause.source, ask.clause.target)
            context = tuple((said, told) for source, target, said, told in self._context if (source, target) == pair)
            self._requests.append(Request(self._job, ask.text, *pair, context, ask.open))

    def _say_agreed(self, ask: _Ask, whole: list[str]) -> None:
        speech = self._speeches[ask.clause.number]
        before, speech.before = speech.before, whole
        count = 0 if before is None else sayable(whole[: agreed(before, whole)], ask.clause.target)
        done = len(speech.said)
        if sum(map(size, whole[done:count])) >= EARLY_WORDS and agreed(speech.said, whole) == done:
            speech.said = whole[:count]
            self._say(ask, whole[done:count], last=False)

    def _say_rest(self, ask: _Ask, whole: list[str]) -> None:
        speech = self._speeches.pop(ask.clause.number)
        self._say(ask, continuation(speech.said, whole), last=True)

    def _say(self, ask: _Ask, words: list[str], *, last: bool) -> None:
        text = joined(self._anything, "".join(words), ask.clause.target)
        self._anything = text or self._anything
        clause = ask.clause
        self._phrases.append(Phrase(text, clause.target, clause.start_ms, ask.end_ms, last, len(words)))
