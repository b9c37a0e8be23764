"""The media process: `python -m vivavoce.transports.webrtc.edge <fd>`, where the descriptor is one end of a socket pair.

When the server ends, however it ends, the socket closes and this process ends with it. A signal to the whole group does not end it: a
server that was told to stop still sees its calls through.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
import sys

from vivavoce.transports.webrtc.edge.desk import Desk


async def _serve(connection: socket.socket) -> None:
    await Desk().serve(connection)


def main() -> None:
    """Take calls until the server hangs up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # memory full of strangers' voices stays off the disk
    gc.collect()
    gc.freeze()  # what was loaded stays: the collector need not look at it again while calls are on
    run = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop

        run = uvloop.run
    run(_serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
