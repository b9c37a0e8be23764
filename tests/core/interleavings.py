"""What the random sessions are made of: what engines say, what clients do wrong, and somebody who listens."""

from __future__ import annotations

import base64
from typing import Any

from vivavoce.testing.simulator import Break, Call, Say

Event = dict[str, Any]

TOOLS = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
REPLIES = [
    (Say("one two three four five six"),),
    (Say("I will look now."), Call("look", '{"a": 1}')),
    (Call("look", "{}"), Call("look", '{"b": 2}'), Say("and then")),
    (Call("burn_it_down", "{}"),),
    (Say("half of"), Break()),
    (Break(),),
    (),
    (Say("  "), Say("after blanks")),
    (Say("well "), Call("look", "{}"), Say("first part"), Call("look", '{"c": 3}'), Say("second part")),
]
TRANSCRIPTS = ["first words", "", "more words of it", Break("The recognizer broke.")]
DETECTIONS = [
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "server_vad", "create_response": False},
    {"type": "server_vad", "idle_timeout_ms": 5_000, "silence_duration_ms": 200},
    {"type": "semantic_vad", "eagerness": "high"},
]
WRONG = [
    "",
    "{",
    "[]",
    '{"type": 1}',
    '{"type":"response.crate","event_id":"bad"}',
    '{"type":"session.update","event_id":"bad","session":{"type":"realtime","audio":{"input":{"turn_detection":{"threshold":7}}}}}',
    '{"type":"conversation.item.create","event_id":"bad","item":{"type":"message","role":"user","content":[{"type":"x"}]}}',
    '{"type":"conversation.item.create","event_id":"bad","previous_item_id":"no_such","item":{"type":"message","role":"user","content":[]}}',
    '{"type":"conversation.item.truncate","event_id":"bad","item_id":"no_such","content_index":0,"audio_end_ms":0}',
    '{"type":"conversation.item.delete","event_id":"bad","item_id":"no_such"}',
    '{"type":"response.create","event_id":"bad","response":{"input":[{"type":"item_reference","id":"no_such"}]}}',
    '{"type":"response.cancel","event_id":"bad","response_id":"no_such"}',
    '{"type":"input_audio_buffer.append","event_id":"bad","audio":"A"}',
    '{"type":"output_audio_buffer.clear","event_id":"bad"}',
]


class Listener:
    """Who hears the answers: plays what arrives, one after the other, and falls silent when he is told to."""

    def __init__(self) -> None:
        self.until = 0.0
        self.spans: dict[str, list[tuple[float, float]]] = {}
        self.ended: dict[str, float] = {}
        self.told: set[str] = set()
        self.answers: dict[str, dict[int, str]] = {}

    def hear(self, delta: Event, now: float) -> None:
        item, length = delta["item_id"], len(base64.b64decode(delta["delta"])) / 48
        at = max(now, self.until)
        self.answers.setdefault(delta["response_id"], {})[delta["output_index"]] = item
        self.spans.setdefault(item, []).append((at, length))
        self.until = at + length

    def stop(self, now: float) -> None:
        for item, spans in self.spans.items():
            if item not in self.ended and spans[-1][0] + spans[-1][1] > now:
                self.ended[item] = sum(min(max(now - at, 0.0), length) for at, length in spans)
        self.until = min(self.until, now)

    def truncate(self, item: str, at: float) -> None:
        """Take the client's word: nothing was heard of what came after in the same answer, and all of what came before."""
        items = next((items for items in self.answers.values() if item in items.values()), {0: item})
        answer = [items[index] for index in sorted(items)]
        place = answer.index(item)
        for later in answer[place:]:
            self.ended[later] = at if later == item else 0.0
            self.told.add(later)
        for earlier in answer[:place] if at else ():
            if earlier not in self.told:
                self.ended.pop(earlier, None)

    def most(self, item: str) -> float:
        """Return how much of an item can have been heard, in ms."""
        said = sum(length for _, length in self.spans.get(item, []))
        return min(said, self.ended.get(item, said))
