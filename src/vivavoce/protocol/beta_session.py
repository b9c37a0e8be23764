"""The beta's flat session and response objects, and the nested ones they are now.

Source: wire reference B.5; the beta types of the `openai` package; a `session.created` and a `response.created` of the beta service as
published by its users in 2025, for the keys of the echo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.beta_formats import format_given, format_taken
from vivavoce.protocol.beta_items import item_given, item_taken
from vivavoce.protocol.beta_keys import Key, Object, flatten, nest, paths
from vivavoce.protocol.schema import Choice, Items, Number

DEFAULT_TEMPERATURE: Final = 0.8
"""Source: the recorded `session.created`, and the beta's reference, which recommends it for audio."""

TEMPERATURE: Final = Number(0.6, 1.2)
"""Source: the beta's reference: "limited to [0.6, 1.2]"."""

_MODALITIES: Final = Items(Choice(("text", "audio")), 2)


def _modalities_taken(value: Any, param: str) -> list[str]:
    asked = sorted(_MODALITIES.check(value, param))
    if asked not in (["text"], ["audio", "text"]):
        raise errors.beta_modalities(param, value)
    return asked[:1]


def _modalities_given(value: list[str]) -> list[str]:
    return ["text", "audio"] if value == ["audio"] else list(value)


def _secret_taken(value: Any, param: str) -> None:
    if value is not None:
        raise errors.refused_value(param, "A client secret is made by creating a session over HTTP, not by updating one.")


def _turn_detection_given(value: Mapping[str, Any] | None) -> Object | None:
    # The idle time-out came late to the beta, and its clients do not expect the key: it is shown only where it is set.
    return (
        None if value is None else {name: each for name, each in value.items() if name != "idle_timeout_ms" or each is not None}
    )


def _items_taken(value: Any, param: str) -> Any:
    if not isinstance(value, list):
        return value
    return [item_taken(item, f"{param}[{index}]") for index, item in enumerate(value)]


SESSION: Final = (
    Key("id", ("id",)),
    Key("object", ("object",)),
    Key("model", ("model",)),
    Key("expires_at", ("expires_at",)),
    Key("modalities", ("output_modalities",), _modalities_taken, _modalities_given),
    Key("instructions", ("instructions",)),
    Key("voice", ("audio", "output", "voice")),
    Key("input_audio_format", ("audio", "input", "format"), format_taken, format_given),
    Key("output_audio_format", ("audio", "output", "format"), format_taken, format_given),
    Key("input_audio_transcription", ("audio", "input", "transcription")),
    Key("turn_detection", ("audio", "input", "turn_detection"), give=_turn_detection_given),
    Key("input_audio_noise_reduction", ("audio", "input", "noise_reduction")),
    Key("tools", ("tools",)),
    Key("tool_choice", ("tool_choice",)),
    Key("temperature", (), TEMPERATURE.check),
    Key("max_response_output_tokens", ("max_output_tokens",)),
    Key("client_secret", (), _secret_taken),
    Key("include", ("include",)),
    Key("speed", ("audio", "output", "speed")),
    Key("tracing", ("tracing",)),
    Key("prompt", ("prompt",)),
)
"""The session object."""

RESPONSE: Final = (
    Key("conversation", ("conversation",)),
    Key("input", ("input",), _items_taken),
    Key("instructions", ("instructions",)),
    Key("modalities", ("output_modalities",), _modalities_taken),
    Key("voice", ("audio", "output", "voice")),
    Key("output_audio_format", ("audio", "output", "format"), format_taken),
    Key("tools", ("tools",)),
    Key("tool_choice", ("tool_choice",)),
    Key("temperature", (), TEMPERATURE.check),
    # The beta's reference had the first name, its types the second.
    Key("max_output_tokens", ("max_output_tokens",)),
    Key("max_response_output_tokens", ("max_output_tokens",)),
    Key("metadata", ("metadata",)),
    Key("prompt", ("prompt",)),
)
"""What `response.create` may override."""


def _output_given(value: list[Mapping[str, Any]]) -> list[Object]:
    return [item_given(item) for item in value]


def _usage_given(value: Mapping[str, Any] | None) -> Object | None:
    """Return the usage without the counts of images, which the beta could not see."""
    if value is None:
        return None
    heard = value["input_token_details"]
    cached = heard["cached_tokens_details"]
    details = {name: heard[name] for name in ("text_tokens", "audio_tokens", "cached_tokens")}
    details["cached_tokens_details"] = {name: cached[name] for name in ("text_tokens", "audio_tokens")}
    return {**value, "input_token_details": details}


_RESPONSE_ECHO: Final = (
    *(Key(name, (name,)) for name in ("object", "id", "status", "status_details")),
    Key("output", ("output",), give=_output_given),
    Key("conversation_id", ()),
    Key("modalities", ("output_modalities",), give=_modalities_given),
    Key("voice", ("audio", "output", "voice")),
    Key("output_audio_format", ("audio", "output", "format"), give=format_given),
    Key("temperature", ()),
    Key("max_output_tokens", ("max_output_tokens",)),
    Key("usage", ("usage",), give=_usage_given),
    Key("metadata", ("metadata",)),
)

_PATHS: Final = {**paths(RESPONSE, "response"), **paths(SESSION, "session")}


def session_taken(flat: Object, root: str = "session") -> Object:
    """Return the `session` of an update as the nested one, its type named.

    Raises:
        ClientFault: a field or value the beta does not have.
    """
    return {"type": "realtime", **nest(flat, SESSION, root)}


def session_given(nested: Mapping[str, Any], temperature: float) -> Object:
    """Return the flat echo of a session object."""
    return flatten(nested, SESSION, {"temperature": temperature, "client_secret": None})


def response_taken(flat: Object) -> Object:
    """Return the overrides of a `response.create` as the nested ones.

    Raises:
        ClientFault: a field or value the beta does not have.
    """
    return nest(flat, RESPONSE, "response")


def response_given(nested: Mapping[str, Any], temperature: float, conversation_id: str) -> Object:
    """Return the flat echo of a response object."""
    inside = nested["conversation_id"] is not None
    return flatten(nested, _RESPONSE_ECHO, {"temperature": temperature, "conversation_id": conversation_id if inside else None})


def path_given(param: str, code: str | None = None) -> str:
    """Return an error's dotted path in the beta's names: `session.audio.output.voice` is `session.voice`.

    Args:
        param: the path the error has.
        code: the error's code. A field that is unknown although it has one of today's names is the client's own word: it stays.
    """
    if code == errors.UNKNOWN and param in _PATHS:
        return param
    for now, before in _PATHS.items():
        if param == now or param.startswith((f"{now}.", f"{now}[")):
            return before + param[len(now) :]
    return param
