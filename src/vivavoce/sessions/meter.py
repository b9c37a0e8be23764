"""What is counted and timed of sessions, for `/metrics`. Never audio, texts or keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from vivavoce.protocol.usage import Usage

_LATENCY_BUCKETS: Final = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

_LAG_BUCKETS: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0)


class Metrics:
    """The process's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make: dict[str, Any] = {"registry": self.registry}
        self.sessions = Gauge("vivavoce_sessions", "Sessions open now.", ["kind"], **make)
        self.opened = Counter("vivavoce_sessions_opened", "Sessions opened.", ["kind", "model"], **make)
        self.turns = Counter("vivavoce_turns", "User turns committed.", ["model"], **make)
        self.responses = Counter("vivavoce_responses", "Responses ended, by status.", ["model", "status"], **make)
        self.errors = Counter("vivavoce_errors", "Error events sent, by code.", ["code"], **make)
        self.notes = Counter("vivavoce_notes", "Noteworthy faults, by what.", ["what"], **make)
        self.tokens = Counter("vivavoce_tokens", "Tokens used by responses.", ["model", "direction", "content"], **make)
        self.cost = Counter("vivavoce_cost_usd", "Cost of responses and transcriptions in US dollars.", ["model"], **make)
        self.requests = Counter(
            "vivavoce_requests", "Requests for transcripts of files, by HTTP status.", ["route", "model", "status"], **make
        )
        self.calls = Gauge("vivavoce_calls", "Calls over a media track open now.", ["kind"], **make)
        self.calls_opened = Counter("vivavoce_calls_opened", "Calls over a media track opened.", ["kind"], **make)
        self.sidebands = Gauge("vivavoce_sidebands", "Sidebands of calls open now.", **make)
        self.lag = Histogram(
            "vivavoce_translation_lag_seconds",
            "From the end of a clause in the source to the end of its translation in the voice.",
            ["model"],
            buckets=_LAG_BUCKETS,
            **make,
        )
        self.answer = Histogram(
            "vivavoce_turn_to_first_audio_seconds",
            "From input_audio_buffer.speech_stopped to the first response.output_audio.delta; on calls to output_audio_buffer.started.",
            ["model"],
            buckets=_LATENCY_BUCKETS,
            **make,
        )

    def used(self, model: str, usage: Usage) -> None:
        """Count the tokens that a response of a model used."""
        for direction, tokens in (("input", usage.input), ("output", usage.output)):
            self.tokens.labels(model, direction, "text").inc(tokens.text)
            self.tokens.labels(model, direction, "audio").inc(tokens.audio)

    def call_began(self, kind: str) -> None:
        """Count a call in."""
        self.calls_opened.labels(kind).inc()
        self.calls.labels(kind).inc()

    def call_ended(self, kind: str) -> None:
        """Count a call out."""
        self.calls.labels(kind).dec()

    def session(self, kind: str, model: str) -> SessionMeter:
        """Return the meter of a session that opens now."""
        self.opened.labels(kind, model).inc()
        self.sessions.labels(kind).inc()
        return SessionMeter(self, kind, model)


class SessionMeter:
    """What one session adds to the metrics."""

    def __init__(self, metrics: Metrics, kind: str, model: str) -> None:
        self._metrics = metrics
        self._kind = kind
        self._model = model
        self._stopped_at: float | None = None
        self._watched: dict[str, Callable[[dict[str, Any], float], None]] = {
            "input_audio_buffer.speech_stopped": self._speech_stopped,
            "input_audio_buffer.committed": lambda event, now: metrics.turns.labels(model).inc(),
            "response.output_audio.delta": self._audio,
            "output_audio_buffer.started": self._audio,
            "response.done": self._done,
            "error": lambda event, now: metrics.errors.labels(event["error"]["code"] or "none").inc(),
        }

    def sent(self, event: dict[str, Any], now_s: float) -> None:
        """Take note of a server event sent at a monotonic time in seconds."""
        watched = self._watched.get(event["type"])
        if watched is not None:
            watched(event, now_s)

    def noted(self, what: str) -> None:
        """Count a noteworthy fault."""
        self._metrics.notes.labels(what).inc()

    def used(self, usage: Usage, cost_usd: float) -> None:
        """Count what a response used and cost."""
        self._metrics.used(self._model, usage)
        self.paid(cost_usd)

    def lagged(self, clause_ms: float) -> None:
        """Time a clause of a translation."""
        self._metrics.lag.labels(self._model).observe(clause_ms / 1000)

    def paid(self, cost_usd: float) -> None:
        """Count what something cost."""
        self._metrics.cost.labels(self._model).inc(cost_usd)

    def ended(self) -> None:
        """Take the end of the session."""
        self._metrics.sessions.labels(self._kind).dec()

    def _speech_stopped(self, event: dict[str, Any], now_s: float) -> None:
        self._stopped_at = now_s

    def _audio(self, event: dict[str, Any], now_s: float) -> None:
        if self._stopped_at is not None:
            self._metrics.answer.labels(self._model).observe(now_s - self._stopped_at)
            self._stopped_at = None

    def _done(self, event: dict[str, Any], now_s: float) -> None:
        self._metrics.responses.labels(self._model, event["response"]["status"]).inc()
