"""What usage costs: the public prices of the models we stand in for, which the operator may replace by what it really costs.

Source of the table: wire reference E.3, and for gpt-audio-1.5, gpt-4o-mini-audio-preview, gpt-4o-mini-tts and the text of gpt-audio-mini the
models' pages at developers.openai.com (November 2026), US dollars. The rest of the audio API's prices are as commonly quoted: set your own in
`[prices]` where it matters. A snapshot costs what its model does. An agent model that the table does not list is priced like its family:
`mini` models like gpt-realtime-2.1-mini, older ones like gpt-realtime-1.5. Other models it does not list cost nothing unless they are
configured: the text models among them are answered by the operator's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from vivavoce.protocol.usage import Usage
from vivavoce.settings import PriceSettings

_PER: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and per minute of transcribed or translated audio."""

    text_in: float = 0.0
    text_cached: float = 0.0
    text_out: float = 0.0
    audio_in: float = 0.0
    audio_cached: float = 0.0
    audio_out: float = 0.0
    image_in: float = 0.0
    image_cached: float = 0.0
    per_minute: float = 0.0

    def of(self, usage: Usage) -> float:
        """Return what a usage costs, in US dollars. What was cached is text: backends tell of nothing else."""
        cached = min(usage.cached, usage.input.text)
        return (
            (usage.input.text - cached) * self.text_in
            + cached * self.text_cached
            + usage.input.audio * self.audio_in
            + usage.input.image * self.image_in
            + usage.output.text * self.text_out
            + usage.output.audio * self.audio_out
        ) / _PER

    def of_seconds(self, seconds: float) -> float:
        """Return what so much transcribed or translated audio costs, in US dollars."""
        return seconds / 60 * self.per_minute


_REALTIME_2: Final = Price(
    text_in=4, text_cached=0.40, text_out=24, audio_in=32, audio_cached=0.40, audio_out=64, image_in=5, image_cached=0.50
)
_REALTIME_1: Final = replace(_REALTIME_2, text_out=16)
_MINI: Final = Price(text_in=0.60, text_cached=0.06, text_out=2.40, audio_in=10, audio_cached=0.30, audio_out=20)
_AUDIO: Final = Price(text_in=2.50, text_cached=2.50, text_out=10, audio_in=32, audio_out=64)
_PUBLIC: Final[dict[str, Price]] = {
    "gpt-realtime-2": _REALTIME_2,
    "gpt-realtime-2.1": _REALTIME_2,
    "gpt-realtime-1.5": _REALTIME_1,
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-translate": Price(per_minute=0.034),
    "gpt-realtime-whisper": Price(per_minute=0.017),
    "gpt-4o-mini-transcribe": Price(per_minute=0.003),
    "gpt-4o-transcribe": Price(per_minute=0.006),
    "gpt-4o-transcribe-diarize": Price(per_minute=0.006),
    "whisper-1": Price(per_minute=0.006),
    "gpt-4o-mini-tts": Price(text_in=0.60, text_cached=0.60, audio_out=12),
    # By the character, of which we reckon four to a token.
    "tts-1": Price(text_in=60, text_cached=60),
    "tts-1-hd": Price(text_in=120, text_cached=120),
    "gpt-audio": _AUDIO,
    "gpt-audio-1.5": _AUDIO,
    "gpt-audio-mini": Price(text_in=0.60, text_cached=0.60, text_out=2.40, audio_in=10, audio_out=20),
    "gpt-4o-audio-preview": replace(_AUDIO, audio_in=40, audio_out=80),
    "gpt-4o-mini-audio-preview": Price(text_in=0.15, text_cached=0.15, text_out=0.60, audio_in=10, audio_out=20),
}
_SNAPSHOT: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class PriceTable:
    """Prices by public model name.

    Args:
        configured: the operator's own; what they leave out keeps its public price.
    """

    def __init__(self, configured: Mapping[str, PriceSettings]) -> None:
        self._configured = configured

    def agent(self, model: str) -> Price:
        """Return the price of an agent model."""
        family = _MINI if "mini" in model else _REALTIME_1
        return self._own(model, _public(model, family))

    def answer(self, model: str, kind: str) -> Price:
        """Return the price of a model that answers requests: one of the kinds `agent`, `chat` and `speech`."""
        return self.agent(model) if kind == "agent" else self._own(model, _public(model))

    def transcription(self, model: str) -> Price:
        """Return the price of a transcription model."""
        return self._own(model, _public(model))

    def translation(self, model: str) -> Price:
        """Return the price of a translation model."""
        return self._own(model, _public(model))

    def _own(self, model: str, price: Price) -> Price:
        own = self._configured.get(model)
        if own is None:
            return price
        given = {each.name: getattr(own, each.name) for each in fields(own)}
        return replace(price, **{name: value for name, value in given.items() if value is not None})


def _public(model: str, default: Price = Price()) -> Price:
    return _PUBLIC.get(model) or _PUBLIC.get(_SNAPSHOT.sub("", model), default)
