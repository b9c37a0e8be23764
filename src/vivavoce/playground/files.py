"""The files of the page, read once: there are few, they are small, and what is not among them does not exist."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

INDEX: Final = "index.html"
"""The page itself."""

MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""What may be in the folder, by the end of its name. Browsers refuse modules and style sheets of another type."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file: its bytes, its media type, and an entity tag made from what is in it."""

    content: bytes
    media_type: str
    etag: str


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return every file by its path in the folder, with `/` between the parts."""
    return dict(_walk(files("vivavoce.playground").joinpath("static"), ""))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, StaticFile]]:
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            yield from _walk(entry, name + "/")
        elif (media_type := MEDIA_TYPES.get(entry.name.rpartition(".")[2])) is not None:
            content = entry.read_bytes()
            yield name, StaticFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
