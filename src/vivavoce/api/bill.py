"""What an answered request used, entered where it is counted."""

from __future__ import annotations

from vivavoce.models.catalogue import ModelInfo
from vivavoce.protocol.usage import Usage
from vivavoce.sessions.service import VoiceService


def enter(service: VoiceService, info: ModelInfo, usage: Usage) -> None:
    """Count the tokens that an answer of a model used, and what they cost."""
    service.metrics.used(info.name, usage)
    service.metrics.cost.labels(info.name).inc(service.prices.answer(info.name, info.kind).of(usage))
