"""What goes wrong with media files, in the official shape."""

from __future__ import annotations

from vivavoce.audio.media import MediaError
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault


def media_fault(error: MediaError, param: str | None) -> ClientFault:
    """Return the fault of audio that could not be read or written.

    Args:
        error: what went wrong.
        param: where the client put the audio; None where it is ours.
    """
    if error.code == "overloaded":
        return errors.overloaded("too many audio files are being worked on")
    if error.code == "failed" or param is None:
        return errors.engine_failed(str(error))
    return errors.refused_value(param, f"Invalid '{param}': {error}.")
