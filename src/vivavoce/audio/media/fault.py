"""The one error of media files."""

from __future__ import annotations

from typing import Literal, get_args

Code = Literal["invalid_file", "unsupported_format", "too_long", "overloaded", "failed"]
CODES: frozenset[str] = frozenset(get_args(Code))


class MediaError(ValueError):
    """The file or the request cannot be served; the message says why in one line fit to be shown to a client.

    Args:
        message: one line.
        code: `invalid_file` (empty, damaged, without audio), `unsupported_format` (a container or codec we do not read, a format we do
            not write), `too_long`, `overloaded` (every worker is busy), `failed` (a worker died, hung or hit its limits).
    """

    def __init__(self, message: str, code: Code) -> None:
        super().__init__(" ".join(message.split()))
        self.code: Code = code
