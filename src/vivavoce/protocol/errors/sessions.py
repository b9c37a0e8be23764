"""Sessions: their configuration, their audio, their end."""

from __future__ import annotations

from collections.abc import Collection

from vivavoce.protocol.errors.frames import refused_value
from vivavoce.protocol.faults import SERVER_ERROR, ClientFault, quoted


def wrong_session_kind(update: str, session: str) -> ClientFault:
    """Return the fault of an update of one kind of session sent to another."""
    return ClientFault(
        f"Passing a {update} session update event to a {session} session is not allowed.", "invalid_value", "session.type"
    )


def voice_locked() -> ClientFault:
    """Return the fault of a voice change after the assistant has spoken (AC-03)."""
    return ClientFault(
        "Cannot update a conversation's voice if assistant audio is present.", "cannot_update_voice", "session.audio.output.voice"
    )


def tracing_locked() -> ClientFault:
    """Return the fault of a tracing change after tracing was set."""
    return ClientFault("Tracing cannot be changed once it is set.", "invalid_value", "session.tracing")


def no_delay(param: str, model: str, streaming: tuple[str, ...]) -> ClientFault:
    """Return the fault of asking a transcription model that tells everything at once how long to wait."""
    return refused_value(
        param, f"The model {quoted(model)} has no transcription delay; models that stream have: {', '.join(streaming)}."
    )


def language_not_understood(param: str, language: str, understood: Collection[str]) -> ClientFault:
    """Return the fault of a language that the recognizer does not know."""
    known = ", ".join(f"'{each}'" for each in understood)
    return refused_value(param, f"Invalid value: '{language}'. This server's recognizer understands: {known}.")


def language_not_spoken(param: str, language: str, spoken: Collection[str], way_out: str = "") -> ClientFault:
    """Return the fault of asking for a translation into a language that nobody here can speak; `way_out` is what is missing for it."""
    known = ", ".join(f"'{each}'" for each in spoken)
    able = f"This server translates into: {known}." if spoken else "This server translates into no language."
    missing = f" What is missing: {way_out}." if way_out else ""
    return refused_value(param, f"Invalid value: {quoted(language)}. {able}{missing}")


def no_noise_reduction(param: str) -> ClientFault:
    """Return the fault of asking a server for noise reduction that has none."""
    return refused_value(
        param, "Noise reduction is not installed on this server: it needs the extra 'noise' (pip install 'vivavoce[noise]')."
    )


def session_closing() -> ClientFault:
    """Return the fault of an event after `session.close`: what came before it is still being said."""
    return ClientFault("The session is closing: it takes no more audio.", "invalid_value", "type")


def pair_not_translated(source: str, target: str) -> ClientFault:
    """Return the fault of speech in a language that cannot be translated into the one that is wanted: ours, not the speaker's."""
    return ClientFault(
        f"Speech in '{source}' cannot be translated into '{target}' by this server and is left out.",
        "unsupported_language",
        type=SERVER_ERROR,
    )


def format_busy() -> ClientFault:
    """Return the fault of an input format change while audio of the old format waits in the buffer."""
    return ClientFault(
        "The input audio format cannot change while the input audio buffer holds audio. Commit or clear it first.",
        "invalid_value",
        "session.audio.input.format",
    )


def session_expired(minutes: float) -> ClientFault:
    """Return the fault that ends a session at its maximum duration."""
    return ClientFault(f"Your session hit the maximum duration of {minutes:g} minutes.", "session_expired")


def beta_disabled() -> ClientFault:
    """Return the fault of a client that asks for the beta shapes."""
    return ClientFault(
        "The Realtime beta API shape is disabled. Remove the 'OpenAI-Beta: realtime=v1' header and use the GA event names.",
        "beta_api_shape_disabled",
    )


def beta_route_disabled(route: str, instead: str) -> ClientFault:
    """Return the fault of a request to a route of the beta; `instead` is the route that replaced it."""
    return ClientFault(
        f"Invalid URL ({route}): this route of the Realtime beta is disabled. Use {instead} instead.", None, status=404
    )


def not_in_beta() -> ClientFault:
    """Return the fault of asking for a session in the beta's shapes that is held in today's only."""
    return refused_value(
        "session.type",
        "Only realtime sessions are held in the beta's shapes. Ask for this one without 'OpenAI-Beta: realtime=v1', with a secret of "
        "POST /v1/realtime/client_secrets if you need one.",
    )


def not_served(what: str) -> ClientFault:
    """Return the fault of asking for what this server does not do; `what` is plural and begins the sentence."""
    return ClientFault(f"{what} are not supported by this server.", None)


def beta_modalities(param: str, got: object) -> ClientFault:
    """Return the fault of modalities the beta did not have together; the words are the beta service's."""
    return ClientFault(
        f"Invalid modalities: {quoted(got)[1:-1]}. Supported combinations are: ['text'] and ['audio', 'text'].",
        "invalid_value",
        param,
    )


def prompt_not_found(param: str, id: str, version: str | None) -> ClientFault:
    """Return the fault of a prompt template that is not there."""
    what = f"Prompt with id {quoted(id)}" + (f" and version {quoted(version)}" if version else "")
    return ClientFault(f"{what} not found.", "invalid_value", param)


def bad_base64(param: str) -> ClientFault:
    """Return the fault of audio that is not base64."""
    return ClientFault(f"Invalid '{param}': the audio is not valid base64.", "invalid_value", param)


def odd_audio(param: str, width: int) -> ClientFault:
    """Return the fault of audio that does not end on a whole sample."""
    return ClientFault(f"Invalid '{param}': the audio must hold whole samples of {width} bytes.", "invalid_value", param)


def commit_empty(got_ms: float) -> ClientFault:
    """Return the fault of a commit with less than 100 ms in the buffer."""
    return ClientFault(
        f"Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has {got_ms:.2f}ms of "
        "audio.",
        "input_audio_buffer_commit_empty",
    )


def buffer_full(limit_s: int) -> ClientFault:
    """Return the fault of an append beyond what the buffer may hold."""
    return ClientFault(
        f"The input audio buffer is full: it holds at most {limit_s} seconds. Commit or clear it first.",
        "input_audio_buffer_full",
        "audio",
    )
