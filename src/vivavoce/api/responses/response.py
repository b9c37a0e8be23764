"""One response from its first event to its last, and the object that it comes to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from vivavoce.api.responses.output import Output
from vivavoce.engines.ports import LlmDelta, LlmFinish, LlmUsage, TextDelta, ToolCallDelta
from vivavoce.protocol.errors import SERVER_ERROR, ClientFault
from vivavoce.protocol.ids import IdSource

Json = dict[str, Any]

_CUT: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is incomplete, by how the brain finished."""

_CODES: Final = ("server_error", "rate_limit_exceeded")
"""Codes that the error of a response may have, of those that we know."""


class Response:
    """A response in the making.

    Args:
        repeated: what its object repeats of the request.
        ids: makes ids.
        obfuscate: whether deltas are padded.
        created_at: unix seconds; now if not given.
    """

    def __init__(
        self, repeated: Json, ids: IdSource | None = None, *, obfuscate: bool = False, created_at: int | None = None
    ) -> None:
        ids = ids or IdSource()
        self._id = ids.response()
        self._created_at = int(time.time()) if created_at is None else created_at
        self._repeated = repeated
        self._output = Output(ids, obfuscate=obfuscate)
        self._usage: LlmUsage | None = None
        self._status = "in_progress"
        self._error: Json | None = None
        self._cut: Json | None = None
        self._completed_at: int | None = None
        self._number = 0

    def begin(self) -> Iterator[Json]:
        """Yield the events that come before there is anything to tell."""
        yield self._event({"type": "response.created", "response": self.wire()})
        yield self._event({"type": "response.in_progress", "response": self.wire()})

    def take(self, delta: LlmDelta) -> Iterator[Json]:
        """Yield the events that tell of a delta; with an `LlmFinish` the last."""
        match delta:
            case TextDelta():
                yield from map(self._event, self._output.text(delta))
            case ToolCallDelta():
                yield from map(self._event, self._output.call(delta))
            case LlmUsage():
                self._usage = delta
            case LlmFinish(reason):
                yield from self._finish(reason)

    def fail(self, fault: ClientFault) -> Iterator[Json]:
        """Yield the events that end a response that failed."""
        yield from map(self._event, self._output.close(cut=True))
        code = fault.code if fault.code in _CODES else SERVER_ERROR
        self._status, self._error = "failed", {"code": code, "message": fault.message}
        yield self._event({"type": "response.failed", "response": self.wire()})

    def wire(self) -> Json:
        """Return the response object as it stands."""
        completed = {} if self._completed_at is None else {"completed_at": self._completed_at}
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_at,
            "status": self._status,
            **completed,
            "error": self._error,
            "incomplete_details": self._cut,
            "output": self._output.wire(),
            "usage": None if self._usage is None else _usage(self._usage),
            **self._repeated,
        }

    def _finish(self, reason: str) -> Iterator[Json]:
        why = _CUT.get(reason)
        yield from map(self._event, self._output.close(cut=why is not None))
        if why is None:
            self._status, self._completed_at = "completed", int(time.time())
        else:
            self._status, self._cut = "incomplete", {"reason": why}
        yield self._event({"type": f"response.{self._status}", "response": self.wire()})

    def _event(self, event: Json) -> Json:
        number = self._number
        self._number += 1
        return {"type": event["type"], "sequence_number": number, **event}


def _usage(usage: LlmUsage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
