"""Read the chunks of a streamed chat completion.

Pure: chunks in, deltas out, no I/O. The client library does not validate what a backend sends (a field may hold anything), so
every field is checked here, where it is read. Peculiarities of real backends that are read rather than refused:

- reasoning as `reasoning_content` (DeepSeek, vLLM, llama.cpp), as `reasoning` (Ollama, OpenRouter) or as `<think>` in the text;
- a `phase` beside the text (`commentary`, `final_answer`; the Responses API's word) from those that know which message it is of;
- parallel calls that share index 0 and differ by id, or have no index at all (Gemini's and Ollama's endpoints);
- the finish reason `stop` after tool calls; usage repeated with every chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openai.types.chat import ChatCompletionChunk

from vivavoce.engines.llm.think_tags import ThinkTagSplitter
from vivavoce.engines.ports import EngineFault, LlmDelta, LlmFinish, LlmUsage, ReasoningDelta, TextDelta, ToolCallDelta

_FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]

_FINISH_REASONS: dict[str, _FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""Every other reason (`stop`, `eos`, `end_turn`, …) means that the model had finished."""

_PHASES = ("commentary", "final_answer")


@dataclass(slots=True)
class _Call:
    """A tool call as it grows. `held` is what came of the arguments before the name."""

    index: int
    call_id: str
    name: str = ""
    held: str = ""
    empty: bool = True


class ChunkReader:
    """Turn the chunks of one answer into deltas.

    Feed every chunk to `read`; when the stream has ended, `finish` gives the last deltas or says what was missing.
    """

    def __init__(self) -> None:
        self._thoughts = ThinkTagSplitter()
        self._calls: list[_Call] = []
        self._slots: dict[int, _Call] = {}
        self._usage: LlmUsage | None = None
        self._reason: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the backend has said why it stopped: what may still come is the usage."""
        return self._reason is not None

    def read(self, chunk: object) -> list[LlmDelta]:
        """Read one chunk.

        Raises:
            EngineFault: it is not a chunk of a chat completion.
        """
        if not isinstance(chunk, ChatCompletionChunk):
            raise _malformed("a chunk that is no object")
        self._usage = _usage(_field(chunk, "usage")) or self._usage
        choices = _field(chunk, "choices") or []
        if not isinstance(choices, list):
            raise _malformed("choices that are no list")
        deltas: list[LlmDelta] = []
        for choice in choices:
            if _field(choice, "index") in (0, None):
                deltas.extend(self._delta(_field(choice, "delta")))
                self._reason = _text(choice, "finish_reason") or self._reason
        return deltas

    def finish(self) -> list[LlmDelta]:
        """Give the deltas that were held back, the usage and the finish.

        Raises:
            EngineFault: the stream broke off, or a tool call never got a name.
        """
        if self._reason is None:
            raise EngineFault("the language model's answer broke off before its end")
        if any(not call.name for call in self._calls):
            raise EngineFault("the language model made a tool call without a name")
        deltas: list[LlmDelta] = [*self._thoughts.flush()]
        deltas.extend(ToolCallDelta(call.index, arguments="{}") for call in self._calls if call.empty)
        if self._usage is not None:
            deltas.append(self._usage)
        reason = _FINISH_REASONS.get(self._reason, "stop")
        if self._calls and reason == "stop":
            reason = "tool_calls"
        deltas.append(LlmFinish(reason))
        return deltas

    def _delta(self, delta: object) -> list[LlmDelta]:
        reasoning = _text(delta, "reasoning_content") or _text(delta, "reasoning")
        deltas: list[LlmDelta] = [ReasoningDelta(reasoning)] if reasoning else []
        phase = _field(delta, "phase")
        for said in self._thoughts.feed(_text(delta, "content")):
            if isinstance(said, TextDelta) and isinstance(phase, str) and phase in _PHASES:
                said = TextDelta(said.text, phase)
            deltas.append(said)
        refusal = _text(delta, "refusal")
        if refusal:
            deltas.append(TextDelta(refusal))
        entries = _field(delta, "tool_calls") or []
        if not isinstance(entries, list):
            raise _malformed("tool calls that are no list")
        for entry in entries:
            deltas.extend(self._tool_call(entry))
        return deltas

    def _tool_call(self, entry: object) -> list[LlmDelta]:
        function = _field(entry, "function")
        name, arguments = _text(function, "name"), _text(function, "arguments")
        call = self._call_for(entry, begins=bool(name))
        call.empty = call.empty and not arguments
        if not call.name:
            if not name:
                call.held += arguments
                return []
            call.name = name
            return [ToolCallDelta(call.index, name=name, call_id=call.call_id, arguments=call.held + arguments)]
        return [ToolCallDelta(call.index, arguments=arguments)] if arguments else []

    def _call_for(self, entry: object, *, begins: bool) -> _Call:
        """Find the call this piece belongs to, or begin one.

        The index decides; but a piece with a name and another id begins a new call whatever its index. An id alone does not: some
        backends send a fresh one with every piece.
        """
        index = _field(entry, "index")
        slot = index if isinstance(index, int) else 0
        call_id = _text(entry, "id")
        call = self._slots.get(slot)
        if call is None or (begins and call.name and call_id not in ("", call.call_id)):
            call = _Call(len(self._calls), call_id)
            self._calls.append(call)
            self._slots[slot] = call
        call.call_id = call.call_id or call_id
        return call


def _field(value: object, name: str) -> object:
    """Return an attribute of whatever the library made of the JSON; None where it is missing."""
    return getattr(value, name, None)


def _text(value: object, name: str) -> str:
    text = _field(value, name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise _malformed(f"a {name} that is no text")
    return text


def _usage(usage: object) -> LlmUsage | None:
    if usage is None:
        return None
    return LlmUsage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(_field(usage, "prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(_field(usage, "completion_tokens_details"), "reasoning_tokens"),
    )


def _count(value: object, name: str) -> int:
    count = _field(value, name)
    return count if isinstance(count, int) and count > 0 else 0


def _malformed(what: str) -> EngineFault:
    return EngineFault(f"the language model's server sent {what}")
