"""An offer of a call as it comes: raw SDP, or a form with the SDP and a session beside it.

Source: wire reference A.2; RFC 7578 (multipart/form-data); RFC 8866 section 5.1 (SDP begins with `v=0`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from vivavoce.api.answers import MAX_BODY_BYTES
from vivavoce.api.body import Body
from vivavoce.protocol import errors
from vivavoce.protocol.client_events import MAX_DEPTH, is_deeper

SDP: Final = "application/sdp"
FORM: Final = "multipart/form-data"

LONGEST_SDP: Final = 64 * 1024
"""Bytes of an offer: browsers send some six thousand."""

LONGEST_SESSION: Final = MAX_BODY_BYTES
"""Bytes of a session beside it: what a client secret may be made of."""

_OVERHEAD: Final = 16 * 1024
"""What stands between the parts of a form."""

_MOST: Final = {"sdp": LONGEST_SDP, "session": LONGEST_SESSION}


@dataclass(frozen=True, slots=True)
class Offer:
    """An SDP offer, and the session that came with it, unchecked."""

    sdp: str
    session: dict[str, Any] | None = None


async def read_offer(request: Request, *, form: bool = True) -> Offer:
    """Return the offer in a request's body.

    Args:
        request: the request.
        form: whether a form will do; else it has to be raw SDP.

    Raises:
        ClientFault: it is of another content type, too large, no SDP, no JSON, or comes too slowly.
        ClientDisconnect: the client went away.
    """
    content_type = request.headers.get("content-type", "")
    kind, options = parse_options_header(content_type)
    if kind == SDP.encode():
        return Offer(_sdp(await _body(request, LONGEST_SDP)))
    if not form or kind != FORM.encode():
        raise errors.offer_type(content_type.partition(";")[0].strip()[:128], (SDP, FORM) if form else (SDP,))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise errors.invalid_form("the Content-Type names no boundary")
    fields = _fields(await _body(request, LONGEST_SDP + LONGEST_SESSION + _OVERHEAD), boundary)
    if "sdp" not in fields:
        raise errors.missing("sdp")
    return Offer(_sdp(fields["sdp"]), _session(fields["session"]) if "session" in fields else None)


async def _body(request: Request, most_bytes: int) -> bytes:
    source, body = Body(request.receive, request.scope), bytearray()
    if source.announced > most_bytes:
        raise errors.body_too_large(most_bytes)
    async for chunk in source.chunks():
        body += chunk
        if len(body) > most_bytes:
            raise errors.body_too_large(most_bytes)
    return bytes(body)


def _sdp(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise errors.invalid_offer("The body is not an SDP offer: it is not UTF-8.") from None
    if not text.lstrip().startswith("v=0"):
        raise errors.invalid_offer("The body is not an SDP offer: it does not begin with 'v=0'.")
    return text.lstrip()


def _session(data: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.refused_value("session", f"Invalid 'session': it is not valid JSON: {error}.") from error
    if not isinstance(decoded, dict):
        raise errors.wrong_type("session", "an object", decoded)
    if is_deeper(decoded, MAX_DEPTH):
        raise errors.refused_value("session", f"Invalid 'session': it is nested more than {MAX_DEPTH} levels deep.")
    return decoded


def _fields(body: bytes, boundary: bytes) -> dict[str, bytes]:
    """Return the parts of a form by name, whatever types they say they have."""
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.on_part,
                "on_header_field": form.on_header_name,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers,
                "on_part_data": form.on_data,
                "on_end": form.on_end,
            },
        )
        parser.write(body)
    except FormParserError as error:
        raise errors.invalid_form("it is not what the boundary and the headers promise") from error
    if not form.ended:
        raise errors.invalid_form("it breaks off")
    return {name: bytes(value) for name, value in form.fields.items()}


class _Form:
    """Takes a small form apart.

    Attributes:
        fields: the parts so far, by name.
        ended: whether the form has come to its end.
    """

    def __init__(self) -> None:
        self.fields: dict[str, bytearray] = {}
        self.ended = False
        self._name = ""
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""

    def on_part(self) -> None:
        """Begin a part."""
        self._disposition = b""

    def on_header_name(self, data: bytes, start: int, end: int) -> None:
        """Take more of a header's name."""
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Take more of a header's value."""
        self._value += data[start:end]

    def on_header_end(self) -> None:
        """End a header."""
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def on_headers(self) -> None:
        """End a part's headers: now its name is known."""
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if name is None:
            raise errors.invalid_form("a part has no name")
        self._name = name.decode("utf-8", "replace")
        if self._name not in _MOST:
            raise errors.unknown(self._name[:64])
        if self._name in self.fields:
            raise errors.repeated(self._name)
        self.fields[self._name] = bytearray()

    def on_data(self, data: bytes, start: int, end: int) -> None:
        """Take more of a part."""
        value = self.fields[self._name]
        value += data[start:end]
        if len(value) > _MOST[self._name]:
            raise errors.body_too_large(_MOST[self._name])

    def on_end(self) -> None:
        """End the form."""
        self.ended = True
