"""What goes wrong with media files and with hearing them, in the official shape."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from vivavoce.audio.media import MediaError
from vivavoce.engines.ports import EngineFault
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault


def _sentence(words: str) -> str:
    """Return what a worker or an engine of ours says of its failure as a sentence."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '!', '?')) else '.'}"


def media_fault(error: MediaError, param: str | None) -> ClientFault:
    """Return the fault of audio that could not be read or written.

    Args:
        error: what went wrong.
        param: where the client put the audio; None where it is ours.
    """
    if error.code == "overloaded":
        return errors.overloaded("too many audio files are being worked on")
    if error.code == "failed" or param is None:
        return errors.engine_failed(_sentence(str(error)))
    return errors.refused_value(param, f"Invalid '{param}': {error}.")


@contextmanager
def hearing_faults(param: str) -> Generator[None]:
    """Turn what goes wrong with reading and recognizing audio into the official errors; `param` is where the client put it."""
    try:
        yield
    except MediaError as error:
        raise media_fault(error, param) from error
    except EngineFault as fault:
        raise errors.engine_failed(_sentence(fault.message), fault.code, temporary=fault.temporary) from fault
