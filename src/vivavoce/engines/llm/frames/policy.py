"""What to do next, given the state of the dialogue: ask, read back, call, report, or say plainly that it cannot be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vivavoce.engines.llm.frames import phrasing, report
from vivavoce.engines.llm.frames.instructions import greeting
from vivavoce.engines.llm.frames.schema import Kind, Property, Risk, Tool
from vivavoce.engines.llm.frames.spelling import spoken
from vivavoce.engines.llm.frames.state import Act, Call, Frame, Outcome, State


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: something said, or calls made, never both."""

    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What bounds a response besides the dialogue itself."""

    tools: tuple[Tool, ...]
    instructions: str = ""
    may_call: bool = True
    forced: bool = False
    """The developer named the function to call for this response: that order stands in for the user's yes."""
    parallel: bool = True


def answer(state: State, terms: Terms) -> Answer:
    """Decide the response to `state`."""
    if state.act is None:
        return _unprompted(state, terms)
    if state.wanted:
        return _call(state, state.wanted, terms)
    if state.frame is not None and state.act in _IN_FRAME:
        return _in_frame(state, state.frame, terms)
    return Answer(_talk(state, terms))


_IN_FRAME = frozenset({Act.FILLED, Act.REFUSED, Act.HESITATED, Act.STUCK})


def _call(state: State, calls: Sequence[Call], terms: Terms) -> Answer:
    if not terms.may_call:
        return Answer(phrasing.NO_CALL)
    left = [call for call in calls if call.key not in state.made]
    return Answer(calls=tuple(left if terms.parallel else left[:1])) if left else Answer(phrasing.PROMPT)


# --- nobody has said anything new ---------------------------------------------------------------------------------------------


def _unprompted(state: State, terms: Terms) -> Answer:
    if state.outcomes:
        left = [call for call in state.wanted if call.key not in state.made]
        if left and terms.may_call:
            return Answer(calls=(left[0],))
        return Answer(_report(state, terms))
    if state.frame is not None and not state.frame.failed:
        return Answer(_next_step(state.frame, state))
    if state.greeted:
        return Answer(phrasing.PROMPT)
    return Answer(greeting(terms.instructions))


def _report(state: State, terms: Terms) -> str:
    said = [_outcome(outcome, state, terms) for outcome in state.outcomes]
    told = list(dict.fromkeys(text for text in said if text))
    if state.frame is not None and not state.frame.failed and not any(text.endswith("?") for text in told):
        told.append(_next_step(state.frame, state))
    return " ".join(told)


def _outcome(outcome: Outcome, state: State, terms: Terms) -> str:
    if not report.is_failure(outcome.output):
        wrote = outcome.call is not None and outcome.call.tool.risk is Risk.WRITE
        return report.tell(outcome.output, terms.instructions, outcome.name, wrote=wrote)
    if outcome.call is None or state.failures.get(outcome.call.key, 0) > 1:
        return phrasing.STILL_FAILING
    exact = [prop for prop in outcome.call.tool.identifiers if prop.name in outcome.call.arguments]
    if exact and report.is_not_found(outcome.output):
        value = spoken(str(outcome.call.arguments[exact[0].name]))
        return f"I couldn't find anything for {value}. {phrasing.ANY_WRONG}"
    return phrasing.TRY_AGAIN


# --- an open frame ------------------------------------------------------------------------------------------------------------


def _in_frame(state: State, frame: Frame, terms: Terms) -> Answer:
    if frame.complete and state.act is Act.FILLED and terms.may_call and (terms.forced or frame.tool.risk is Risk.READ):
        return _call(state, (Call(frame.tool, frame.values),), terms)
    if state.act is Act.REFUSED:
        return Answer(phrasing.CHANGE)
    if state.act is Act.HESITATED:
        return Answer(_read_back(frame, again=True))
    if state.act is Act.STUCK:
        return Answer(_ask_again(frame, state))
    return Answer(_next_step(frame, state))


def _next_step(frame: Frame, state: State) -> str:
    """Ask for the one thing that is missing or in doubt, or read everything back."""
    if frame.doubts:
        return _resolve_doubt(frame, state)
    missing = frame.tool.missing(frame.values)
    if not missing:
        return _read_back(frame)
    if missing[0].kind is Kind.UNSUPPORTED:
        return f"Sorry, I can't take the {missing[0].label} by voice."
    asked = phrasing.question(missing[0])
    return asked if asked not in state.last_said else phrasing.question(missing[0], again=True)


def _read_back(frame: Frame, *, again: bool = False) -> str:
    lookup = frame.tool.risk is not Risk.WRITE
    return phrasing.read_back(frame.tool, frame.values, lookup=lookup, again=again)


def _ask_again(frame: Frame, state: State) -> str:
    lead = phrasing.varied(phrasing.NOT_CAUGHT, state.last_said)
    if frame.doubts:
        return f"{lead} {_digit_by_digit(frame.tool.find(frame.doubts[0].prop))}"
    missing = frame.tool.missing(frame.values)
    if not missing:
        return _read_back(frame, again=True)
    return f"{lead} {phrasing.question(missing[0], again=True)}"


def _resolve_doubt(frame: Frame, state: State) -> str:
    doubt = frame.doubts[0]
    prop = frame.tool.find(doubt.prop)
    label = prop.label if prop is not None else doubt.prop
    if len(doubt.readings) > 1:
        heard = f"I heard either {spoken(doubt.readings[0])}, or {spoken(doubt.readings[1])}."
    else:
        heard = phrasing.varied((f"I only got part of the {label}.", f"That's still not a whole {label}."), state.last_said)
    return f"{heard} Could you repeat it digit by digit?"


def _digit_by_digit(prop: Property | None) -> str:
    return phrasing.question(prop, again=True) if prop is not None else phrasing.CLARIFY[0]


# --- everything else ----------------------------------------------------------------------------------------------------------


def _talk(state: State, terms: Terms) -> str:
    said = _TALK.get(state.act) if state.act is not None else None
    if state.act is Act.UNCLEAR:
        said = phrasing.varied(phrasing.CLARIFY, state.last_said)
    elif state.act is Act.ASKED_AGAIN:
        return state.last_said or phrasing.PROMPT
    elif state.act is Act.GREETED and not state.greeted:
        return _with_frame(greeting(terms.instructions), state)
    elif state.act is Act.ASKED_HELP:
        said = phrasing.ability(terms.tools) if terms.tools else phrasing.NO_TOOLS
    elif state.act is Act.ASKED_PERSON:
        said = f"{phrasing.NO_PEOPLE} {phrasing.ability(terms.tools)}" if terms.tools else phrasing.NO_PEOPLE
    elif state.act is Act.OFF_TOPIC or said is None:
        said = _cannot(state, terms)
    return _with_frame(said, state)


_TALK = {
    Act.GREETED: phrasing.HELLO_AGAIN,
    Act.THANKED: phrasing.THANKS,
    Act.PARTED: phrasing.BYE,
    Act.CANCELLED: phrasing.CANCELLED,
    Act.DECLINED: phrasing.DECLINED,
}


def _cannot(state: State, terms: Terms) -> str:
    if not terms.tools:
        return phrasing.varied((phrasing.NO_TOOLS, phrasing.NO_TOOLS_AGAIN), state.last_said)
    able = phrasing.ability(terms.tools)
    return phrasing.varied((f"Sorry, I can't help with that. {able}", f"That's not something I can do. {able}"), state.last_said)


def _with_frame(said: str, state: State) -> str:
    """Come back to the open frame after an aside, with one question only (VB-02)."""
    if state.frame is None or state.frame.failed:
        return said
    statement = " ".join(
        part for part in said.replace("?", "?|").replace(".", ".|").split("|") if part and not part.endswith("?")
    )
    lead = " ".join(statement.split()) or phrasing.varied(phrasing.NOT_CAUGHT, state.last_said)
    return f"{lead} {_next_step(state.frame, state)}".strip()
