"""The answering half of a session: the active response, the out-of-band ones beside it, and what their engines say.

Every engine job of a response carries its generation; an input of a generation that is not here any more is dropped in `_of`, and
nowhere else (I6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from vivavoce.core import effects, inputs
from vivavoce.core.archive import AudioArchive
from vivavoce.core.context import build
from vivavoce.core.conversation import Conversation, Item
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Input
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.core.lifecycle import Happening, Stage
from vivavoce.core.playout import Place, Playout
from vivavoce.core.response import INCOMPLETE, Output, Response
from vivavoce.core.token_scale import TokenScale
from vivavoce.core.window import ContextOverflow, Window
from vivavoce.protocol import errors
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.session import AgentConfig, SessionDefaults
from vivavoce.protocol.usage import Usage

MAX_OUT_OF_BAND: Final = 8


class Replies:
    """What a session answers.

    Args:
        conversation: the default conversation.
        ledger: what was said and heard.
        archive: the audio that was said.
        playout: who plays it, and knows what was heard.
        ids: the session's id source.
        defaults: the model's defaults.
        out: the list effects are put into, shared with the session.
        send: sends a server event.
        pending: tells whether any of these items is still being recognized.
        ended: called when a response of the default conversation has ended.
    """

    def __init__(
        self,
        conversation: Conversation,
        ledger: PlaybackLedger,
        archive: AudioArchive,
        playout: Playout,
        ids: IdSource,
        defaults: SessionDefaults,
        out: list[Effect],
        send: Callable[[dict[str, Any]], None],
        pending: Callable[[set[str]], bool],
        ended: Callable[[], None],
    ) -> None:
        self.total = Usage()
        self._conversation = conversation
        self._ledger = ledger
        self._archive = archive
        self._playout = playout
        self._ids = ids
        self._defaults = defaults
        self._out = out
        self._send = send
        self._pending = pending
        self._ended = ended
        self._live: dict[int, Response] = {}
        self._generation = 0
        self._siblings: dict[str, tuple[str, ...]] = {}
        self._window = Window(defaults.context_tokens)
        self._scale = TokenScale()
        self._now_ms = 0.0
        self._handlers: dict[type, Callable[[Any, Response], None]] = {
            inputs.BrainText: self._on_text,
            inputs.BrainCall: self._on_call,
            inputs.BrainUsage: self._on_usage,
            inputs.BrainFinished: self._on_finished,
            inputs.GenerationFailed: self._on_failed,
            inputs.Spoken: self._on_spoken,
            inputs.SpeechFinished: self._on_speech_finished,
        }

    def handle(self, event: Input, now_ms: float) -> None:
        """Take an input from a response's engines."""
        self._now_ms = now_ms
        response = self._of(event)
        if response is not None:
            self._handlers[type(event)](event, response)

    # --- what the session asks --------------------------------------------------------------------------------------------------

    @property
    def active(self) -> Response | None:
        """Return the default conversation's response, if one is active (I4)."""
        return next((response for response in self._live.values() if response.conversation is not None), None)

    def check_create(self, wanted: dict[str, Any], config: AgentConfig) -> None:
        """Check that a response may be created.

        Raises:
            ClientFault: one is active already, too many run out of band, or it must call a function that it does not have.
        """
        names = [tool["name"] for tool in config.tools]
        where = "response" if "tool_choice" in wanted or "tools" in wanted else "session"
        if isinstance(config.tool_choice, dict) and config.tool_choice["name"] not in names:
            raise errors.no_such_tool(f"{where}.tool_choice", config.tool_choice["name"])
        if config.tool_choice == "required" and not names:
            raise errors.no_tools(f"{where}.tool_choice")
        if wanted.get("conversation") == "none":
            if sum(response.conversation is None for response in self._live.values()) >= MAX_OUT_OF_BAND:
                raise errors.too_many_responses(MAX_OUT_OF_BAND)
        elif self.active is not None:
            raise errors.response_active(self.active.id)

    def create(self, wanted: dict[str, Any], config: AgentConfig, named: tuple[Item, ...] | None, now_ms: float) -> None:
        """Create a response that may be created."""
        self._now_ms = now_ms
        self._generation += 1
        response = Response(
            self._ids.response(),
            self._generation,
            config,
            None if wanted.get("conversation") == "none" else self._conversation,
            wanted.get("metadata"),
            named,
            self._defaults.reasoning,
            self._scale,
            self._ids,
            self._send,
        )
        self._live[response.generation] = response
        response.create()
        self._advance(response)

    def cancel(self, response_id: str | None, reason: str, now_ms: float) -> None:
        """Cancel a response, by default the active one.

        Raises:
            ClientFault: there is nothing to cancel.
        """
        self._now_ms = now_ms
        response = self.active
        if response_id is not None:
            response = next((live for live in self._live.values() if live.id == response_id), None)
        if response is None:
            raise errors.cancel_not_active(response_id)
        self._cancel(response, reason)

    def interrupt(self, now_ms: float) -> None:
        """Stop speaking because the user speaks: cancel the active response and cut what is still playing."""
        self._now_ms = now_ms
        if self.active is not None:
            self._cancel(self.active, "turn_detected")
        self._playout.interrupted(now_ms)

    def advance(self) -> None:
        """Let waiting responses go on whose input has been recognized."""
        for response in list(self._live.values()):
            self._advance(response)

    def fail_waiting(self, item_id: str, code: str, message: str) -> None:
        """Fail the responses that wait for this item's recognition."""
        for response in list(self._live.values()):
            if response.stage is Stage.WAITING and item_id in self._inputs(response):
                self._fail(response, code, message)

    def spoken_with(self, item_id: str) -> tuple[str, ...]:
        """Return the spoken items of this one's response, in order; nothing where it was the only one."""
        spoken = () if self.active is None else self.active.spoken()
        return self._siblings.get(item_id) or (spoken if item_id in spoken else ())

    def forget(self, item_id: str) -> None:
        """Forget an item that is gone from the conversation."""
        self._window.forget(item_id)
        self._siblings.pop(item_id, None)

    def named_item(self, item_id: str) -> Item | None:
        """Return an item that only a response's `input` holds."""
        return next((item for response in self._live.values() for item in response.named or () if item.id == item_id), None)

    # --- what the engines say ---------------------------------------------------------------------------------------------------

    def _of(self, event: Input) -> Response | None:
        return self._live.get(getattr(event, "generation", -1))

    def _on_text(self, event: inputs.BrainText, response: Response) -> None:
        output = response.say(event.text, event.phase)
        if output is not None and response.audio:
            self._end_speech(response, response.outputs[: output.index])
            self._out.append(effects.Speak(response.generation, output.index, event.text))

    def _on_call(self, event: inputs.BrainCall, response: Response) -> None:
        response.call(event.index, event.name, event.call_id, event.arguments)
        self._end_speech(response, response.outputs[:-1])

    def _on_usage(self, event: inputs.BrainUsage, response: Response) -> None:
        factor = 1.0
        if event.input_tokens and response.read:
            factor = self._scale.learn(event.input_tokens, response.read)
        response.count(factor, event.output_tokens, event.cached_tokens, event.reasoning_tokens)

    def _on_finished(self, event: inputs.BrainFinished, response: Response) -> None:
        if not response.move(Happening.ANSWERED):
            return
        response.finish = event.reason
        self._end_speech(response, response.outputs)
        if response.unknown_tools:
            self._out.append(effects.Note("unknown_tool", {"response": response.id, "tools": response.unknown_tools}))
            if not response.outputs:
                self._fail(
                    response,
                    "server_error",
                    f"The model called a function that is not in the tool list: {response.unknown_tools[0]}.",
                )
                return
        self._settle(response)

    def _on_failed(self, event: inputs.GenerationFailed, response: Response) -> None:
        if not event.asked:
            response.forget_input()
        self._fail(response, event.code, event.message, event.type)

    def _on_spoken(self, event: inputs.Spoken, response: Response) -> None:
        fmt = self._playout.speaking(response.config).output_format
        wanted = self._playout.takes(response.id)
        ms = fmt.ms(len(event.audio)) if wanted else 0.0
        output = response.add_audio(event.output_index, ms, event.text)
        if output is None or not wanted:
            return
        self._playout.play(Place(response.id, output.item.id, output.index), event.audio, fmt)
        if response.conversation is not None:
            self._ledger.enter(output.item.id, ms, event.text, event.words, self._now_ms)
            self._archive.add(output.item.id, 0, event.audio, fmt)

    def _on_speech_finished(self, event: inputs.SpeechFinished, response: Response) -> None:
        response.voiced(event.output_index)
        self._settle(response)

    # --- the life of a response -------------------------------------------------------------------------------------------------

    def _advance(self, response: Response) -> None:
        if response.stage is not Stage.WAITING or self._pending(self._inputs(response)):
            return
        items = self._conversation.items() if response.named is None else response.named
        try:
            window = self._window if response.named is None else Window(self._defaults.context_tokens)
            context = build(items, response.config, self._ledger, window, self._scale)
        except ContextOverflow as overflow:
            self._fail(response, "context_length_exceeded", str(overflow))
            return
        if response.conversation is not None:
            window.drop(context.dropped)
        response.move(Happening.HEARD)
        response.take_input(context.tokens, context.read)
        self._out.append(effects.Generate(response.generation, context, self._playout.speaking(response.config)))

    def _inputs(self, response: Response) -> set[str]:
        return {item.id for item in (self._conversation.items() if response.named is None else response.named)}

    def _end_speech(self, response: Response, outputs: tuple[Output, ...]) -> None:
        for output in outputs:
            if output.item.type == "message" and response.audio and not output.text_ended:
                output.text_ended = True
                self._out.append(effects.EndSpeech(response.generation, output.index))

    def _settle(self, response: Response) -> None:
        """Close what is complete, and the response with it if that was all."""
        response.close_ready()
        if not response.all_voiced() or not response.move(Happening.SPOKEN):
            return
        reason = INCOMPLETE.get(response.finish)
        details = {"type": "incomplete", "reason": reason} if reason else None
        self._end(response, "incomplete" if reason else "completed", details)

    def _cancel(self, response: Response, reason: str) -> None:
        if response.move(Happening.CANCELLED):
            if response.conversation is not None:
                self._playout.cancelled(self._now_ms)
            self._end(response, "cancelled", {"type": "cancelled", "reason": reason})

    def _fail(self, response: Response, code: str, message: str, type: str = errors.SERVER_ERROR) -> None:
        if response.move(Happening.FAILED):
            self._out.append(effects.Note("response_failed", {"response": response.id, "code": code, "message": message}))
            error = {"type": type, "code": code, "message": message}
            self._end(response, "failed", {"type": "failed", "error": error})

    def _end(self, response: Response, status: str, details: dict[str, Any] | None) -> None:
        del self._live[response.generation]
        self._out.append(effects.StopGeneration(response.generation))
        response.end(status, details)
        self._out.append(effects.Used(response.id, status, response.usage))
        self.total = self.total + response.usage
        whole = status == "completed" and self._playout.takes(response.id)
        self._playout.end(response.id)
        if response.conversation is not None:
            if not whole:
                self._cut_unspoken(response)
            spoken = response.spoken()
            if len(spoken) > 1:
                self._siblings.update(dict.fromkeys(spoken, spoken))
            self._ended()

    def _cut_unspoken(self, response: Response) -> None:
        """What was written but never voiced was not heard (I5)."""
        for output in response.outputs:
            if output.item.type == "message" and response.audio:
                self._ledger.finish(output.item.id)
