"""How far a translation is behind the speaker, whether it stays there, and whether the text depends on how audio is sent.

A lecture of twelve minutes is interpreted in virtual time by the real session (core, runner, inbox, detector frames, resampling) with
scripted engines whose delays are those of real ones: a word is recognized 560 ms after it has ended, a translation takes 35 ms a word (a
small language model on a GPU), the voice 80 ms a phrase. The translation has a quarter more words than its source at the same pace: said
no faster it would fall behind, which is measured as well. It passes if the lag after ten minutes is at most 300 ms more than in the first
two, and if the text is the same, give or take two words, for audio in pieces of 20 ms, 200 ms and 5 s.

With recordings at hand (VIVAVOCE_SHARED) and a translator installed (apertium), real speech goes through the real engines as well.
"""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Final

from bench import report, translate_real
from bench.translate_session import Figures, apart, interpret
from vivavoce.engines.ports import SpeechSpan, TranslationRequest, VoiceStyle
from vivavoce.logs import configure_logs
from vivavoce.models.stack import Stack
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.clock import VirtualClockLoop
from vivavoce.testing.legible import LegibleRecognizer, LegibleWord, rendered
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator
from vivavoce.testing.vad import EnergyVad

WORD_MS: Final = 330
LONGER_BY: Final = 4
"""Every so many words of the source, the translation has one more: a quarter more words."""

MINUTES: Final = 12
"""Long enough for two minutes to be measured after the tenth."""

LATE_MS: Final = 300.0
"""What the lag may have grown by between the second and the tenth minute."""

WORDS_APART: Final = 2
CHUNKS_MS: Final = (20, 200, 5_000)
EARLY: Final = (0.0, 120.0)
LATE: Final = (600.0, 1e9)
_VOCABULARY: Final = (
    "the of and to in that it is was for on are with as at be this have from or had by not but what all were when we there can an your "
    "which their said if do will each about how up out them then she many some so these would other into has more her two like him see "
    "time could no make than first been its who now people my made over did down only way find use may water long little very after words"
)


def lecture(minutes: float, seed: int = 1) -> list[LegibleWord]:
    """Return a lecture: sentences of 5 to 25 words, a breath or a comma now and then, pauses of 0.2 to 0.7 s between them."""
    source = random.Random(seed)
    words: list[LegibleWord] = []
    vocabulary = _VOCABULARY.split()
    at_ms = 1_000
    while at_ms < minutes * 60_000:
        length = source.randint(5, 25)
        for place in range(length):
            text = source.choice(vocabulary) + ("." if place == length - 1 else "," if source.random() < 0.05 else "")
            lasts = round(WORD_MS * source.uniform(0.7, 1.3))
            words.append(LegibleWord(text, at_ms, at_ms + lasts))
            at_ms += lasts + (200 if source.random() < 0.1 else 0)
        at_ms += source.randint(200, 700)
    return words


def longer(request: TranslationRequest) -> str:
    """Return a translation with more words than its source. That of an open clause ends on a word that will change."""
    words = []
    for place, word in enumerate(request.text.split()):
        words.append(word.upper())
        if place % LONGER_BY == LONGER_BY - 1:
            words.append("MÁS")
    return " ".join([*words[:-1], words[-1] + "…"] if request.open else words)


class Unhurried(ScriptedSynthesizer):
    """A voice that does not go faster when it is told to."""

    def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncGenerator[SpeechSpan, None]:
        """Hum each clause, at the voice's own pace."""
        return super().synthesize(clauses, replace(style, speed=1.0))


async def lectured(words: list[LegibleWord], chunk_ms: int, voice: type[ScriptedSynthesizer]) -> Figures:
    """Interpret a script with scripted engines."""
    stack = Stack(
        EnergyVad(),
        LegibleRecognizer(words, lag_ms=500, delay_s=0.06, final_s=0.15),
        ScriptedBrain(),
        voice(word_ms=WORD_MS, delay_s=0.08),
        translator=ScriptedTranslator(longer, pairs=(("en", "es"),), delay_s=0.035),
    )
    length_ms = -(-(words[-1].end_ms + 2_000) // chunk_ms) * chunk_ms
    return await interpret(stack, rendered(words, length_ms).astype("<i2").tobytes(), "es", chunk_ms)


def _virtually(words: list[LegibleWord], chunk_ms: int, voice: type[ScriptedSynthesizer] = ScriptedSynthesizer) -> Figures:
    with VirtualClockLoop() as loop:
        return loop.run(lectured(words, chunk_ms, voice))


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = report.arguments(__doc__, "bench.translate")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="length of the lecture (at least 11)")
    parser.add_argument("--no-real", dest="real", action="store_false", help="leave out the real engines and their minutes")
    chosen = parser.parse_args()
    told = report.Report("Interpreting: lag and steadiness", "bench.translate", chosen.json)
    configure_logs("error")
    passed = _lag(told, lecture(chosen.minutes))
    passed = _chunks(told, lecture(3, seed=2)) and passed
    if chosen.real:
        translate_real.measure(told)
    told.finish()
    return 0 if passed else 1


def _lag(told: report.Report, words: list[LegibleWord]) -> bool:
    figures, unhurried = _virtually(words, 200), _virtually(words, 200, Unhurried)
    early, late = figures.between(*EARLY, 1), figures.between(*LATE, 1)
    rows = [
        ("average lag (ms)", f"{early:.0f}", f"{late:.0f}"),
        ("clause lag (ms)", f"{figures.between(*EARLY, 2):.0f}", f"{figures.between(*LATE, 2):.0f}"),
        ("speed of the voice", f"{figures.between(*EARLY, 3):.2f}", f"{figures.between(*LATE, 3):.2f}"),
        ("average lag if said no faster (ms)", f"{unhurried.between(*EARLY, 1):.0f}", f"{unhurried.between(*LATE, 1):.0f}"),
    ]
    first = ((figures.first_audio_s or 0.0) - words[0].start_ms / 1000) * 1000
    steady = late <= early + LATE_MS and not figures.errors
    notes = f"{len(figures.lags)} clauses; first audio {first:.0f} ms after the first word began; {len(figures.errors)} errors."
    told.table(f"A lecture of {words[-1].end_ms / 60_000:.1f} minutes", ("", "first two minutes", "after ten"), rows, notes=notes)
    told.say(f"{'PASS' if steady else 'FAIL'}: the lag grew by {late - early:.0f} ms; it may by {LATE_MS:.0f} ms.")
    told.add("lag", {"early_ms": early, "late_ms": late, "first_audio_ms": first, "clauses": len(figures.lags), "passed": steady})
    return steady


def _chunks(told: report.Report, words: list[LegibleWord]) -> bool:
    texts = {chunk_ms: _virtually(words, chunk_ms).text for chunk_ms in CHUNKS_MS}
    reference = texts[200]
    rows = [(f"{chunk_ms} ms", str(len(text.split())), str(apart(reference, text))) for chunk_ms, text in texts.items()]
    same = all(apart(reference, text) <= WORDS_APART for text in texts.values())
    told.table("The same three minutes, sent in pieces", ("pieces of", "words said", "words apart"), rows)
    told.say(f"{'PASS' if same else 'FAIL'}: the texts are at most {WORDS_APART} words apart.")
    told.add("chunks", {str(chunk_ms): apart(reference, text) for chunk_ms, text in texts.items()})
    return same


if __name__ == "__main__":
    sys.exit(main())
