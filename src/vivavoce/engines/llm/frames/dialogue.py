"""The dialogue as a fold: each message turns a state into the next, so the whole conversation can be replayed from its messages.

Nothing is remembered between responses. What the assistant said counts only as far as it is in the messages, which end where the
user stopped listening: a read-back that was cut off is no read-back, and a yes to it is no consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from vivavoce.engines.llm.frames import phrasing, report
from vivavoce.engines.llm.frames.consent import Reply, read_reply
from vivavoce.engines.llm.frames.edits import edit_identifier
from vivavoce.engines.llm.frames.router import Route, Router
from vivavoce.engines.llm.frames.schema import Risk, Tool
from vivavoce.engines.llm.frames.slots import Extraction, find
from vivavoce.engines.llm.frames.smalltalk import is_unclear, small_talk
from vivavoce.engines.llm.frames.spelling import fits
from vivavoce.engines.llm.frames.state import Act, Call, Frame, Outcome, State, call_key
from vivavoce.engines.llm.frames.text import span_text, texts, words_of
from vivavoce.engines.ports import UNCLEAR_AUDIO, Message, ToolCall

_JOINTS = frozenset({"and", "also", "then", "plus"})
_SIDE_MARGIN = 0.15
_MOST_PARALLEL = 4


class Dialogue:
    """Replays conversations over one set of tools.

    Args:
        tools: the tools that may be called.
        router: finds the tool an utterance is about.
        forced: the tool every request is about, if the developer named one.
        eager: whether the best tool is taken even if it is far from what was said.
    """

    def __init__(self, tools: Sequence[Tool], router: Router, *, forced: Tool | None = None, eager: bool = False) -> None:
        self._tools = tuple(tools)
        self._router = router
        self._forced = forced
        self._eager = eager

    def replay(self, messages: Sequence[Message]) -> State:
        """Fold all messages into the state the next response starts from."""
        state = State()
        heard: list[str] = []
        for message in messages:
            if message.role == "user":
                heard.append("" if message.text == UNCLEAR_AUDIO else message.text)
                continue
            if heard and message.role != "system":
                state, heard = self.hear(state, " ".join(heard)), []
            if message.role == "assistant":
                state = self._said(state, message)
            elif message.role == "tool":
                state = self._returned(state, message)
        return self.hear(state, " ".join(heard)) if heard else replace(state, act=None)

    # --- the user ------------------------------------------------------------------------------------------------------------

    def hear(self, state: State, text: str) -> State:
        """Take in one utterance of the user."""
        fresh = replace(state, act=None, wanted=(), made=(), outcomes=(), asked=None, awaiting=False, retry=None)
        words = words_of(text)
        if is_unclear(words):
            return replace(fresh, act=Act.UNCLEAR)
        if state.retry is not None and (answered := self._answer_retry(state, fresh, text)) is not None:
            return answered
        if state.frame is not None and (taken := self._in_frame(state, fresh, text)) is not None:
            return taken
        return self._without_frame(replace(fresh, frame=None), text)

    def _answer_retry(self, state: State, fresh: State, text: str) -> State | None:
        reply = read_reply(words_of(text))
        if reply is Reply.YES and state.retry is not None:
            return replace(fresh, act=Act.CONSENTED, wanted=(state.retry,), frame=None)
        if reply in {Reply.NO, Reply.CANCEL}:
            return replace(fresh, act=Act.DECLINED, frame=None)
        return None

    def _in_frame(self, state: State, fresh: State, text: str) -> State | None:
        """Take an utterance as being about the open frame; return None if it is about something else."""
        frame = state.frame
        if frame is None:
            return None
        words = words_of(text)
        reply = read_reply(words, self._topic(frame) if state.awaiting else frozenset())
        if reply is Reply.CANCEL:
            return replace(fresh, act=Act.CANCELLED, frame=None)
        if state.awaiting and reply is Reply.YES:
            return replace(fresh, act=Act.CONSENTED, wanted=(Call(frame.tool, frame.values),))
        extraction = _with_edits(text, frame, find(text, frame.tool, asked=state.asked, held=frame.values))
        filled = frame.taking(extraction)
        if side := self._side_request(state, fresh, text, extraction):
            return side
        if filled.values != frame.values or filled.doubts or extraction.removed:
            return replace(fresh, act=Act.FILLED, frame=filled)
        if frame.failed:
            return (
                replace(fresh, act=Act.DECLINED, frame=None)
                if reply in {Reply.NO, Reply.VAGUE}
                else self._failed_yes(fresh, reply)
            )
        talk = small_talk(words)
        if talk in {Act.ASKED_HELP, Act.ASKED_AGAIN, Act.ASKED_PERSON, Act.GREETED, Act.THANKED}:
            return replace(fresh, act=talk)
        if reply is Reply.NO:
            if frame.complete and not phrasing.summary(frame.tool, frame.values):
                return replace(fresh, act=Act.CANCELLED, frame=None)
            return replace(fresh, act=Act.REFUSED if frame.complete else Act.STUCK)
        if reply is Reply.VAGUE or (reply is Reply.YES and frame.complete):
            return replace(fresh, act=Act.HESITATED if frame.complete else Act.STUCK)
        if extraction.values:
            return replace(fresh, act=Act.FILLED)
        return replace(fresh, act=Act.STUCK)

    @staticmethod
    def _failed_yes(fresh: State, reply: Reply) -> State | None:
        return replace(fresh, act=Act.REFUSED) if reply is Reply.YES else None

    @staticmethod
    def _topic(frame: Frame) -> frozenset[str]:
        said = phrasing.summary(frame.tool, frame.values)
        return frozenset(word.text for word in words_of(f"{said} {frame.tool.label} order book place"))

    def _side_request(self, state: State, fresh: State, text: str, extraction: Extraction) -> State | None:
        """Recognize a request for another tool in the middle of a frame: looked up at once, or taking the frame's place."""
        frame = state.frame
        others = [tool for tool in self._tools if frame is None or tool.name != frame.tool.name]
        if frame is None or not others or self._forced or len(words_of(text)) < 3 or extraction.evidence > 1:
            return None
        if (calls := self._parallel(text)) and all(call.tool.name != frame.tool.name for call in calls):
            return replace(fresh, act=Act.CALLED, wanted=calls)
        ranked = self._router.rank(text, self._tools)
        best = ranked[0]
        own = next(route.score for route in ranked if route.tool.name == frame.tool.name)
        answers = state.asked is not None and state.asked in extraction.values and not best.extraction.evidence
        if not best.accepted or best.tool.name == frame.tool.name or best.score < own + _SIDE_MARGIN or answers:
            return None
        return self._open(replace(fresh, frame=frame), best, keep=frame)

    def _without_frame(self, state: State, text: str) -> State:
        words = words_of(text)
        talk = small_talk(words)
        if talk is not None and self._forced is None:
            return replace(state, act=talk)
        if self._forced is not None:
            return self._open(state, Route(self._forced, 1.0, True, find(text, self._forced)))
        calls = self._parallel(text)
        if len(calls) > 1:
            return replace(state, act=Act.CALLED, wanted=calls)
        ranked = self._router.rank(text, self._tools)
        best = next((route for route in ranked if route.accepted or self._eager), None)
        if best is not None:
            return self._open(state, best)
        reply = read_reply(words)
        return replace(state, act=Act.OFF_TOPIC if reply is Reply.OTHER else Act.DECLINED)

    def _open(self, state: State, route: Route, keep: Frame | None = None) -> State:
        frame = Frame(route.tool, {}).taking(route.extraction)
        if frame.complete and route.tool.risk is Risk.READ:
            return replace(state, act=Act.CALLED, wanted=(Call(route.tool, frame.values),), frame=keep)
        return replace(state, act=Act.FILLED, frame=frame)

    def _parallel(self, text: str) -> tuple[Call, ...]:
        """Split an utterance at its joints into independent look-ups (TE-11); empty unless every part is one."""
        words = words_of(text)
        said = texts(words)
        cuts = [index for index, word in enumerate(said) if word in _JOINTS and 2 <= index < len(said) - 2]
        if not cuts or sum(tool.risk is Risk.READ for tool in self._tools) == 0:
            return ()
        calls: list[Call] = []
        start = 0
        for cut in [*cuts, len(said)]:
            part = words[start:cut]
            call = self._lookup(span_text(text, part)) if len(part) > 1 else None
            if call is not None:
                calls.append(call)
                start = cut + 1
        distinct = {call.key: call for call in calls}
        return tuple(distinct.values())[:_MOST_PARALLEL] if start > len(said) - 1 else ()

    def _lookup(self, text: str) -> Call | None:
        best = self._router.best(text, self._tools)
        if best is None or best.tool.risk is not Risk.READ or best.extraction.doubts:
            return None
        return None if best.tool.missing(best.extraction.values) else Call(best.tool, best.extraction.values)

    # --- the assistant and its tools -----------------------------------------------------------------------------------------

    def _said(self, state: State, message: Message) -> State:
        frame = state.frame
        state = replace(state, outcomes=() if message.text else state.outcomes, greeted=True)
        if message.text:
            state = replace(state, last_said=message.text, asked=None, awaiting=False, retry=None)
            if phrasing.TRY_AGAIN in message.text and state.failures:
                state = replace(state, retry=self._last_failed(state))
            if frame is not None:
                wanted = (*frame.tool.missing(frame.values), *frame.tool.properties)
                doubted = [doubt.prop for doubt in frame.doubts if "digit by digit" in message.text]
                asked = next(
                    (prop.name for prop in wanted if prop.name in doubted or phrasing.is_question_for(message.text, prop)), None
                )
                heard = frame.complete and not frame.failed and phrasing.reads_back(message.text, frame.tool, frame.values)
                state = replace(state, asked=None if heard else asked, awaiting=heard)
        for call in message.tool_calls:
            state = self._called(state, call)
        return state

    def _called(self, state: State, call: ToolCall) -> State:
        own = state.frame is not None and state.frame.tool.name == call.name
        arguments = _arguments(call.arguments)
        return replace(
            state,
            frame=None if own else state.frame,
            awaiting=False if own else state.awaiting,
            made=(*state.made, call_key(call.name, arguments)),
            placed={**state.placed, call.call_id: (call.name, arguments)},
        )

    def _returned(self, state: State, message: Message) -> State:
        name, arguments = state.placed.get(message.call_id, ("", {}))
        tool = next((tool for tool in self._tools if tool.name == name), None)
        call = Call(tool, arguments) if tool is not None else None
        state = replace(state, outcomes=(*state.outcomes, Outcome(call, name, message.text)))
        if not report.is_failure(message.text):
            return state
        key = call_key(name, arguments)
        failures = {other: count for other, count in state.failures.items() if other != key}
        state = replace(state, failures={**failures, key: state.failures.get(key, 0) + 1})
        if call is not None and state.frame is None:
            state = replace(state, frame=Frame(call.tool, call.arguments, failed=True))
        return state

    def _last_failed(self, state: State) -> Call | None:
        name, arguments = list(state.failures)[-1]
        tool = next((tool for tool in self._tools if tool.name == name), None)
        return Call(tool, _arguments(arguments)) if tool is not None else None


def _with_edits(text: str, frame: Frame, extraction: Extraction) -> Extraction:
    """Add the correction of a single sign of an identifier that is already known ("the fourth digit is seven")."""
    for prop in frame.tool.identifiers:
        known = frame.values.get(prop.name)
        edited = edit_identifier(text, known) if isinstance(known, str) else None
        if edited is not None and fits(edited, prop.pattern):
            doubts = tuple(doubt for doubt in extraction.doubts if doubt.prop != prop.name)
            return replace(extraction, values={**extraction.values, prop.name: edited}, doubts=doubts)
    return extraction


def _arguments(text: str) -> Mapping[str, Any]:
    try:
        data = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
