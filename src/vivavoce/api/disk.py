"""The folder for temporary files, and when it cannot be written to."""

from __future__ import annotations

import structlog

from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault

_log = structlog.get_logger("vivavoce.disk")


def no_disk(error: OSError) -> ClientFault:
    """Return the fault of a file that could not be kept while it is worked on; the operator learns why from the log."""
    _log.error("a temporary file cannot be written", cause=str(error))
    return errors.overloaded("it has no room for files")
