"""Audio files, and what may be asked about them."""

from __future__ import annotations

from vivavoce.protocol.faults import SERVER_ERROR, ClientFault, quoted


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
