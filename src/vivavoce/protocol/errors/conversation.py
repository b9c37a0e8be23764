"""The conversation of an agent session and its responses."""

from __future__ import annotations

from vivavoce.protocol.faults import ClientFault, quoted


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


def not_on_calls(event_type: str) -> ClientFault:
    """Return the fault of sending audio in events on a call, which has a media track for it."""
    return ClientFault(
        f"'{event_type}' is not available on WebRTC and SIP calls: their audio comes over the media track.",
        "invalid_value",
        "type",
    )


def nothing_played() -> ClientFault:
    """Return the fault of clearing the output audio of a call that never had any."""
    return ClientFault("There is no output audio to clear: nothing has been said in this session.", "invalid_value", "type")
