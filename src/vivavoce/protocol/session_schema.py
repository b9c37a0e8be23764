"""What a session configuration may hold, field by field, for agent sessions.

What this server does not do is refused here, by name, rather than accepted and ignored.
"""

from __future__ import annotations

from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.formats import BY_TYPE
from vivavoce.protocol.noise import NOISE_REDUCTION
from vivavoce.protocol.prompts import PROMPT
from vivavoce.protocol.schema import (
    NEVER,
    Also,
    Anything,
    Choice,
    Either,
    Flag,
    Integer,
    Items,
    Map,
    Nullable,
    Number,
    Record,
    Tagged,
    Text,
)
from vivavoce.protocol.schema_document import any_of, json_schema

VOICES: Final = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh")
EAGERNESS: Final = ("low", "medium", "high", "auto")
DELAYS: Final = ("minimal", "low", "medium", "high", "xhigh")
LOGPROBS: Final = "item.input_audio_transcription.logprobs"


def _pcm_rate(value: Any, path: str) -> Any:
    if value.get("rate", 24_000) != 24_000:
        raise errors.wrong_value(f"{path}.rate", value["rate"], ("24000",))
    return {"type": "audio/pcm", "rate": 24_000}


FORMAT: Final = Tagged(
    {
        "audio/pcm": Also(
            Record({"type": Choice(("audio/pcm",)), "rate": Integer()}),
            _pcm_rate,
            {"allOf": [{"properties": {"rate": {"const": 24_000}}}]},
        ),
        **{name: Record({"type": Choice((name,))}, extra="drop") for name in BY_TYPE if name != "audio/pcm"},
    }
)

TRANSCRIPTION: Final = Record(
    {
        "model": Text(256, 1),
        "language": Nullable(Text(16)),
        "languages": Nullable(Items(Text(16), 32)),
        "keywords": Nullable(Items(Text(256), 1024)),
        "prompt": Nullable(Text(16_384)),
        "delay": Nullable(Choice(DELAYS)),
    }
)

# Unknown keys inside turn_detection are dropped: agents-python's type allows some that the service does not know.
SERVER_VAD: Final = Record(
    {
        "type": Choice(("server_vad",)),
        "threshold": Number(0, 1),
        "prefix_padding_ms": Integer(0, 10_000),
        "silence_duration_ms": Integer(0, 30_000),
        "idle_timeout_ms": Nullable(Integer(5_000, 30_000)),
        "create_response": Flag(),
        "interrupt_response": Flag(),
    },
    extra="drop",
)
SEMANTIC_VAD: Final = Record(
    {
        "type": Choice(("semantic_vad",)),
        "eagerness": Choice(EAGERNESS),
        "create_response": Flag(),
        "interrupt_response": Flag(),
    },
    extra="drop",
)
TURN_DETECTION: Final = {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}


class _AnyTurnDetection:
    """A turn detection object, its `type` optional: an update that leaves it out keeps the one in force."""

    def check(self, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise errors.wrong_type(path, "an object", value)
        if "type" in value:
            return Tagged(TURN_DETECTION).check(value, path)
        named = "semantic_vad" if "eagerness" in value else "server_vad"
        return TURN_DETECTION[named].check(value, path)

    def described(self) -> dict[str, Any]:
        return any_of(map(json_schema, TURN_DETECTION.values()))


LISTENING: Final = Record(
    {
        "format": FORMAT,
        "transcription": Nullable(TRANSCRIPTION),
        "noise_reduction": NOISE_REDUCTION,
        "turn_detection": Nullable(_AnyTurnDetection()),
    }
)
"""`audio.input`, in every session that has turns."""


def _voice_object(value: Any, path: str) -> Any:
    raise errors.refused_value(path, "Custom voices are not available on this server.")


VOICE: Final = Either("a voice name", text=Choice(VOICES), record=Also(Record({"id": Text(256)}, ("id",)), _voice_object, NEVER))

# Extra keys and long descriptions are let through: other servers' refusals of them broke real clients.
FUNCTION_TOOL: Final = Record(
    {
        "type": Choice(("function",)),
        "name": Text(128, 1),
        "description": Nullable(Text()),
        "parameters": Nullable(Record({}, extra="keep")),
    },
    ("type", "name"),
    extra="keep",
)
TOOL: Final = Tagged({"function": FUNCTION_TOOL})

TOOL_CHOICE: Final = Either(
    "a string or an object",
    text=Choice(("auto", "none", "required")),
    record=Tagged({"function": Record({"type": Choice(("function",)), "name": Text(128, 1)}, ("type", "name"))}),
)

MAX_TOKENS: Final = Either("an integer or 'inf'", text=Choice(("inf",)), number=Integer(1, 32_000))


def _one_modality(value: Any, path: str) -> Any:
    if len(value) != 1:
        raise errors.refused_value(path, f"Invalid '{path}': expected exactly one of ['audio'] and ['text'].")
    return value


MODALITIES: Final = Also(Items(Choice(("audio", "text"))), _one_modality, {"minItems": 1, "maxItems": 1})

TRUNCATION: Final = Either(
    "a string or an object",
    text=Choice(("auto", "disabled")),
    record=Record(
        {
            "type": Choice(("retention_ratio",)),
            "retention_ratio": Number(0, 1),
            "token_limits": Nullable(Record({"post_instructions": Integer(0)})),
        },
        ("type", "retention_ratio"),
    ),
)

TRACING: Final = Nullable(
    Either(
        "'auto' or an object",
        text=Choice(("auto",)),
        record=Record({"workflow_name": Text(1024), "group_id": Text(1024), "metadata": Map()}),
    )
)

REASONING: Final = Nullable(Record({"effort": Nullable(Choice(EFFORTS))}))

SPEED: Final = Number(0.25, 1.5)

REALTIME_SESSION: Final = Record(
    {
        "type": Choice(("realtime",)),
        # Clients repeat the model, also another one; the running model stays (documented by the service as immutable).
        "model": Nullable(Text(256)),
        "instructions": Text(),
        "output_modalities": MODALITIES,
        "audio": Record(
            {
                "input": LISTENING,
                "output": Record({"format": FORMAT, "voice": VOICE, "speed": SPEED}),
            }
        ),
        "include": Nullable(Items(Choice((LOGPROBS,)), 8)),
        "tools": Items(TOOL, 512),
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": Flag(),
        "reasoning": REASONING,
        # Clients that take an option back send null, and mean the default.
        "max_output_tokens": Nullable(MAX_TOKENS),
        "truncation": Nullable(TRUNCATION),
        "tracing": TRACING,
        "prompt": PROMPT,
        # Echoed by clients that send back what they got; they say nothing we would act on.
        "id": Anything(),
        "object": Anything(),
        "expires_at": Anything(),
    },
    ("type",),
)

RESPONSE: Final = Record(
    {
        "conversation": Choice(("auto", "none")),
        "input": Nullable(Items(Anything(), 4096)),
        "instructions": Nullable(Text()),
        "output_modalities": MODALITIES,
        "audio": Record({"output": Record({"format": FORMAT, "voice": VOICE})}),
        "tools": Items(TOOL, 512),
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": Flag(),
        "reasoning": REASONING,
        "max_output_tokens": MAX_TOKENS,
        "metadata": Nullable(Map()),
        "prompt": PROMPT,
    }
)
