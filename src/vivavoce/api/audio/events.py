"""A stream of events that is kept open while there is nothing to tell, and tells of its own failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

import structlog

from vivavoce.api.streaming import sse
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault

_log = structlog.get_logger("vivavoce.audio")

QUIET_S: Final = 10.0
"""After so much silence a comment is sent: proxies close what they take for dead, most of them after a minute."""

_COMMENT: Final = b":\n\n"


async def told(events: AsyncGenerator[dict[str, Any]], quiet_s: float = QUIET_S) -> AsyncGenerator[bytes]:
    """Yield events as server-sent ones, and comments in between.

    A fault before anything was yielded is raised: it can still be an answer of its own. One after that is the last event, with an
    `error` in it: official clients raise it.

    Args:
        events: what to tell; closed on the way out.
        quiet_s: seconds of silence before a comment.

    Raises:
        ClientFault: nothing could be told at all.
    """
    begun = False
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait((coming,), timeout=quiet_s)
            if not coming.done():
                yield _COMMENT
                begun = True
                continue
            try:
                event = coming.result()
            except ClientFault as fault:
                if not begun:
                    raise
                yield sse({"error": fault.body()})
                return
            except Exception as error:
                if not begun:
                    raise
                # The answer has begun: nobody else can still tell the client.
                _log.error("request crashed", exc_info=error)
                yield sse({"error": errors.internal().body()})
                return
            if event is None:
                return
            coming = asyncio.ensure_future(anext(events, None))
            yield sse(event)
            begun = True
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await events.aclose()
