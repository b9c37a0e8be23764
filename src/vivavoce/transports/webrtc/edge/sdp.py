"""Session descriptions, taken apart: lines to sections, attributes to lists. What they mean is for `offer.py`.

Source: RFC 8866; only what JSEP (RFC 9429) writes is looked at, the rest is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 64 * 1024
"""Characters of an offer that is still looked at; browsers write 2,000 to 8,000."""
MOST_MEDIA: Final = 32


class NotSdp(ValueError):
    """The text is no session description."""


@dataclass(slots=True)
class Section:
    """The session's own lines, or those of one medium. Attributes in order, an empty value for those without one."""

    attributes: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """Return an attribute's first value, None if there is none."""
        values = self.attributes.get(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Return all values of an attribute."""
        return self.attributes.get(name, [])


@dataclass(slots=True)
class Media(Section):
    """One `m=` line and what belongs to it."""

    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: tuple[str, ...] = ()

    @property
    def mid(self) -> str | None:
        """The section's name."""
        return self.first("mid")


@dataclass(slots=True)
class Description:
    """A whole session description."""

    session: Section
    media: list[Media]


def parse(text: str) -> Description:
    """Take a session description apart.

    Raises:
        NotSdp: it is none.
    """
    if len(text) > LONGEST:
        raise NotSdp(f"it is longer than {LONGEST} characters")
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line]
    if not lines or lines[0].strip() != "v=0":
        raise NotSdp("it does not begin with v=0")
    session = Section()
    media: list[Media] = []
    section: Section = session
    for line in lines:
        kind, mark, value = line.partition("=")
        if not mark or len(kind) != 1 or not kind.isascii():
            raise NotSdp("it has a line that is not of the form <letter>=<value>")
        if kind == "m":
            if len(media) == MOST_MEDIA:
                raise NotSdp(f"it has more than {MOST_MEDIA} media")
            section = _media(value)
            media.append(section)
        elif kind == "a":
            name, _, rest = value.partition(":")
            section.attributes.setdefault(name.strip(), []).append(rest.strip())
    return Description(session, media)


def number(text: str, most: int) -> int | None:
    """Return a decimal number from 0 to `most`; None if the text is none."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 10:
        return None
    value = int(text)
    return value if value <= most else None


def _media(value: str) -> Media:
    parts = value.split()
    port = number(parts[1].partition("/")[0], 65_535) if len(parts) >= 4 else None
    if port is None:
        raise NotSdp("it has a malformed m= line")
    if not all(part.isascii() and part.isprintable() for part in parts):
        raise NotSdp("it has a malformed m= line")
    return Media(kind=parts[0], port=port, protocol=parts[2], formats=tuple(parts[3:]))
