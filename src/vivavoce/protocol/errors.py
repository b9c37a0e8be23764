"""The one table from situation to official error. Nothing builds error objects elsewhere."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

from vivavoce.protocol.faults import INVALID_REQUEST, SERVER_ERROR, ClientFault, Fatal, figure, json_type, quoted

__all__ = ["INVALID_REQUEST", "SERVER_ERROR", "ClientFault", "Fatal", "json_type", "quoted"]

UNKNOWN: Final = "unknown_parameter"


# --- the frame ------------------------------------------------------------------------------------------------------------------


def invalid_json(detail: str) -> ClientFault:
    """Return the fault of a frame that is not JSON."""
    return ClientFault(f"The frame is not valid JSON: {detail}.", "invalid_json")


def invalid_event(detail: str) -> ClientFault:
    """Return the fault of a frame that is no event: not an object, or without a `type`."""
    return ClientFault(detail, "invalid_event")


def unknown_event(got: str, supported: tuple[str, ...]) -> ClientFault:
    """Return the fault of an event type nobody knows."""
    names = ", ".join(f"'{name}'" for name in supported)
    return ClientFault(f"Invalid value: {quoted(got)}. Supported values are: {names}.", "invalid_value", "type")


# --- fields ---------------------------------------------------------------------------------------------------------------------


def missing(param: str) -> ClientFault:
    """Return the fault of a required field that is absent."""
    return ClientFault(f"Missing required parameter: '{param}'.", "missing_required_parameter", param)


def unknown(param: str) -> ClientFault:
    """Return the fault of a field the service does not have."""
    return ClientFault(f"Unknown parameter: '{param}'.", UNKNOWN, param)


def wrong_type(param: str, expected: str, got: object) -> ClientFault:
    """Return the fault of a field of the wrong JSON type."""
    return ClientFault(
        f"Invalid type for '{param}': expected {expected}, but got {json_type(got)} instead.", "invalid_type", param
    )


def wrong_value(param: str, got: object, allowed: tuple[str, ...]) -> ClientFault:
    """Return the fault of a value that is not one of the allowed ones."""
    names = ", ".join(f"'{name}'" for name in allowed)
    return ClientFault(f"Invalid value: {quoted(got)}. Supported values are: {names}.", "invalid_value", param)


def refused_value(param: str, message: str) -> ClientFault:
    """Return the fault of a value of the right type that cannot be accepted, with the reason."""
    return ClientFault(message, "invalid_value", param)


def below(param: str, minimum: float, got: float, kind: str) -> ClientFault:
    """Return the fault of a number under its minimum; `kind` is `integer` or `decimal`."""
    return ClientFault(
        f"Invalid '{param}': {kind} below minimum value. Expected a value >= {minimum:g}, but got {figure(got)} instead.",
        f"{kind}_below_min_value",
        param,
    )


def above(param: str, maximum: float, got: float, kind: str) -> ClientFault:
    """Return the fault of a number over its maximum; `kind` is `integer` or `decimal`."""
    return ClientFault(
        f"Invalid '{param}': {kind} above maximum value. Expected a value <= {maximum:g}, but got {figure(got)} instead.",
        f"{kind}_above_max_value",
        param,
    )


def too_long(param: str, maximum: int, got: int, kind: str = "string") -> ClientFault:
    """Return the fault of a string or array that is too long."""
    return ClientFault(
        f"Invalid '{param}': {kind} too long. Expected a maximum length of {maximum}, but got {got} instead.",
        f"{kind}_above_max_length",
        param,
    )


def too_short(param: str, minimum: int, got: int, kind: str = "string") -> ClientFault:
    """Return the fault of a string or array that is too short."""
    return ClientFault(
        f"Invalid '{param}': {kind} too short. Expected a minimum length of {minimum}, but got {got} instead.",
        f"{kind}_below_min_length",
        param,
    )


# --- the session ----------------------------------------------------------------------------------------------------------------


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


# --- audio in -------------------------------------------------------------------------------------------------------------------


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


# --- conversation ---------------------------------------------------------------------------------------------------------------


def item_not_found(verb: str, item_id: str) -> ClientFault:
    """Return the fault of an unknown item; `verb` is `delete`, `retrieve` or `truncate`."""
    done = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}[verb]
    return ClientFault(
        f"Error {done} item: the item with id '{item_id}' does not exist.", f"item_{verb}_invalid_item_id", "item_id"
    )


def previous_not_found(item_id: str) -> ClientFault:
    """Return the fault of an item to be placed after one that is not there."""
    return ClientFault(
        f"Error creating item: the previous item with id '{item_id}' does not exist.",
        "item_create_invalid_previous_item_id",
        "previous_item_id",
    )


def duplicate_item(item_id: str) -> ClientFault:
    """Return the fault of an item id that is taken."""
    return ClientFault(
        f"Error creating item: an item with id '{item_id}' already exists.", "item_create_duplicate_item_id", "item.id"
    )


def no_such_call(call_id: str) -> ClientFault:
    """Return the fault of an output for a call nobody made."""
    return ClientFault(f"No tool call found for function call output with call_id '{call_id}'.", "invalid_value", "item.call_id")


def truncate_not_audio() -> ClientFault:
    """Return the fault of truncating anything but the assistant's audio."""
    return ClientFault("Only model output audio messages can be truncated.", None, "item_id")


def truncate_past_end(have_ms: int, asked_ms: int) -> ClientFault:
    """Return the fault of truncating far beyond the audio there is."""
    return ClientFault(f"Audio content of {have_ms}ms is already shorter than {asked_ms}ms", "invalid_value", "audio_end_ms")


def already_truncated(at_ms: int) -> ClientFault:
    """Return the fault of truncating again, longer than before."""
    return ClientFault(f"The item is already truncated at {at_ms}ms.", "item_already_truncated", "audio_end_ms")


def no_images(param: str) -> ClientFault:
    """Return the fault of showing an image to a model that sees none."""
    return ClientFault("The language model behind this session does not support image input.", "invalid_value", param)


# --- responses ------------------------------------------------------------------------------------------------------------------


def response_active(response_id: str) -> ClientFault:
    """Return the fault of a second response in the default conversation."""
    return ClientFault(
        f"Conversation already has an active response in progress: {response_id}. Wait until the response is finished before creating a "
        "new one.",
        "conversation_already_has_active_response",
    )


def no_such_tool(param: str, name: str) -> ClientFault:
    """Return the fault of a response that must call a function it does not have."""
    return ClientFault(
        f"The tool choice names the function {quoted(name)}, which is not among the tools.", "invalid_value", param
    )


def no_tools(param: str) -> ClientFault:
    """Return the fault of a response that must call a function and has none."""
    return ClientFault("The tool choice is 'required', and there are no tools.", "invalid_value", param)


def too_many_responses(limit: int) -> ClientFault:
    """Return the fault of more out-of-band responses at once than a session may run."""
    return ClientFault(
        f"Too many responses at once: a session runs at most {limit}.", "rate_limit_exceeded", type="requests", status=429
    )


def too_many_recordings(limit: int) -> ClientFault:
    """Return the fault of more recordings to be recognized at once than a session may have."""
    return ClientFault(
        f"Too many recordings at once: a session has at most {limit} recognized at a time.",
        "rate_limit_exceeded",
        type="requests",
        status=429,
    )


def cancel_not_active(response_id: str | None) -> ClientFault:
    """Return the fault of a cancel with nothing to cancel. Clients match the words `Cancellation failed`."""
    what = f"response {response_id} is not active" if response_id else "no active response found"
    return ClientFault(f"Cancellation failed: {what}.", "response_cancel_not_active")


def item_reference_not_found(param: str, item_id: str) -> ClientFault:
    """Return the fault of a reference to an item that is not there."""
    return ClientFault(f"Item with item_id '{item_id}' not found.", "invalid_value", param)


def not_on_websocket(event_type: str) -> ClientFault:
    """Return the fault of an event that only exists on calls whose playout the server owns."""
    return ClientFault(f"'{event_type}' is only available on WebRTC and SIP calls.", "invalid_value", "type")


# --- responses of the Responses API ---------------------------------------------------------------------------------------------


def unsupported(param: str) -> ClientFault:
    """Return the fault of a parameter that exists, and that nothing here can follow."""
    return ClientFault(f"Unsupported parameter: '{param}' is not supported with this model.", "unsupported_parameter", param)


def previous_response_not_found(response_id: str) -> ClientFault:
    """Return the fault of going on from a response that is not kept: none is."""
    return ClientFault(
        f"Previous response with id {quoted(response_id)} not found.", "previous_response_not_found", "previous_response_id"
    )


def conversation_not_found(conversation_id: str) -> ClientFault:
    """Return the fault of a conversation that is not kept: none is."""
    return ClientFault(f"Conversation with id {quoted(conversation_id)} not found.", None, status=404)


def response_not_found(response_id: str) -> ClientFault:
    """Return the fault of asking for a response that is not kept: none is."""
    return ClientFault(f"Response with id {quoted(response_id)} not found.", None, status=404)


def input_item_not_found(item_id: str) -> ClientFault:
    """Return the fault of an input that refers to an item that is not kept: none is."""
    return ClientFault(f"Item with id {quoted(item_id)} not found.", None, "input", status=404)


def no_call_of_output(call_id: str) -> ClientFault:
    """Return the fault of an input with the output of a function that nobody called."""
    return ClientFault(f"No tool call found for function call output with call_id {call_id[:64]}.", None, "input")


def no_output_of_call(call_id: str) -> ClientFault:
    """Return the fault of an input with a function call that has no output."""
    return ClientFault(f"No tool output found for function call {call_id[:64]}.", None, "input")


def bad_image(param: str) -> ClientFault:
    """Return the fault of an image that is not in the request itself, or of a kind nobody reads."""
    return ClientFault(
        f"Invalid '{param}': expected a base64-encoded data URL of a PNG, JPEG, WEBP or GIF image.", "invalid_image_url", param
    )


def only_when_streaming(param: str) -> ClientFault:
    """Return the fault of options for a stream where there is none."""
    return ClientFault(f"The '{param}' parameter is only allowed when 'stream' is enabled.", None, param)


# --- audio files ----------------------------------------------------------------------------------------------------------------


def file_too_large(maximum: int, got: int) -> ClientFault:
    """Return the fault of an upload over the limit; the words, type and status are the service's."""
    return ClientFault(f"Maximum content size limit ({maximum}) exceeded ({got} bytes read)", None, type=SERVER_ERROR, status=413)


def fields_too_large(maximum: int) -> ClientFault:
    """Return the fault of a form whose fields, without the file, are longer or more than anything could need."""
    return ClientFault(f"The form has too many fields, or too long ones: {maximum} bytes at most.", None, status=413)


def unsupported_content_type(got: str, wanted: str) -> ClientFault:
    """Return the fault of a body of another kind; the words are the service's."""
    return ClientFault(
        f"Unsupported content type: {quoted(got)}. This API method only accepts '{wanted}' requests, but you specified the header "
        f"'Content-Type: {quoted(got)[1:-1]}'. Please try again with a supported content type.",
        "unsupported_content_type",
    )


def invalid_form(detail: str) -> ClientFault:
    """Return the fault of a multipart body that cannot be read."""
    return ClientFault(f"Could not parse multipart form: {detail}.", None)


def repeated(param: str) -> ClientFault:
    """Return the fault of a form field that comes twice and has one value."""
    return ClientFault(f"Duplicate parameter: {quoted(param)}.", "invalid_value", param[:64])


def upload_too_slow(seconds: float) -> ClientFault:
    """Return the fault of an upload that does not come to its end."""
    return ClientFault(f"The upload took too long: no more than {seconds:g} seconds are waited.", None, status=408)


def audio_too_short(minimum_s: float) -> ClientFault:
    """Return the fault of a file with next to no audio in it; the words are the service's."""
    return ClientFault(f"Audio file is too short. Minimum audio length is {minimum_s:g} seconds.", "audio_too_short", "file")


def format_not_of_model(format: str, model: str, formats: tuple[str, ...]) -> ClientFault:
    """Return the fault of an answer's format that the model does not have; the words are the service's."""
    instead = " or ".join(f"'{name}'" for name in formats)
    return ClientFault(
        f"response_format '{format}' is not compatible with model {quoted(model)}. Use {instead} instead.",
        "unsupported_value",
        "response_format",
    )


def not_with_model(param: str, model: str) -> ClientFault:
    """Return the fault of a field that the model does not take."""
    return ClientFault(
        f"Unsupported parameter: '{param}' is not supported with the model {quoted(model)}.", "unsupported_parameter", param
    )


def live_model(model: str) -> ClientFault:
    """Return the fault of asking a model of live sessions for the transcript of a file."""
    return ClientFault(
        f"The model {quoted(model)} transcribes live sessions alone. Files need another model.", "invalid_model", "model"
    )


def no_speakers(param: str) -> ClientFault:
    """Return the fault of asking who speaks, where the recognizer cannot tell."""
    return ClientFault("This server's recognizer does not tell speakers apart.", "unsupported_value", param)


def chunking_needed() -> ClientFault:
    """Return the fault of long audio for a diarizing model without a strategy; the words are the service's."""
    return ClientFault("chunking_strategy is required for diarization models", "invalid_value", "chunking_strategy")


def language_format(language: str) -> ClientFault:
    """Return the fault of a language that is no language code; the words are the service's."""
    return ClientFault(
        f"Invalid language {quoted(language)}. Language parameter must be specified in ISO-639-1 format.",
        "invalid_language_format",
        "language",
    )


def cannot_translate(language: str) -> ClientFault:
    """Return the fault of speech that nothing here translates to English; `language` is empty where it is not known."""
    heard = f"is in {quoted(language)}" if language else "may be in another language"
    return ClientFault(
        f"The audio {heard}, and this server has no translation from that to English.", "unsupported_value", "file"
    )


# --- access and service ---------------------------------------------------------------------------------------------------------


def no_key() -> ClientFault:
    """Return the fault of a request without a key."""
    return ClientFault(
        "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (Authorization: Bearer YOUR_KEY).",
        None,
        status=401,
    )


def bad_key() -> ClientFault:
    """Return the fault of a key that is not known."""
    return ClientFault("Incorrect API key provided.", "invalid_api_key", status=401)


def secret_expired() -> ClientFault:
    """Return the fault of a client secret that was good once."""
    return ClientFault("The client secret has expired. Ask for a new one.", "invalid_api_key", status=401)


def secret_orphaned() -> ClientFault:
    """Return the fault of a client secret whose API key is not accepted any more."""
    return ClientFault("The API key this client secret was made with is not accepted any more.", "invalid_api_key", status=401)


def secret_is_no_key() -> ClientFault:
    """Return the fault of a client secret where only an API key will do."""
    return ClientFault("A client secret can only open sessions: this needs an API key.", None, status=403)


def secret_too_long(maximum: int, got: int) -> ClientFault:
    """Return the fault of a session configuration that no header could carry."""
    return ClientFault(
        f"Invalid 'session': too long for a client secret. It takes {got} characters and may take {maximum}: shorten the instructions "
        "or the tools, or send them in a session.update.",
        "string_above_max_length",
        "session",
    )


def origin_refused() -> ClientFault:
    """Return the fault of a web page that may not talk to this server."""
    return ClientFault("Requests from pages of this origin are not allowed by this server.", None, status=403)


def unknown_subprotocol() -> ClientFault:
    """Return the fault of a handshake for another protocol. What was offered stays unsaid: it may hold a key."""
    return ClientFault("None of the offered WebSocket subprotocols is known here: offer 'realtime'.", None, status=401)


def rate_limited(name: str, limit: int, remaining: int, wait_s: float) -> ClientFault:
    """Return the fault of a key that has used up a limit; `name` is `requests` or `tokens`, `wait_s` the seconds until it may go on."""
    return ClientFault(
        f"Rate limit reached for {name} per minute: Limit {limit}, Remaining {remaining}. Please try again in {wait_s:.3f}s.",
        "rate_limit_exceeded",
        type=name,
        status=429,
        retry_after_s=wait_s,
    )


def too_many_sessions(limit: int) -> ClientFault:
    """Return the fault of a key that has as many sessions open as it may."""
    return ClientFault(
        f"Rate limit reached for concurrent sessions: Limit {limit}. Close one of them first.",
        "rate_limit_exceeded",
        type="requests",
        status=429,
    )


def invalid_body(detail: str) -> ClientFault:
    """Return the fault of a request body that is not the JSON it should be."""
    return ClientFault(f"We could not parse the JSON body of your request: {detail}.", "invalid_json")


def invalid_http() -> ClientFault:
    """Return the fault of bytes that are no HTTP request."""
    return ClientFault("We could not parse your request: it is not valid HTTP.", None)


def body_too_large(maximum: int) -> ClientFault:
    """Return the fault of a request body that is longer than anything this route could use."""
    return ClientFault(f"The body of the request is too large: at most {maximum} bytes are read.", None, status=413)


def headers_too_large(maximum: int) -> ClientFault:
    """Return the fault of a handshake whose headers cannot be read."""
    return ClientFault(f"The headers of the request are too large: at most {maximum} bytes in a line.", None, status=431)


def kind_not_served(param: str, kind: str) -> ClientFault:
    """Return the fault of a kind of session that exists and that this server does not serve."""
    return ClientFault(f"Sessions of type {quoted(kind)} are not supported by this server.", "invalid_value", param)


def model_not_found(model: str, param: str = "model") -> ClientFault:
    """Return the fault of a model name nobody serves."""
    return ClientFault(
        f"The model {quoted(model)} does not exist or you do not have access to it.", "model_not_found", param, status=404
    )


def session_not_found(session_id: str) -> ClientFault:
    """Return the fault of asking after a session that is not this key's, or not remembered."""
    return ClientFault(f"No session with id {quoted(session_id)} found.", None, "session_id", status=404)


_PURPOSES: Final = {
    "agent": "realtime sessions",
    "transcription": "transcription",
    "translation": "translation sessions",
    "speech": "speech",
    "chat": "chat completions",
}


def wrong_model(model: str, kind: str, param: str = "model") -> ClientFault:
    """Return the fault of a model that cannot serve what it is asked for: a kind of model, as the catalogue has them."""
    return ClientFault(f"The model {quoted(model)} is not supported for {_PURPOSES[kind]}.", "invalid_model", param)


def no_interpreter(model: str, why: str) -> ClientFault:
    """Return the fault of a translation model whose engines have no pair of languages in common; `why` says what to configure."""
    return ClientFault(f"The model {quoted(model)} cannot translate anything on this server: {why}.", "invalid_model", "model")


def model_of_secret(asked: str, bound: str) -> ClientFault:
    """Return the fault of asking for one model with a client secret for another."""
    return ClientFault(f"The client secret is for the model {quoted(bound)}, not for {quoted(asked)}.", "invalid_model", "model")


def secret_of_another_kind(kind: str, place: str) -> ClientFault:
    """Return the fault of opening one kind of session with a client secret for another."""
    return ClientFault(f"This client secret opens {kind} sessions: use it at {place}.", "invalid_value", "type")


def not_found(path: str) -> ClientFault:
    """Return the fault of a path nothing is at."""
    return ClientFault(f"Invalid URL ({path})", None, status=404)


def wrong_method(path: str) -> ClientFault:
    """Return the fault of a method that a path does not have; `path` begins with it."""
    return ClientFault(f"Invalid method for URL ({path})", "method_not_supported", status=405)


def overloaded(what: str) -> ClientFault:
    """Return the fault of a server with no room."""
    return ClientFault(
        f"The server is overloaded: {what}. Try again in a moment.", "server_is_overloaded", type=SERVER_ERROR, status=503
    )


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


def engine_failed(message: str, code: str = SERVER_ERROR, *, temporary: bool = True) -> ClientFault:
    """Return the fault of an engine that failed a request: 429 where its backend is at a limit, 503 where trying again may help."""
    if code == "rate_limit_exceeded":
        return ClientFault(message, code, type="requests", status=429)
    if code == "insufficient_quota":
        return ClientFault(message, code, type=code, status=429)
    return ClientFault(message, code, type=SERVER_ERROR, status=503 if temporary else 502)


def internal() -> ClientFault:
    """Return the fault of our own making; the cause is in the log, under the event's id."""
    return ClientFault("The server had an error while processing your request.", None, type=SERVER_ERROR, status=500)
