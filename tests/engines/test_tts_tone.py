"""The tone synthesizer: instant, deterministic, exact."""

from __future__ import annotations

import numpy as np
import pytest
from tts_kit import AWKWARD_CLAUSES, assert_contract, duration_ms, say

from vivavoce.engines.ports import Synthesizer, VoiceStyle
from vivavoce.engines.tts.tone import RATE_HZ, ToneSynthesizer


async def test_tones_keep_the_contract() -> None:
    synthesizer: Synthesizer = ToneSynthesizer()
    await synthesizer.warm()
    assert_contract(await say(synthesizer, *AWKWARD_CLAUSES), AWKWARD_CLAUSES)
    await synthesizer.close()


async def test_the_same_text_gives_the_same_audio() -> None:
    first, second = await say(ToneSynthesizer(), "Hello there.", "Hello there.")
    assert np.array_equal(first.pcm, second.pcm)


async def test_sound_is_exactly_where_the_word_times_say() -> None:
    (span,) = await say(ToneSynthesizer(), "One extraordinary word.")
    heard = np.zeros(len(span.pcm), bool)
    for word in span.words:
        heard[word.start_ms * RATE_HZ // 1000 : word.end_ms * RATE_HZ // 1000] = True
        assert np.abs(span.pcm[heard]).max() > 1000
    assert not span.pcm[~heard].any()


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5])
async def test_speed_scales_the_duration(speed: float) -> None:
    plain = duration_ms(await say(ToneSynthesizer(), "Hello there."))
    assert duration_ms(await say(ToneSynthesizer(), "Hello there.", style=VoiceStyle(speed=speed))) == pytest.approx(
        plain / speed, rel=0.02
    )


async def test_voices_differ_in_pitch() -> None:
    (alloy,) = await say(ToneSynthesizer(), "Hello")
    (verse,) = await say(ToneSynthesizer(), "Hello", style=VoiceStyle(voice="verse"))
    assert np.abs(np.fft.rfft(alloy.pcm)).argmax() < np.abs(np.fft.rfft(verse.pcm)).argmax()
