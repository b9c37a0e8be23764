"""The Responses API, which keeps nothing."""

from __future__ import annotations

from vivavoce.protocol.faults import ClientFault, quoted


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
