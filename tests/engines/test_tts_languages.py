"""Each language a translation can be spoken in: by a voice of its own, audibly, at a speaker's pace."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from tts_kit import assert_contract, duration_ms, say

from vivavoce.engines.mt.languages import TARGETS
from vivavoce.engines.ports import EngineFault, VoiceStyle
from vivavoce.engines.tts.espeak import LANGUAGES, EspeakSynthesizer
from vivavoce.engines.tts.espeak_library import find_espeak

SENTENCES = {
    "en": "Good morning, where is the station?",
    "es": "Buenos días, ¿dónde está la estación?",
    "fr": "Bonjour, où est la gare, s'il vous plaît ?",
    "de": "Guten Morgen, wo ist der Bahnhof?",
    "it": "Buongiorno, dov'è la stazione?",
    "pt": "Bom dia, onde fica a estação?",
    "ko": "안녕하세요, 역이 어디에 있나요?",
    "zh": "早上好，请问车站在哪里？",
    "ru": "Доброе утро, где находится вокзал?",
    "hi": "सुप्रभात, स्टेशन कहाँ है?",
    "id": "Selamat pagi, di mana stasiunnya?",
    "vi": "Chào buổi sáng, nhà ga ở đâu?",
}
"""The same question, about two seconds long in each."""

needs_espeak = pytest.mark.skipif(find_espeak() is None, reason="no espeak-ng: pip install 'vivavoce[espeak]'")


@pytest.fixture
async def espeak() -> AsyncIterator[EspeakSynthesizer]:
    synthesizer = EspeakSynthesizer()
    yield synthesizer
    await synthesizer.close()


def test_of_the_thirteen_only_japanese_is_not_spoken() -> None:
    assert set(TARGETS) - set(LANGUAGES) == {"ja"}
    assert set(SENTENCES) == set(TARGETS) - {"ja"}


@needs_espeak
@pytest.mark.parametrize("language", SENTENCES)
async def test_each_is_spoken_audibly_and_by_a_voice_of_its_own(espeak: EspeakSynthesizer, language: str) -> None:
    sentence = SENTENCES[language]
    spans = await say(espeak, sentence, style=VoiceStyle(language=language))
    assert_contract(spans, [sentence])
    assert 1_500 < duration_ms(spans) < 4_500
    assert np.abs(spans[0].pcm.astype(np.int32)).max() > 8_000
    assert all(word.end_ms > word.start_ms for word in spans[0].words if any(map(str.isalnum, word.text)))
    if language != "en":
        foreign = await say(espeak, sentence, style=VoiceStyle(language="en"))
        assert foreign[0].pcm.tobytes() != spans[0].pcm.tobytes()


@needs_espeak
async def test_japanese_is_refused_rather_than_read_as_chinese_letter(espeak: EspeakSynthesizer) -> None:
    with pytest.raises(EngineFault, match="does not speak 'ja'"):
        await say(espeak, "おはようございます、駅はどこですか。", style=VoiceStyle(language="ja"))
