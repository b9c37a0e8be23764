"""What usage costs. The figures are the published prices (wire reference E.3)."""

from __future__ import annotations

import pytest

from vivavoce.models.prices import PriceTable
from vivavoce.protocol.usage import Tokens, Usage
from vivavoce.settings import PriceSettings

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input=Tokens(text=MILLION)), 4.0),
        (Usage(input=Tokens(audio=MILLION)), 32.0),
        (Usage(input=Tokens(image=MILLION)), 5.0),
        (Usage(output=Tokens(text=MILLION)), 24.0),
        (Usage(output=Tokens(audio=MILLION)), 64.0),
        (Usage(input=Tokens(text=MILLION), cached=MILLION // 2), 2.2),
        (Usage(output=Tokens(text=28, audio=136)), (28 * 24 + 136 * 64) / MILLION),
    ],
)
def test_a_response_costs_what_its_tokens_cost(usage: Usage, dollars: float) -> None:
    assert PriceTable({}).agent("gpt-realtime-2.1").of(usage) == pytest.approx(dollars)


@pytest.mark.parametrize(("model", "dollars"), [("gpt-realtime", 16.0), ("gpt-realtime-mini", 2.4), ("my-own-agent", 16.0)])
def test_a_model_without_a_published_price_is_priced_like_its_family(model: str, dollars: float) -> None:
    assert PriceTable({}).agent(model).of(Usage(output=Tokens(text=MILLION))) == dollars


def test_the_operator_may_say_what_it_really_costs() -> None:
    prices = PriceTable({"gpt-realtime-2": PriceSettings(text_in=0.0, audio_out=1.0)})
    usage = Usage(input=Tokens(text=MILLION), output=Tokens(text=MILLION, audio=MILLION))
    assert prices.agent("gpt-realtime-2").of(usage) == 24.0 + 1.0


def test_what_answers_requests_is_priced_and_a_text_model_of_the_operators_is_not() -> None:
    prices, usage = PriceTable({}), Usage(input=Tokens(text=MILLION), output=Tokens(text=MILLION, audio=MILLION))
    assert prices.answer("gpt-audio", "chat").of(usage) == 2.5 + 10 + 64
    assert prices.answer("gpt-4o-mini-tts", "speech").of(usage) == 0.6 + 12
    assert prices.answer("gpt-realtime-2", "agent").of(usage) == prices.agent("gpt-realtime-2").of(usage)
    assert prices.answer("gpt-5.6-luna", "chat").of(usage) == 0.0
    own = PriceTable({"gpt-5.6-luna": PriceSettings(text_in=0.1, text_out=0.4)})
    assert own.answer("gpt-5.6-luna", "chat").of(usage) == pytest.approx(0.5)


@pytest.mark.parametrize(("snapshot", "model"), [("gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-mini-transcribe")])
def test_a_snapshot_costs_what_its_model_does(snapshot: str, model: str) -> None:
    prices = PriceTable({})
    assert prices.transcription(snapshot).of_seconds(60) == prices.transcription(model).of_seconds(60) == 0.003
    assert prices.answer("gpt-audio-mini-2025-10-06", "chat") == prices.answer("gpt-audio-mini", "chat")


def test_transcription_is_priced_by_the_minute() -> None:
    prices = PriceTable({"whisper-1": PriceSettings(per_minute=0.6)})
    assert prices.transcription("gpt-realtime-whisper").of_seconds(120) == pytest.approx(0.034)
    assert prices.transcription("whisper-1").of_seconds(3) == pytest.approx(0.03)
    assert prices.transcription("somebody-elses").of_seconds(60) == 0.0
