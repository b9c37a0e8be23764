"""Uploads: a multipart form with one audio file, read as it arrives, the file into a temporary one that never outlives its request.

Every limit holds before anything is decoded, and none needs the whole body to have come. Of the name a client gives its file, only an
ending that is known is kept, as a hint to the decoder.

Source: RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vivavoce.api.body import Body
from vivavoce.api.disk import no_disk
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault

LARGEST_FILE: Final = 25 * 1024 * 1024
"""Source: wire reference A.6: 25 MB; the service counts 26,214,400 bytes."""

LONGEST_FIELDS: Final = 1024 * 1024
"""All that is not the file: names, values and what stands between them."""

LONGEST_FIELD: Final = 128 * 1024
MOST_PARTS: Final = 2048
"""Parts of a form: a thousand keywords and everything else."""

FILE: Final = "file"
MULTIPART: Final = "multipart/form-data"
ENDINGS: Final = frozenset(
    ("aac", "flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "opus", "wav", "webm"),
)
"""Endings of file names that say what is in the file. Source: wire reference A.6, and those the service's own refusal adds."""

_WRITE_BYTES: Final = 256 * 1024
"""How much is gathered for one write, which takes a thread."""


# What is wrong with a form its sender is told; the parser would tell the operator as well, every time.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that has come: where its file is, how long that is, and the other fields in order."""

    path: Path
    size: int
    fields: tuple[tuple[str, str], ...]


@asynccontextmanager
async def received(body: Body, content_type: str) -> AsyncGenerator[Upload]:
    """Read a form, and remove its file on the way out.

    Args:
        body: the request's body, nothing of it read yet.
        content_type: the request's `Content-Type`.

    Raises:
        ClientFault: it is no form, breaks a limit, comes too slowly, or brings no file.
        ClientDisconnect: the client went away.
    """
    boundary = _boundary(content_type)
    if body.announced > LARGEST_FILE + LONGEST_FIELDS:
        raise errors.file_too_large(LARGEST_FILE, body.announced)
    with _folder() as folder:
        reader = _Reader(boundary)
        path = folder / "upload"
        with _file(path) as file:
            async for chunk in body.chunks():
                reader.feed(chunk)
                if len(reader.pending) >= _WRITE_BYTES:
                    await _write(file, reader)
                if body.taken > LARGEST_FILE + LONGEST_FIELDS:
                    raise errors.file_too_large(LARGEST_FILE, body.taken)
            reader.finish()
            await _write(file, reader)
        yield Upload(path.rename(folder / f"audio{reader.suffix}"), reader.size, tuple(reader.fields))


@contextmanager
def _folder() -> Generator[Path]:
    """Make a folder of its own for a file, and remove it on the way out."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="vivavoce-upload-", ignore_cleanup_errors=True)
    except OSError as error:
        raise no_disk(error) from error
    with folder as name:
        yield Path(name)


@contextmanager
def _file(path: Path) -> Generator[IO[bytes]]:
    """Open a new file to be written as it comes, without a buffer: what has no room shows at once, and not when it is closed."""
    try:
        file = path.open("xb", buffering=0)
    except OSError as error:
        raise no_disk(error) from error
    with file:
        yield file


class _Reader:
    """Takes a form apart.

    Attributes:
        fields: names and values of the fields that have ended.
        pending: bytes of the file that are not written yet.
        size: bytes of the file.
        suffix: the ending of its name, with the dot, where that is a known one.
    """

    def __init__(self, boundary: bytes) -> None:
        self.fields: list[tuple[str, str]] = []
        self.pending = bytearray()
        self.size = 0
        self.suffix = ""
        self._seen = False
        self._parts = 0
        self._ended = False
        self._name = ""
        self._value = bytearray()
        self._values = 0
        self._header = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._header_value = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part,
                    "on_header_field": self._on_header_name,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise errors.invalid_form(str(error)) from error

    def feed(self, chunk: bytes) -> None:
        """Take more of the body.

        Raises:
            ClientFault: it is no form, or breaks a limit.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise errors.invalid_form("it is not what the boundary and the headers promise") from error

    def finish(self) -> None:
        """Take the end of the body.

        Raises:
            ClientFault: the form has not come to its end, or has no file.
        """
        if not self._ended:
            raise errors.invalid_form("it breaks off")
        if not self._seen:
            raise errors.missing(FILE)

    def _on_part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise errors.fields_too_large(LONGEST_FIELDS)
        self._headers = {}
        self._value = bytearray()

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._header_value)
        self._header, self._header_value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name")
        if name is None:
            raise errors.invalid_form("a part has no name")
        self._name = _text(name, "name")
        self._count(len(name))
        if self._name == FILE:
            if self._seen:
                raise errors.repeated(FILE)
            self._seen = True
            ending = options.get(b"filename", b"").rpartition(b".")[2].decode("latin-1").lower()
            self.suffix = f".{ending}" if ending in ENDINGS else ""
        elif b"filename" in options:
            raise errors.unknown(self._name[:64])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            self.size += end - start
            if self.size > LARGEST_FILE:
                raise errors.file_too_large(LARGEST_FILE, self.size)
            self.pending += data[start:end]
            return
        self._count(end - start)
        self._value += data[start:end]
        if len(self._value) > LONGEST_FIELD:
            raise errors.too_long(self._name[:64], LONGEST_FIELD, len(self._value))

    def _on_part_end(self) -> None:
        if self._name != FILE:
            self.fields.append((self._name, _text(bytes(self._value), self._name[:64])))

    def _on_end(self) -> None:
        self._ended = True

    def _count(self, length: int) -> None:
        self._values += length
        if self._values > LONGEST_FIELDS:
            raise errors.fields_too_large(LONGEST_FIELDS)


async def _write(file: IO[bytes], reader: _Reader) -> None:
    written, reader.pending = reader.pending, bytearray()
    try:
        await asyncio.to_thread(_write_all, file, written)
    except OSError as error:
        raise no_disk(error) from error


def _write_all(file: IO[bytes], data: bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind.decode("latin-1") != MULTIPART:
        raise errors.unsupported_content_type(content_type.partition(";")[0].strip(), MULTIPART)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise errors.invalid_form("the Content-Type names no boundary")
    return boundary


def _text(data: bytes, param: str) -> str:
    """Return a name or value; RFC 7578 section 5.1.2: UTF-8, whatever else a part says of itself."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _not_text(param) from error


def _not_text(param: str) -> ClientFault:
    return errors.refused_value(param, f"Invalid '{param}': the text is not valid UTF-8.")
