"""HTTP connections whose every refusal has the official shape, also of requests that cannot be read at all."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault


def whole_refusal(fault: ClientFault) -> bytes:
    """Return a refusal as it goes over the wire, with the end of the connection."""
    body = msgspec.json.encode({"error": fault.body()})
    head = f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


class HttpProtocol(HttpToolsProtocol):
    """An HTTP connection."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request, and close the connection: nobody can tell where the next one would begin."""
        self.transport.write(whole_refusal(errors.invalid_http()))
        self.transport.close()
