"""What the routes answer, in the schema language of the requests: every key that is there, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vivavoce.api.openapi.refusals import ERROR
from vivavoce.protocol.schema import Anything, Choice, Flag, Integer, Items, Nullable, Number, Record, Schema, Tagged, Text
from vivavoce.protocol.schema_document import json_schema

Json = dict[str, Any]


def answers() -> Json:
    """Return every answer, as components of the document."""
    return {name: json_schema(schema) for name, schema in _ANSWERS.items()}


def _all(fields: Mapping[str, Schema], **optional: Schema) -> Record:
    """Return a record of fields that are always there, and of some that need not be."""
    return Record({**fields, **optional}, tuple(fields))


def _only(name: str) -> Choice:
    return Choice((name,))


_OBJECT: Final = Record({}, extra="keep")
_COUNT: Final = Integer(0)
_TIME: Final = Integer(0)

_MODEL: Final = _all(
    {"id": Text(shortest=1), "object": _only("model"), "created": _TIME, "owned_by": Text()},
    languages=Items(Text()),
    translation=_all({"sources": Items(Text()), "targets": Items(Text()), "pairs": Items(Items(Text()))}),
)
_MODELS: Final = _all({"object": _only("list"), "data": Items(_MODEL)})

_SECRET: Final = _all(
    {
        "value": Text(shortest=1),
        "expires_at": _TIME,
        "session": Record({"type": Text(), "id": Text()}, ("type", "id"), extra="keep"),
    }
)
_BETA_SESSION: Final = Record(
    {"id": Text(), "client_secret": _all({"value": Text(shortest=1), "expires_at": _TIME})}, ("client_secret",), extra="keep"
)

_USAGE: Final = _all(
    {
        "total_tokens": _COUNT,
        "input_tokens": _COUNT,
        "output_tokens": _COUNT,
        "input_token_details": _all(
            {
                "text_tokens": _COUNT,
                "audio_tokens": _COUNT,
                "image_tokens": _COUNT,
                "cached_tokens": _COUNT,
                "cached_tokens_details": _all({"text_tokens": _COUNT, "audio_tokens": _COUNT, "image_tokens": _COUNT}),
            }
        ),
        "output_token_details": _all({"text_tokens": _COUNT, "audio_tokens": _COUNT}, reasoning_tokens=_COUNT),
    }
)
_SESSION: Final = _all(
    {
        "object": _only("vivavoce.session"),
        "id": Text(shortest=1),
        "kind": Choice(("agent", "transcription", "translation")),
        "model": Text(),
        "status": Choice(("open", "ended")),
        "key": Text(),
        "safety_identifier": Nullable(Text()),
        "created_at": _TIME,
        "ended_at": Nullable(_TIME),
        "expires_at": _TIME,
        "usage": _USAGE,
        "transcribed_seconds": _COUNT,
        "cost_usd": Number(0),
        "responses": _OBJECT,
        "recent_responses": Items(_all({"id": Text(), "status": Text(), "usage": _USAGE, "cost_usd": Number(0)})),
    },
    translation=Record({"seconds": _COUNT}, ("seconds",), extra="keep"),
)

_HEARD: Final = Tagged(
    {
        "duration": _all({"type": Anything(), "seconds": _COUNT}),
        "tokens": _all(
            {
                "type": Anything(),
                "total_tokens": _COUNT,
                "input_tokens": _COUNT,
                "input_token_details": _all({"text_tokens": _COUNT, "audio_tokens": _COUNT}),
                "output_tokens": _COUNT,
            }
        ),
    }
)
_SECONDS: Final = Number(0)
_LOGPROBS: Final = Items(_all({"token": Text(), "logprob": Number(None, 0), "bytes": Items(Integer(0, 255))}))
_TRANSCRIPT: Final = _all({"text": Text()}, usage=_HEARD, languages=Items(_all({"code": Text()})), logprobs=_LOGPROBS)
_VERBOSE: Final = _all(
    {"task": Choice(("transcribe", "translate")), "language": Text(), "duration": _SECONDS, "text": Text()},
    segments=Items(
        _all(
            {
                "id": _COUNT,
                "seek": _COUNT,
                "start": _SECONDS,
                "end": _SECONDS,
                "text": Text(),
                "tokens": Items(Integer()),
                "temperature": Number(),
                "avg_logprob": Number(None, 0),
                "compression_ratio": Number(0),
                "no_speech_prob": Number(0, 1),
            }
        )
    ),
    words=Items(_all({"word": Text(), "start": _SECONDS, "end": _SECONDS})),
    usage=_HEARD,
)
_DIARIZED: Final = _all(
    {
        "task": _only("transcribe"),
        "duration": _SECONDS,
        "text": Text(),
        "segments": Items(
            _all(
                {
                    "id": Text(),
                    "type": _only("transcript.text.segment"),
                    "start": _SECONDS,
                    "end": _SECONDS,
                    "text": Text(),
                    "speaker": Text(),
                }
            )
        ),
        "usage": _HEARD,
    }
)

_CALL: Final = _all({"id": Text(), "type": _only("function"), "function": _all({"name": Text(), "arguments": Text()})})
_MESSAGE: Final = _all(
    {"role": _only("assistant"), "content": Nullable(Text()), "refusal": Nullable(Text()), "annotations": Items(_OBJECT)},
    audio=_all({"id": Text(), "data": Text(), "expires_at": _TIME, "transcript": Text()}),
    tool_calls=Items(_CALL),
)
_COMPLETION: Final = _all(
    {
        "id": Text(),
        "object": _only("chat.completion"),
        "created": _TIME,
        "model": Text(),
        "service_tier": Text(),
        "system_fingerprint": Nullable(Text()),
        "choices": Items(
            _all(
                {
                    "index": _COUNT,
                    "message": _MESSAGE,
                    "logprobs": Nullable(_OBJECT),
                    "finish_reason": Choice(("stop", "length", "tool_calls", "content_filter")),
                }
            )
        ),
        "usage": _all(
            {
                "prompt_tokens": _COUNT,
                "completion_tokens": _COUNT,
                "total_tokens": _COUNT,
                "prompt_tokens_details": _OBJECT,
                "completion_tokens_details": _OBJECT,
            }
        ),
    }
)

_STATUS: Final = Choice(("in_progress", "completed", "incomplete"))
_TEXT_PART: Final = _all(
    {"type": _only("output_text"), "text": Text(), "annotations": Items(_OBJECT), "logprobs": Items(_OBJECT)}
)
_ITEM: Final = Tagged(
    {
        "message": _all(
            {"id": Text(), "type": Anything(), "status": _STATUS, "content": Items(_TEXT_PART), "role": _only("assistant")},
            phase=Text(),
        ),
        "function_call": _all(
            {"id": Text(), "type": Anything(), "status": _STATUS, "call_id": Text(), "name": Text(), "arguments": Text()}
        ),
    }
)
# What it repeats of the request is described there.
_RESPONSE: Final = Record(
    {
        "id": Text(shortest=1),
        "object": _only("response"),
        "created_at": _TIME,
        "completed_at": _TIME,
        "status": Choice(("completed", "incomplete", "failed", "in_progress")),
        "error": Nullable(_all({"code": Text(), "message": Text()})),
        "incomplete_details": Nullable(_all({"reason": Text()})),
        "output": Items(_ITEM),
        "usage": Nullable(
            _all(
                {
                    "input_tokens": _COUNT,
                    "input_tokens_details": _OBJECT,
                    "output_tokens": _COUNT,
                    "output_tokens_details": _OBJECT,
                    "total_tokens": _COUNT,
                }
            )
        ),
        "model": Text(),
        "parallel_tool_calls": Flag(),
        "store": Flag(),
        "tools": Items(_OBJECT),
        "metadata": _OBJECT,
    },
    ("id", "object", "created_at", "status", "error", "incomplete_details", "output", "usage", "model", "store", "tools"),
    extra="keep",
)

_ANSWERS: Final[Mapping[str, Schema]] = {
    "Error": ERROR,
    "Model": _MODEL,
    "ModelList": _MODELS,
    "ClientSecret": _SECRET,
    "SessionRecord": _SESSION,
    "Transcript": _TRANSCRIPT,
    "VerboseTranscript": _VERBOSE,
    "DiarizedTranscript": _DIARIZED,
    "ChatCompletion": _COMPLETION,
    "Response": _RESPONSE,
}

BETA_SESSION: Final = _BETA_SESSION
"""The flat session of the beta, with its secret."""
