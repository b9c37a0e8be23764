"""Structured logs: one line per happening, with session and event ids, never audio, transcripts or keys."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(level: str, *, json: bool | None = None) -> None:
    """Send logs to standard error.

    Args:
        level: `debug`, `info`, `warning`, `error` or `critical`.
        json: one JSON object a line; by default where standard error is no terminal.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    number = logging.getLevelName(level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        # Without local variables: keys, audio and words are among them.
        tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
        shared += [tracebacks, structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        shared.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # uvicorn takes every refused handshake for an app that forgot to answer; the refusal itself is answered correctly.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing handshake" not in record.getMessage())
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
