"""Everything the brain says, in one place: short sentences for the ear, no markup, one question at a time (VB-01, VB-02)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vivavoce.engines.llm.frames.schema import Kind, Property, Tool
from vivavoce.engines.llm.frames.spelling import spoken
from vivavoce.engines.llm.frames.text import fold, name_words, plain, words_of

CLARIFY = ("Sorry, could you repeat that clearly?", "I didn't catch that. Could you say it once more?")
NOT_CAUGHT = ("Sorry, I didn't get that.", "I still didn't get that.")
PROMPT = "How can I help you?"
CHANGE = "Okay. What should I change?"
CANCELLED = "Okay, I've dropped that. Is there anything else?"
THANKS = "You're welcome. Is there anything else?"
BYE = "Goodbye!"
HELLO_AGAIN = "Hello! How can I help you?"
DECLINED = "Okay. Is there anything else?"
NO_TOOLS = "I'm a small built-in demo voice. Connect tools or a language model to me, and I can do more."
NO_TOOLS_AGAIN = "That's beyond this built-in demo voice. It needs tools or a language model connected."
NO_CALL = "I can't do that just now."
NEED_YES = "I need a clear yes or no."
GO_AHEAD = "Shall I go ahead?"
IS_RIGHT = "Is that right?"
TRY_AGAIN = "Sorry, that didn't work. Should I try again?"
STILL_FAILING = "Sorry, it still isn't working, so I'll leave it there. Can I help with something else?"
ANY_WRONG = "Did I get any part of that wrong?"
NO_PEOPLE = "I can't transfer you to a person."

_LIST_AT_MOST = 4
_EXAMPLES = 3


def question(prop: Property, *, again: bool = False) -> str:
    """Ask for the value of one property; choices are offered when they are few, or all named when asked again."""
    label = _label(prop)
    options = [choice.spoken for choice in prop.choices]
    offered = _offer(options, again=again)
    if prop.kind is Kind.CHOICE:
        return f"Which {label} would you like{offered}?"
    if prop.kind is Kind.CHOICES:
        return f"What would you like for the {label}{offered}?"
    if prop.kind is Kind.BOOLEAN:
        return f"Do you want {label}, yes or no?"
    if prop.kind is Kind.INTEGER and _plural(label):
        return f"How many {label}?"
    if prop.kind is Kind.EMAIL:
        return "Could you spell the email address, character by character?"
    if prop.kind is Kind.IDENTIFIER and again:
        return f"Could you repeat the {label} digit by digit?"
    return f"What's the {label}?"


def _offer(options: Sequence[str], *, again: bool) -> str:
    if not options or (len(options) > _LIST_AT_MOST and not again):
        return ""
    if len(options) <= _LIST_AT_MOST:
        return f": {_alternatives(options)}"
    return f", for example {_alternatives(options[:_EXAMPLES])}"


def _plural(label: str) -> bool:
    last = label.split()[-1]
    return fold(last) != last


def _label(prop: Property) -> str:
    return re.sub(r"\bid\b", "I D", prop.label)


def _alternatives(options: Sequence[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])}, or {options[-1]}"


def listing(items: Sequence[str]) -> str:
    """Join with commas and a last "and"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def is_question_for(text: str, prop: Property) -> bool:
    """Tell whether an assistant's text asks for `prop`; half a question is enough, it may have been interrupted."""
    said = plain(text)
    if any(plain(question(prop, again=again)) in said for again in (False, True)):
        return True
    last = re.split(r"(?<=[.!])\s+", text.strip())[-1]
    words = {fold(word.text) for word in words_of(last)}
    opener = {"which", "what", "what's", "how", "could", "do"} & {word.text for word in words_of(last)}
    return bool(prop.topics) and prop.topics <= words and ("?" in last or bool(opener))


def value_aloud(prop: Property, value: Any) -> str:
    """Say one value: identifiers sign by sign (ID-02), lists joined, names of values as words."""
    if prop.kind in {Kind.IDENTIFIER, Kind.EMAIL}:
        return spoken(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return listing([_words(item) for item in value])
    if prop.kind is Kind.CHOICE:
        return _words(value)
    return _number(value) if isinstance(value, int | float) else str(value)


def _words(value: Any) -> str:
    return " ".join(name_words(str(value)))


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}".replace(".", " point ")


def summary(tool: Tool, values: Mapping[str, Any]) -> str:
    """Say all values of a call in schema order; a qualifier stands before what it qualifies ("a little bit of cream")."""
    qualifiers = {
        prop.sibling: prop for prop in tool.properties if prop.sibling and prop.name in values and prop.sibling in values
    }
    parts: list[str] = []
    for prop in tool.properties:
        if prop.name not in values or prop.kind is Kind.CONSTANT or (prop.sibling and prop in qualifiers.values()):
            continue
        aloud = value_aloud(prop, values[prop.name])
        qualifier = qualifiers.get(prop.name)
        if qualifier is not None:
            aloud = _qualified(value_aloud(qualifier, values[qualifier.name]), aloud)
        parts.append(aloud if _speaks_for_itself(tool, prop) else f"{_label(prop)} {aloud}")
    return ", ".join(parts)


def _qualified(amount: str, thing: str) -> str:
    return f"{amount} {thing}" if amount == "some" else f"{amount} of {thing}"


def _speaks_for_itself(tool: Tool, prop: Property) -> bool:
    """Tell whether the value alone is clear: a choice among many that no other property shares."""
    if prop.kind not in {Kind.CHOICE, Kind.CHOICES} or len(prop.choices) < 3:
        return False
    own = {choice.spoken for choice in prop.choices}
    return not any(own & {choice.spoken for choice in other.choices} for other in tool.properties if other.name != prop.name)


def action(tool: Tool) -> str:
    """Name what the tool does as a verb phrase: from a short description ("Resets the router."), else from its name."""
    first = re.split(r"[.;\n]", tool.description)[0].strip()
    words = first.split()
    if 1 < len(words) <= 9 and words[0].isalpha():
        verb = words[0].lower()
        verb = verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb
        return " ".join([verb, *words[1:]])
    return tool.label


def read_back(tool: Tool, values: Mapping[str, Any], *, lookup: bool, again: bool = False) -> str:
    """Read a call back and ask for consent (TE-09); for a look-up only the exactness of the values is in question (TE-02)."""
    said = summary(tool, values)
    lead = f"{NEED_YES} " if again else ""
    if not said:
        return f"{lead}Do you want me to {action(tool)}?"
    return f"{lead}So that's {said}. {IS_RIGHT if lookup else GO_AHEAD}"


def reads_back(text: str, tool: Tool, values: Mapping[str, Any]) -> bool:
    """Tell whether a text that was heard reads back exactly these values to its end and asks for consent."""
    values_said = plain(summary(tool, values))
    lead, wanted = ("so that's", values_said) if values_said else ("do you want me to", plain(action(tool)))
    _, found, behind = f" {plain(text)} ".partition(f" {lead} {wanted} ")
    return bool(found) and any(plain(ask).startswith(behind.strip()) for ask in (GO_AHEAD, IS_RIGHT))


def ability(tools: Sequence[Tool]) -> str:
    """Say what the tools can do, at most three of them."""
    return f"I can {_alternatives([action(tool) for tool in tools[:3]])}."


def varied(options: Sequence[str], last: str) -> str:
    """Return the first option that is not part of what was said last (UA-02)."""
    heard = plain(last)
    return next((option for option in options if plain(option) not in heard), options[-1])
