"""Scripts for a brain: what it will do, step by step, request by request.

The same script drives `ScriptedBrain` (in process) and `ChatServer` (over HTTP), so a test can begin with one and move to the other:

    Script(
        "Hello, what would you like?",
        [Say("One moment."), CallTool("orderDrink", {"coffeeDrink": "latte", "size": "large"})],
        Answer([Fail("no capacity", status=503)], when="crash"),
    )

Each answer is used once, in order, except those with `when`: they answer whenever the last thing the user said (or a tool returned)
matches. Running out of answers is an error, so that a test notices a request it did not expect.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from vivavoce.engines.ports import LlmDelta, LlmFinish, LlmUsage, ReasoningDelta, TextDelta, ToolCallDelta

Sleep = Callable[[float], Awaitable[None]]
"""How to wait, in seconds; give your own to run scripts on a virtual clock."""


class ScriptError(ValueError):
    """A script that cannot be used, or that has no answer to a request; the message says which."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say `text`, one token (a word with the space after it) at a time, `delay_s` before each."""

    text: str
    phase: str | None = None
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Think:
    """Reason in secret, token by token like `Say`."""

    text: str
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call a tool. `arguments` may be a text that is not valid JSON; they come in `pieces`, `delay_s` before each."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    call_id: str = ""
    """Made up (`call_1`, `call_2`, …) if empty."""
    pieces: int = 1
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Together:
    """Make several calls at once, their pieces interleaved."""

    calls: tuple[CallTool, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing for ever: before the first token a backend that never answers, later one that stalls."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Fail as a backend would: with this HTTP status before the first token, with an error event after it."""

    message: str
    status: int = 500
    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Send something that is no chunk."""

    text: str = '{"choices": ['


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop without a finish: the connection breaks, or the stream ends `politely` but unfinished."""

    politely: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """Report this usage in place of the number of words."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """Finish for this reason in place of the natural one."""

    reason: Literal["stop", "length", "content_filter", "tool_calls"]


Incident = Fail | Garbage | Cut
Step = Say | Think | CallTool | Together | Wait | Hang | Incident | Count | Finish


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do with one request.

    `when` is a regular expression, searched without regard to case in the last thing the user said or a tool returned; an answer
    that has one serves any number of requests and goes before the answers in order.
    """

    steps: Sequence[Step]
    when: str = ""


AnswerLike = Answer | Step | str | Sequence[Step | str]
"""What may stand for an answer: a text is said, a step stands alone, a list is done in order."""


class Script:
    """Answers in order, and the place one has got to.

    Args:
        answers: see `AnswerLike`.
        repeat: begin again after the last answer instead of running out.

    Raises:
        ScriptError: a `when` is no regular expression.
    """

    def __init__(self, *answers: AnswerLike, repeat: bool = False) -> None:
        everything = [_answer(answer) for answer in answers]
        self._rules = [(_pattern(answer.when), answer) for answer in everything if answer.when]
        self._ordered = [answer for answer in everything if not answer.when]
        self._repeat = repeat
        self._used = 0
        self._call_numbers = itertools.count(1)

    def pick(self, heard: str) -> Sequence[Step]:
        """Return what to do with the next request.

        Args:
            heard: the last text of a user or tool in it.

        Raises:
            ScriptError: no rule matches and every answer has been used.
        """
        for pattern, answer in self._rules:
            if pattern.search(heard):
                return answer.steps
        if self._used >= len(self._ordered):
            if not (self._repeat and self._ordered):
                raise ScriptError(f"the script has no answer left for {heard!r} ({self._used} used)")
            self._used = 0
        self._used += 1
        return self._ordered[self._used - 1].steps

    async def play(
        self, steps: Sequence[Step], *, input_tokens: int = 0, sleep: Sleep = asyncio.sleep
    ) -> AsyncGenerator[LlmDelta | Incident, None]:
        """Do the steps.

        Yields:
            Deltas, at the end usage and finish; or, as the last thing, the `Incident` that happened instead.
        """
        usage: LlmUsage | None = None
        finish: LlmFinish | None = None
        output_tokens = reasoning_tokens = calls = 0
        for step in steps:
            match step:
                case Say(text, phase, delay_s):
                    async for token in _paced(tokens(text), delay_s, sleep):
                        output_tokens += 1
                        yield TextDelta(token, phase)
                case Think(text, delay_s):
                    async for token in _paced(tokens(text), delay_s, sleep):
                        output_tokens += 1
                        reasoning_tokens += 1
                        yield ReasoningDelta(token)
                case CallTool() | Together():
                    together = step.calls if isinstance(step, Together) else (step,)
                    async for delta in self._call(together, calls, sleep):
                        output_tokens += 1
                        yield delta
                    calls += len(together)
                case Wait(seconds):
                    await sleep(seconds)
                case Hang():
                    await asyncio.Event().wait()
                case Fail() | Garbage() | Cut():
                    yield step
                    return
                case Count(given, made, cached, reasoning):
                    usage = LlmUsage(given, made, cached, reasoning)
                case Finish(reason):
                    finish = LlmFinish(reason)
        yield usage or LlmUsage(input_tokens, output_tokens, reasoning_tokens=reasoning_tokens)
        yield finish or LlmFinish("tool_calls" if calls else "stop")

    async def _call(self, calls: Sequence[CallTool], first: int, sleep: Sleep) -> AsyncGenerator[ToolCallDelta, None]:
        """Stream the calls, one piece of each in turn; the first piece of a call carries its name."""
        pieces = [_pieces(call) for call in calls]
        for turn in range(max(map(len, pieces), default=0)):
            for offset, (call, parts) in enumerate(zip(calls, pieces, strict=True)):
                if turn < len(parts):
                    await sleep(call.delay_s)
                    if turn == 0:
                        call_id = call.call_id or f"call_{next(self._call_numbers)}"
                        yield ToolCallDelta(first + offset, call.name, call_id, parts[0])
                    else:
                        yield ToolCallDelta(first + offset, arguments=parts[turn])


def tokens(text: str) -> list[str]:
    """Split text into words, each with the white space after it; joined they give the text again."""
    return re.findall(r"\S+\s*|\s+", text)


def count_words(texts: Iterable[str]) -> int:
    """Count words: the fakes' measure of tokens."""
    return sum(len(text.split()) for text in texts)


async def _paced(pieces: Iterable[str], delay_s: float, sleep: Sleep) -> AsyncGenerator[str, None]:
    for piece in pieces:
        await sleep(delay_s)
        yield piece


def _pieces(call: CallTool) -> list[str]:
    """Cut the arguments into `call.pieces` parts of about the same length."""
    text = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
    length = max(1, -(-len(text) // max(1, call.pieces)))
    return [text[start : start + length] for start in range(0, len(text), length)] or [""]


def _answer(answer: AnswerLike) -> Answer:
    if isinstance(answer, Answer):
        return answer
    if isinstance(answer, str):
        return Answer((Say(answer),))
    if isinstance(answer, Sequence):
        return Answer(tuple(Say(step) if isinstance(step, str) else step for step in answer))
    return Answer((answer,))


def _pattern(when: str) -> re.Pattern[str]:
    try:
        return re.compile(when, re.IGNORECASE)
    except re.error as error:
        raise ScriptError(f"when = {when!r} is no regular expression: {error}") from error
