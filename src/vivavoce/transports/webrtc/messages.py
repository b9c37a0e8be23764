"""What the server and a media process say to each other.

Each message is four bytes of length (big-endian) and one MessagePack array. Calls are numbers the server gives and never gives again;
audio is s16le mono at 24 kHz.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec

LENGTH: Final = struct.Struct(">I")
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Larger than any message of ours: a longer length means that the stream is out of step."""


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Anything said either way."""


class Server(msgspec.Struct, frozen=True, array_like=True):
    """A STUN or TURN server."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class Configure(Message, frozen=True):
    """To the process, first and once: what the operator has decided (see `WebRtcSettings`)."""

    ports: tuple[int, int] | None = None
    public_address: str | None = None
    ice_servers: tuple[Server, ...] = ()
    connect_timeout_s: float = 15.0
    loopback: bool = False
    echo: bool = True


class Open(Message, frozen=True):
    """Take a call. Answered by `Answered`, `Refused` or `Failed`."""

    call: int
    offer: str


class Say(Message, frozen=True):
    """Send a text over the data channel."""

    call: int
    text: str


class Play(Message, frozen=True):
    """Queue audio of an item for the track."""

    call: int
    response_id: str
    item_id: str
    pcm: bytes


class EndPlay(Message, frozen=True):
    """No more audio comes for this response."""

    call: int
    response_id: str


class Flush(Message, frozen=True):
    """Throw away what is queued for the track; answered by `Cut` under the same token."""

    call: int
    token: int


class Taken(Message, frozen=True):
    """So many bytes of the peer's messages have been dealt with."""

    call: int
    size: int


class Close(Message, frozen=True):
    """End a call. Answered by `Closed`, if it is not closed already."""

    call: int


class Ready(Message, frozen=True):
    """From the process, first: it has loaded everything and takes calls."""


class Alive(Message, frozen=True):
    """From the process, every few seconds."""


class Answered(Message, frozen=True):
    """The call is on: the SDP answer, and the largest message the peer's data channel takes."""

    call: int
    answer: str
    max_message_bytes: int


class Refused(Message, frozen=True):
    """The offer cannot be answered. The last of this call."""

    call: int
    reason: str
    code: str


class Failed(Message, frozen=True):
    """The call cannot be taken, for no fault of the offer. The last of this call."""

    call: int
    reason: str


class Opened(Message, frozen=True):
    """The data channel is open; without one, media is."""

    call: int


class Audio(Message, frozen=True):
    """The peer's audio, in order, any whole number of samples."""

    call: int
    pcm: bytes


class Told(Message, frozen=True):
    """A message of the peer's: text or bytes. The decoder has no union of the two, and gives what was packed."""

    call: int
    data: Any


class Sent(Message, frozen=True):
    """So many bytes of text wait for the data channel no longer."""

    call: int
    size: int


class Started(Message, frozen=True):
    """The first audio of the response is on the track."""

    call: int
    response_id: str


class Stopped(Message, frozen=True):
    """All audio of the response has been played."""

    call: int
    response_id: str


class Cut(Message, frozen=True):
    """What a flush cut: response, item, and how many ms of the item had been played."""

    call: int
    token: int
    cuts: tuple[tuple[str, str, float], ...]


class Closed(Message, frozen=True):
    """The call is over and everything it held is free. The last of this call."""

    call: int
    reason: str


ToEdge = Configure | Open | Say | Play | EndPlay | Flush | Taken | Close
ToServer = Ready | Alive | Answered | Refused | Failed | Opened | Audio | Told | Sent | Started | Stopped | Cut | Closed

_encoder = msgspec.msgpack.Encoder()
_to_edge: msgspec.msgpack.Decoder[ToEdge] = msgspec.msgpack.Decoder(ToEdge)
_to_server: msgspec.msgpack.Decoder[ToServer] = msgspec.msgpack.Decoder(ToServer)


class GarbledStream(Exception):
    """What came is none of our messages; the connection is of no further use."""


def encode(message: Message) -> bytes:
    """Return one message as it travels."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_to_edge(body: bytes | memoryview) -> ToEdge:
    """Return the server's message in `body`.

    Raises:
        GarbledStream: it is none.
    """
    try:
        return _to_edge.decode(body)
    except msgspec.MsgspecError as error:
        raise GarbledStream(str(error)) from error


def decode_to_server(body: bytes | memoryview) -> ToServer:
    """Return the process's message in `body`.

    Raises:
        GarbledStream: it is none.
    """
    try:
        return _to_server.decode(body)
    except msgspec.MsgspecError as error:
        raise GarbledStream(str(error)) from error


def length_of(head: bytes | bytearray | memoryview) -> int:
    """Return the length that the first four bytes announce.

    Raises:
        GarbledStream: it is absurd.
    """
    (length,) = LENGTH.unpack(head)
    if length > MAX_MESSAGE_BYTES:
        raise GarbledStream(f"a message of {length} bytes")
    return int(length)
