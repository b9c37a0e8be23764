"""The beta's names of the audio formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vivavoce.protocol.formats import PCM, PCMA, PCMU
from vivavoce.protocol.schema import Choice

FORMATS: Final = {"pcm16": PCM, "g711_ulaw": PCMU, "g711_alaw": PCMA}
_NAMES: Final = {fmt.type: name for name, fmt in FORMATS.items()}
_NAME: Final = Choice(tuple(FORMATS))


def format_taken(value: Any, param: str) -> dict[str, Any]:
    """Return the format object of a client's format name.

    Raises:
        ClientFault: no format is called so.
    """
    return FORMATS[_NAME.check(value, param)].wire()


def format_given(value: Mapping[str, Any] | None) -> str | None:
    """Return the name of a format object."""
    return None if value is None else _NAMES[value["type"]]
