"""What the store's tests share: a web server's state, and assets described as they ought to be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from vivavoce.models.assets import Asset, AssetFile


@dataclass
class Web:
    """A web server's files and manners."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    drop_after: list[int] = field(default_factory=list)
    """For each coming request: break the connection after so many bytes of the body."""
    answer: list[int] = field(default_factory=list)
    """For each coming request: answer this status instead; 0 for the file."""
    ranges: bool = True
    requests: list[tuple[str, str]] = field(default_factory=list)
    """What was asked for: the path and the Range header."""
    tokens: list[str] = field(default_factory=list)


def pinned(name: str, source: str, content: bytes) -> AssetFile:
    """Describe a file as it ought to be."""
    return AssetFile(name=name, source=source, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def asset_of(*files: AssetFile, name: str = "thing") -> Asset:
    """Make an asset of some files."""
    return Asset(name=name, files=files, licence="Apache-2.0", purpose="to be tested")
