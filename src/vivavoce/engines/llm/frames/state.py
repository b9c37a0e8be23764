"""What the dialogue knows, and the facts of a conversation that its messages tell without interpretation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from vivavoce.engines.llm.frames.schema import Tool
from vivavoce.engines.llm.frames.slots import Doubt, Extraction


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make, or one that was made: a tool and its arguments."""

    tool: Tool
    arguments: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The arguments as compact JSON in schema order."""
        ordered = {prop.name: self.arguments[prop.name] for prop in self.tool.properties if prop.name in self.arguments}
        return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))

    @property
    def key(self) -> tuple[str, str]:
        """What makes two calls the same, however their arguments are written."""
        return call_key(self.tool.name, self.arguments)


def call_key(name: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Return a name and arguments in one canonical writing."""
    return name, json.dumps(arguments, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Frame:
    """One tool being filled."""

    tool: Tool
    values: Mapping[str, Any]
    doubts: tuple[Doubt, ...] = ()
    failed: bool = False
    """The call was made with these values and failed; a correction opens the frame again."""

    @property
    def complete(self) -> bool:
        """Whether every required value is there and none is in doubt."""
        return not self.tool.missing(self.values) and not self.doubts

    def taking(self, extraction: Extraction) -> Frame:
        """Return the frame with what an utterance said put in, taken back or thrown in doubt."""
        values = {name: value for name, value in self.values.items() if name not in extraction.removed}
        values.update(extraction.values)
        kept = tuple(doubt for doubt in self.doubts if doubt.prop not in values and doubt.prop not in _named(extraction.doubts))
        doubts = (*kept, *extraction.doubts)
        return Frame(self.tool, {name: value for name, value in values.items() if name not in _named(doubts)}, doubts)


def _named(doubts: tuple[Doubt, ...]) -> frozenset[str]:
    return frozenset(doubt.prop for doubt in doubts)


class Act(Enum):
    """What the last utterance did to the dialogue."""

    UNCLEAR = "unclear"
    GREETED = "greeted"
    THANKED = "thanked"
    PARTED = "parted"
    ASKED_HELP = "asked for help"
    ASKED_PERSON = "asked for a person"
    ASKED_AGAIN = "asked to repeat"
    FILLED = "filled the frame"
    STUCK = "said nothing the frame can use"
    CONSENTED = "consented"
    REFUSED = "refused"
    HESITATED = "hesitated"
    CANCELLED = "cancelled"
    CALLED = "asked for what can be looked up at once"
    DECLINED = "declined"
    OFF_TOPIC = "asked for what no tool does"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The output of a call, not yet reported to the user."""

    call: Call | None
    """None if the tool is not among the current ones."""
    name: str
    output: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything a reply depends on, rebuilt from the messages each time."""

    frame: Frame | None = None
    asked: str | None = None
    """The property the assistant's last message asked about."""
    awaiting: bool = False
    """The assistant's last message read the whole frame back; a yes now is consent to exactly these values."""
    retry: Call | None = None
    """The failed call that the assistant's last message offered to repeat."""
    last_said: str = ""
    greeted: bool = False
    act: Act | None = None
    wanted: tuple[Call, ...] = ()
    """Calls the last utterance justifies."""
    made: tuple[tuple[str, str], ...] = ()
    """Keys of the calls made since the last utterance."""
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    placed: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Call id to name and arguments of the calls made so far."""
