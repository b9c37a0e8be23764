"""One response: its output items, its stage, and the events that tell of them.

A response writes its events in the order the protocol asks for: items are opened before anything of them is sent, and closed in the
order of their index, a message only once the brain has finished (a call may still follow it) and its voice has caught up, a call
once its arguments are complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from vivavoce.core.conversation import Conversation, Item, Part
from vivavoce.core.lifecycle import TRANSITIONS, Happening, Stage
from vivavoce.core.token_scale import TokenScale
from vivavoce.protocol import server_events as events
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.session import AgentConfig
from vivavoce.protocol.usage import Tokens, Usage, assistant_audio_tokens

LEAD_CHARACTERS: Final = 24
"""How far a transcript runs ahead of the voice. A client that checks what is about to be said can only stop what it has begun to play, so
the words come with their sound. Source: the recorded sessions, where three or four words come before the first audio."""

INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""How a brain may finish without having finished, and the reason the protocol gives for it."""


@dataclass(slots=True)
class Output:
    """One output item while it is being made."""

    item: Item
    index: int
    call_index: int | None = None
    """The brain's number for it, where it is a function call."""
    pieces: list[str] = field(default_factory=list)
    told: int = 0
    """How many of the pieces the client has."""
    lead: int = 0
    """Characters that the client has beyond those whose sound it has."""
    audio_ms: float = 0.0
    voiced: bool = True
    """Whether its voice has nothing more to say."""
    text_ended: bool = False
    """Whether its voice was told that no more text comes."""
    closed: bool = False
    phase: str | None = None
    """The phase the brain named; None where it named none."""

    @property
    def text(self) -> str:
        """Return all the text so far: a message's, or a call's arguments."""
        return "".join(self.pieces)


class Response:
    """A response from `response.created` to `response.done`.

    Args:
        id: the response's id.
        generation: the number its engine jobs carry.
        config: the session's configuration with this response's overrides.
        conversation: where its items go; None for an out-of-band response.
        metadata: echoed as given.
        named: the items the response answers, where it names them itself.
        reasoning: whether messages carry a phase.
        scale: counts text.
        ids: the session's id source.
        send: where its events go.
    """

    def __init__(
        self,
        id: str,
        generation: int,
        config: AgentConfig,
        conversation: Conversation | None,
        metadata: dict[str, str] | None,
        named: tuple[Item, ...] | None,
        reasoning: bool,
        scale: TokenScale,
        ids: IdSource,
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        self.id = id
        self.generation = generation
        self.config = config
        self.conversation = conversation
        self.named = named
        self.stage = Stage.WAITING
        self.usage = Usage()
        self.finish = "stop"
        self.unknown_tools: list[str] = []
        self._metadata = metadata
        self.read = 0
        """Tokens of text in what the brain was asked, by our count; 0 where that cannot be compared with the backend's."""
        self._reasoning = reasoning
        self._scale = scale
        self._ids = ids
        self._send = send
        self._outputs: list[Output] = []
        self._told_output_tokens: int | None = None
        self._status = "in_progress"
        self._details: dict[str, Any] | None = None

    @property
    def audio(self) -> bool:
        """Tell whether messages are spoken."""
        return self.config.modality == "audio"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Return the output items so far."""
        return tuple(self._outputs)

    def spoken(self) -> tuple[str, ...]:
        """Return the ids of the items that have audio, in order."""
        return tuple(output.item.id for output in self._outputs if output.audio_ms)

    def create(self) -> None:
        """Send `response.created`."""
        self._send(events.response_created(self._wire(final=False)))

    def move(self, happening: Happening) -> bool:
        """Move along the table; tell whether anything changed."""
        stage = TRANSITIONS.get((self.stage, happening))
        if stage is None:
            return False
        self.stage = stage
        return True

    # --- what the brain says ----------------------------------------------------------------------------------------------------

    def say(self, text: str, phase: str | None) -> Output | None:
        """Add text to the message at hand; return it, or None where there was nothing to say.

        A new message is opened where there is none, and where the brain moves on to another phase.
        """
        output = self._outputs[-1] if self._outputs else None
        moved_on = self._reasoning and output is not None and phase and output.phase and phase != output.phase
        if output is None or output.item.type != "message" or moved_on:
            if not text.strip():
                return None
            output = self._open_message(phase)
        output.pieces.append(text)
        self._tell(output)
        return output

    def call(self, index: int, name: str, call_id: str, arguments: str) -> None:
        """Add to a function call, opening it if it is new. A tool the response does not have is kept from the client (TA-01)."""
        output = next((output for output in self._outputs if output.call_index == index), None)
        if output is None:
            if name not in {tool["name"] for tool in self.config.tools}:
                if name:
                    self.unknown_tools.append(name)
                return
            output = self._open_call(index, name, call_id)
        if arguments and not output.closed:
            output.pieces.append(arguments)
            padding = self._ids.padding(arguments)
            self._send(events.call_delta(self.id, output.item.id, output.index, output.item.call_id, arguments, padding))

    def add_audio(self, output_index: int, ms: float, text: str) -> Output | None:
        """Take note of a stretch of an item's speech, which says `text`; return the item, or None where there is no such item.

        The client is told as much of the transcript as may go with it; the audio itself is the playout's.
        """
        output = self._at(output_index)
        if output is None or output.closed:
            return None
        output.audio_ms += ms
        output.lead -= len(text)
        self._tell(output)
        return output

    def voiced(self, output_index: int) -> None:
        """Note that an item's voice has finished."""
        output = self._at(output_index)
        if output is not None:
            output.voiced = True

    def all_voiced(self) -> bool:
        """Tell whether every item's voice has finished."""
        return all(output.voiced for output in self._outputs)

    def count(self, factor: float, output_tokens: int, cached: int, reasoning: int) -> None:
        """Take the backend's own count: `factor` is how much longer than ours it found the text of the context."""
        self._told_output_tokens = output_tokens or None
        tokens = self.usage.input
        corrected = Tokens(round(tokens.text * factor), tokens.audio, tokens.image)
        self.usage = Usage(corrected, self.usage.output, cached, reasoning)

    def take_input(self, tokens: Tokens, read: int) -> None:
        """Take the count of the context; see `Context.read`."""
        self.read = read
        self.usage = self.usage + Usage(input=tokens)

    def forget_input(self) -> None:
        """Take the count of the context back: the brain never saw it."""
        self.read = 0
        self.usage = Usage(output=self.usage.output)

    # --- closing ----------------------------------------------------------------------------------------------------------------

    def close_ready(self) -> None:
        """Close, in order, every item that is complete."""
        answered = self.stage in (Stage.SPEAKING, Stage.DONE)
        for output in self._outputs:
            if output.closed:
                continue
            followed = output is not self._outputs[-1]
            # Calls may come interleaved: one that is followed is complete only once its arguments are.
            ready = answered or (output.item.type == "function_call" and followed and _is_json(output.text))
            if not (ready and output.voiced):
                return
            cut_off = self.finish in INCOMPLETE and not followed
            self._close(output, "incomplete" if cut_off else "completed")

    def end(self, status: str, details: dict[str, Any] | None) -> None:
        """Close what is open and send `response.done`. The stage is DONE already, so this happens once."""
        whole = "completed" if status == "completed" else "incomplete"
        for output in self._outputs:
            if not output.closed:
                self._close(output, whole)
        self._status, self._details = status, details
        self.usage = self.usage + Usage(output=self._output_tokens())
        self._send(events.response_done(self._wire(final=True)))

    def _tell(self, output: Output, *, everything: bool = False) -> None:
        """Send the client more of a message's text, in audio mode as far as it may run ahead of the voice."""
        part = self._part(output)
        while output.told < len(output.pieces) and (everything or not self.audio or output.lead < LEAD_CHARACTERS):
            text = output.pieces[output.told]
            output.told += 1
            output.lead += len(text)
            delta = part.transcript_delta if self.audio else part.text_delta
            self._send(delta(text, self._ids.padding(text)))

    def _close(self, output: Output, status: str) -> None:
        output.closed = True
        item = output.item
        item.status = status
        if item.type == "message":
            self._close_message(output)
        else:
            item.text = output.text
            # A call cut short is closed by its item alone: clients run tools on `arguments.done`, whatever the item's status says.
            if status == "completed":
                done = events.call_done(self.id, item.id, output.index, item.call_id, item.name, item.text)
                self._send(done)
        if self.conversation is not None and item.id in self.conversation:
            self.conversation.weigh(item.id)
            self._send(events.item_done(self.conversation.before(item.id), item.wire()))
        self._send(events.output_item_done(self.id, output.index, item.wire()))

    def _close_message(self, output: Output) -> None:
        part = self._part(output)
        if output.voiced:
            self._tell(output, everything=True)
        # What the client was not told of a message that was cut short is no part of it: nobody heard it.
        del output.pieces[output.told :]
        text = output.text
        output.item.parts[0].text = text
        output.item.parts[0].audio_ms = output.audio_ms
        if self._reasoning and output.item.phase is None:
            called = any(later.item.type == "function_call" for later in self._outputs[output.index + 1 :])
            output.item.phase = "commentary" if called else "final_answer"
        if self.audio:
            self._send(part.audio_done())
            self._send(part.transcript_done(text))
            self._send(part.done({"type": "audio", "transcript": text}))
        else:
            self._send(part.text_done(text))
            self._send(part.done({"type": "text", "text": text}))

    # --- opening ----------------------------------------------------------------------------------------------------------------

    def _open_message(self, phase: str | None) -> Output:
        item = Item(self._ids.item(), "message", "in_progress", "assistant")
        # A brain that does not say may yet call a function after this message: what is not known is not claimed (see `_close_message`).
        certain = phase or (None if self._may_call() else "final_answer")
        item.phase = certain if self._reasoning else None
        output = self._open(item)
        output.phase = phase
        output.voiced = not self.audio
        kind = "output_audio" if self.audio else "output_text"
        item.parts.append(Part(kind, ""))
        self._send(self._part(output).added({"type": "audio", "transcript": ""} if self.audio else {"type": "text", "text": ""}))
        return output

    def _may_call(self) -> bool:
        return bool(self.config.tools) and self.config.tool_choice != "none"

    def _open_call(self, index: int, name: str, call_id: str) -> Output:
        item = Item(self._ids.item(), "function_call", "in_progress", name=name, call_id=call_id or self._ids.call())
        output = self._open(item)
        output.call_index = index
        return output

    def _open(self, item: Item) -> Output:
        output = Output(item, len(self._outputs))
        self._outputs.append(output)
        self.close_ready()
        self._send(events.output_item_added(self.id, output.index, item.wire()))
        if self.conversation is not None:
            previous = self.conversation.add(item)
            self._send(events.item_added(previous, item.wire()))
        return output

    def _part(self, output: Output) -> events.PartEvents:
        return events.PartEvents(self.id, output.item.id, output.index)

    def _at(self, index: int) -> Output | None:
        return self._outputs[index] if 0 <= index < len(self._outputs) else None

    def _output_tokens(self) -> Tokens:
        estimated = sum(self._scale.tokens(output.text) + self._scale.tokens(output.item.name) for output in self._outputs)
        text = estimated if self._told_output_tokens is None else self._told_output_tokens
        return Tokens(text=text, audio=sum(assistant_audio_tokens(output.audio_ms) for output in self._outputs))

    def _wire(self, *, final: bool) -> dict[str, Any]:
        config = self.config
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "status_details": self._details,
            "output": [output.item.wire() for output in self._outputs] if final else [],
            "conversation_id": None if self.conversation is None else self.conversation.id,
            "output_modalities": [config.modality],
            "max_output_tokens": "inf" if config.max_output_tokens is None else config.max_output_tokens,
            "audio": {"output": {"format": config.output_format.wire(), "voice": config.voice}},
            "usage": self.usage.wire() if final else None,
            "metadata": self._metadata,
        }


def _is_json(text: str) -> bool:
    """Tell whether a text is whole JSON: of an object, no part that begins it is."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
