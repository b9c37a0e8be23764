"""Speaking: phrases in, one after the other to the voice; what the client hears of them out, and how late it does.

The voice says one phrase at a time, so nothing has to be put in order. The text of a phrase is told with the first of its sound, under
the same `elapsed_ms`. Whoever owns the playout clock, what is said is taken to play from when it was, or when the phrase before it ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.core import effects
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Voiced
from vivavoce.core.interpreting.frames import BYTES_PER_MS, Timeline
from vivavoce.core.interpreting.interpreter import Phrase
from vivavoce.core.interpreting.lag import Arrivals, LagMeter
from vivavoce.core.interpreting.pace import Pace
from vivavoce.core.playout import Playout
from vivavoce.protocol import translation_events as events

WORD_MS: Final = 350
"""How long a word takes that has not been said yet: 170 words a minute. Source: rates of read speech are 150 to 180 words a minute."""


@dataclass(slots=True)
class _Saying:
    job: int
    phrase: Phrase
    speed: float
    told: bool = False


class Speaking:
    """The voice of one session.

    Args:
        out: the list effects are put into, shared with the session.
        send: tells the client.
        arrivals: when the client's audio came.
        playout: who plays it.
    """

    def __init__(self, out: list[Effect], send: Callable[[dict[str, Any]], None], arrivals: Arrivals, playout: Playout) -> None:
        self._out = out
        self._send = send
        self._arrivals = arrivals
        self._playout = playout
        self._phrases: deque[Phrase] = deque()
        self._saying: _Saying | None = None
        self._job = 0
        self._timeline = Timeline()
        self._pace = Pace()
        self._meter = LagMeter()
        self._played_ms = 0.0
        """When the client has heard everything that was sent."""
        self._heard_ms: list[float] = []
        """When each word of the clause at hand is heard."""
        self._broken = False
        """Whether some of the clause at hand could not be said."""

    @property
    def backlog(self) -> int:
        """Return how many phrases wait for the voice."""
        return len(self._phrases)

    @property
    def idle(self) -> bool:
        """Tell whether everything has been said."""
        return self._saying is None and not self._phrases

    def add(self, phrases: Iterable[Phrase]) -> None:
        """Take what is to be said next."""
        self._phrases.extend(phrases)

    def advance(self, input_ms: float) -> None:
        """Let the voice begin the next phrase, if it is free; `input_ms` is how much input has been heard."""
        while self._saying is None and self._phrases:
            phrase = self._phrases.popleft()
            if not phrase.text:
                self._end(phrase)
                continue
            wait_ms = self._timeline.ahead_ms(input_ms) + WORD_MS * sum(later.words for later in self._phrases)
            self._job += 1
            self._saying = _Saying(self._job, phrase, self._pace.choose(wait_ms))
            self._out.append(effects.Voice(self._job, phrase.text.strip(), phrase.language, self._saying.speed))

    def voiced(self, voiced: Voiced, input_ms: float, now_ms: float) -> None:
        """Take more of a phrase's speech."""
        saying = self._saying
        if saying is None or saying.job != voiced.job:
            return
        self._timeline.present(input_ms)
        self._tell(saying)
        for piece, elapsed_ms in self._timeline.cut(voiced.audio):
            self._playout.interpret(piece, elapsed_ms)
        begin = max(now_ms, self._played_ms)
        self._played_ms = begin + len(voiced.audio) / BYTES_PER_MS
        self._heard_ms += [begin + word.start_ms for word in voiced.words]

    def finished(self, job: int, input_ms: float, *, broken: bool = False) -> bool:
        """Take the end of a phrase, said or `broken`; tell whether it was the one at hand."""
        saying = self._saying
        if saying is None or saying.job != job:
            return False
        self._saying = None
        self._timeline.present(input_ms)
        self._tell(saying)
        self._broken = self._broken or broken
        self._end(saying.phrase)
        return True

    def _tell(self, saying: _Saying) -> None:
        if not saying.told:
            saying.told = True
            self._send(events.output_transcript_delta(saying.phrase.text, self._timeline.elapsed_ms))

    def _end(self, phrase: Phrase) -> None:
        if not phrase.last:
            return
        if self._heard_ms and not self._broken:
            start_ms, end_ms = self._arrivals.at(phrase.source_start_ms), self._arrivals.at(phrase.source_end_ms)
            lags = self._meter.clause(start_ms, end_ms, self._heard_ms, self._played_ms, self._pace.speed)
            self._out.append(effects.Lagged(self._meter.lag, *lags))
        self._heard_ms = []
        self._broken = False
