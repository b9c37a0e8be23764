"""A server for a benchmark, configured by the environment alone: `VIVAVOCE_PROFILE`, `VIVAVOCE_PORT` and the like.

With `BENCH_PROFILE=FILE` the event loop's thread runs under cProfile and the statistics are written there at the end.
"""

from __future__ import annotations

import cProfile
import os

from vivavoce.api.server import build_server
from vivavoce.config import load_settings
from vivavoce.logs import configure_logs


def main() -> None:
    settings = load_settings(os.environ)
    configure_logs(settings.server.log_level)
    server = build_server(settings)
    target = os.environ.get("BENCH_PROFILE")
    if not target:
        server.run()
        return
    profiler = cProfile.Profile()
    try:
        profiler.runcall(server.run)
    finally:
        profiler.dump_stats(target)


if __name__ == "__main__":
    main()
