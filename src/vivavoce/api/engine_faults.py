"""What goes wrong with an engine at work for an HTTP request, as the official errors."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import structlog

from vivavoce.engines.ports import EngineFault
from vivavoce.protocol import errors


@contextmanager
def engine_faults(log: structlog.stdlib.BoundLogger) -> Generator[None]:
    """Turn an engine's faults into the official errors; what it should never raise is logged and told as ours.

    Raises:
        ClientFault: in place of whatever went wrong; one that is raised inside stays as it is.
    """
    try:
        yield
    except EngineFault as fault:
        raise errors.engine_failed(fault.message, fault.code, temporary=fault.temporary) from fault
    except errors.ClientFault:
        raise
    except Exception as error:
        log.exception("engine crashed")
        raise errors.internal() from error
