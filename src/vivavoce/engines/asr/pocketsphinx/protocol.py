"""The messages between the server and its workers, and how they travel on a socket.

Each message is four bytes of length (big-endian) and one MessagePack array; audio travels as raw bytes.
"""

from __future__ import annotations

import struct

import msgspec

from vivavoce.engines.asr.pocketsphinx.topic import Topic

LENGTH = struct.Struct(">I")
PID = struct.Struct(">I")
"""How the zygote answers a request for a worker: with its process id."""
READY = PID.pack(0)
"""The zygote's first answer: the model is loaded."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Larger than any message we send: a longer length means that the stream is out of step."""


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Anything sent either way."""


class Start(Message, frozen=True):
    """Begin a segment. Messages of earlier segments are void from here on."""

    segment: int
    model: str = ""
    """Path of the vocabulary's model (see `storage`), empty for open speech."""
    mean: str = ""
    """The speaker's cepstral mean as the decoder writes it, empty when unknown."""
    partials: bool = False
    delay: str = ""
    """How sure partials must be (see `stability`); empty for the default."""


class Audio(Message, frozen=True):
    """More of the segment: 16 kHz s16le, any whole number of samples."""

    segment: int
    pcm: bytes


class Finish(Message, frozen=True):
    """The segment is complete: answer with `Final`."""

    segment: int


class Abort(Message, frozen=True):
    """The segment is of no interest any more: no answer."""

    segment: int


class Build(Message, frozen=True):
    """Write the model of a vocabulary to `path`; answer with `Built`."""

    segment: int
    path: str
    topic: Topic


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One recognized word, ms from the start of the segment."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Partial(Message, frozen=True):
    """The stable prefix so far: its words, whose confidence is not known yet."""

    segment: int
    words: tuple[Word, ...]


class Final(Message, frozen=True):
    """What was understood of the whole segment."""

    segment: int
    words: tuple[Word, ...]
    confidence: float
    mean: str
    """The speaker's cepstral mean after this segment."""


class Built(Message, frozen=True):
    """The vocabulary's model is there; `useful` is false when there was nothing to make one of."""

    segment: int
    useful: bool


class Fault(Message, frozen=True):
    """The segment or the build failed; the worker lives."""

    segment: int
    reason: str


Request = Start | Audio | Finish | Abort | Build
Reply = Partial | Final | Built | Fault

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class GarbledStream(Exception):
    """What came is none of our messages; the connection is of no further use."""


def encode(message: Message) -> bytes:
    """Return one message as it travels."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_request(body: bytes) -> Request:
    """Return the message in `body`.

    Raises:
        GarbledStream: it is no request.
    """
    try:
        return _requests.decode(body)
    except msgspec.MsgspecError as error:
        raise GarbledStream(str(error)) from error


def decode_reply(body: bytes) -> Reply:
    """Return the message in `body`.

    Raises:
        GarbledStream: it is no reply.
    """
    try:
        return _replies.decode(body)
    except msgspec.MsgspecError as error:
        raise GarbledStream(str(error)) from error


def length_of(head: bytes) -> int:
    """Return the length that the first four bytes announce.

    Raises:
        GarbledStream: it is absurd.
    """
    (length,) = LENGTH.unpack(head)
    if length > MAX_MESSAGE_BYTES:
        raise GarbledStream(f"a message of {length} bytes")
    return int(length)
