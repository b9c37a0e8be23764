"""Chat completions and speech."""

from __future__ import annotations

import json

from vivavoce.protocol.faults import ClientFault, quoted


def unsupported_value(param: str, got: object, only: object) -> ClientFault:
    """Return the fault of a value other than the default, where the default is all there is."""
    return ClientFault(
        f"Unsupported value: '{param}' does not support {_shown(got)} with this model. Only the default ({_shown(only)}) value is supported.",
        "unsupported_value",
        param,
    )


def _shown(value: object) -> str:
    """Return a decoded JSON value as a short text."""
    return quoted(json.dumps(value, ensure_ascii=False))[1:-1]


def not_streamed(param: str, got: str, only: str) -> ClientFault:
    """Return the fault of an audio format that an answer cannot be streamed in; the words are the service's."""
    return ClientFault(
        f"Unsupported value: '{param}' does not support '{got}' when stream=true. Supported values are: '{only}'.",
        "unsupported_value",
        param,
    )


def context_exceeded(param: str, maximum: int, got: int) -> ClientFault:
    """Return the fault of an input that is longer than anything reads."""
    return ClientFault(
        f"This model's maximum context length is {maximum} tokens. However, your input has about {got} tokens. "
        f"Please reduce its length.",
        "context_length_exceeded",
        param,
    )


def empty_array(param: str) -> ClientFault:
    """Return the fault of an array that must hold something."""
    return ClientFault(
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        "empty_array",
        param,
    )


def calls_unanswered(param: str, call_ids: list[str]) -> ClientFault:
    """Return the fault of a chat in which tool calls are not followed by what they came to."""
    return ClientFault(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following "
        f"tool_call_ids did not have response messages: {', '.join(quoted(id)[1:-1] for id in call_ids[:16])}",
        None,
        param,
    )


def answer_without_call(param: str) -> ClientFault:
    """Return the fault of a tool message that answers no call. The spelling is the service's own; clients may match it."""
    return ClientFault(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.", None, param
    )


def audio_not_found(param: str, audio_id: str) -> ClientFault:
    """Return the fault of referring to an answer's audio that has expired, or never was."""
    return ClientFault(f"Audio with id {quoted(audio_id)} not found: it may have expired.", None, param, status=404)


def voice_lacks_language(param: str | None, language: str, spoken: tuple[str, ...]) -> ClientFault:
    """Return the fault of text that the voice would turn into noise; languages are ISO-639-1 codes."""
    return ClientFault(
        f"The voice of this model does not speak the language of the text ({quoted(language)}). It speaks: {', '.join(spoken)}.",
        "unsupported_language",
        param,
    )
