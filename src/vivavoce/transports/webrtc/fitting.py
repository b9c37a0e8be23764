"""Events that fit into a message of the peer's data channel.

Every data channel has a largest message, 256 KiB in some browsers. What is larger is mostly sound and pictures in an item: they are left
out, as they are in events that merely mention an item: the peer of a call has heard the one and sent the other. What is still too large
is named in an `error` event instead: nothing is dropped in silence.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events

_HEAVY: Final = ("audio", "image_url")
"""Keys of content parts whose values are media in base64."""

_encode: Final = msgspec.json.Encoder().encode


def fitted(event: dict[str, Any], most_bytes: int) -> bytes:
    """Return a server event as JSON of at most so many bytes.

    Args:
        event: the event; it is not changed.
        most_bytes: what the data channel takes in one message.
    """
    frame = _encode(event)
    if len(frame) <= most_bytes:
        return frame
    lighter = _encode(_without_media(event))
    if len(lighter) <= most_bytes:
        return lighter
    fault = errors.event_too_large(event["type"], len(frame), most_bytes)
    return _encode(events.stamp(events.error(fault.wire(None)), event["event_id"]))


def _without_media(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_media(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_media(each) for key, each in value.items() if key not in _HEAVY or not isinstance(each, str)}
    return value
