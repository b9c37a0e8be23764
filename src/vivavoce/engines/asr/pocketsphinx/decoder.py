"""Two decoders, one for anything and one for what sessions declared: audio in, words out. Blocking; lives in a worker process.

The general model hears anything, roughly. A small model hears what a session's tools suggest, well, and forces everything else into
it; so a segment heard with a small model is judged (see `fit`), and heard again with the general one when it does not belong.

Source of the settings: `python -m bench.asr_orders`; names and defaults are PocketSphinx 5's. The second, flat-lexicon pass costs
the general model six times the final's latency and gains it nothing, but lifts a small model's orders by several points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pocketsphinx

from vivavoce.engines.asr.pocketsphinx.cepstral_mean import FRAMES_PER_S, CepstralMean, decoder_values, heard
from vivavoce.engines.asr.pocketsphinx.fit import Evidence, fit
from vivavoce.engines.asr.pocketsphinx.language_model import END, START
from vivavoce.engines.asr.pocketsphinx.protocol import Word
from vivavoce.engines.asr.pocketsphinx.small_models import SmallModels
from vivavoce.engines.asr.pocketsphinx.stability import StablePrefix

BACKGROUND_WORDS = 300
"""Common words let into every small model, so that "um, let me see" need not become a drink."""

_GENERAL = "_default"
"""The decoder's own name for the search it is born with."""
_BYTES_PER_S = 32_000
_FIRST_BYTES = _BYTES_PER_S
"""How much of an unknown speaker is heard before decoding starts: one second, for its cepstral mean."""
_RECONSIDER_BYTES = 3 * _BYTES_PER_S
"""How often a segment is judged while it is still open: open speech then moves to the general model before its end."""
_RECONSIDER_BELOW = -0.5
"""Stricter than at the end: an open segment has no confidences yet, and its last word is half said."""
_MOST_HMMS = 5_000
"""States searched in a frame, of 30,000 by default: where nothing fits, half a second of speech takes one to decode without a bound. Of 100
recordings it saves two fifths of the CPU and two thirds of the slowest finals for 0.5 points of errors (53.0 to 53.5 %); 3,000 cost four."""
_FRAME_MS = 1000 // FRAMES_PER_S


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a segment was heard as."""

    words: tuple[Word, ...]
    confidence: float
    mean: str
    """What is now known of the speaker (a `CepstralMean`)."""
    general: bool
    """Heard with the general model."""
    fit: float | None = None
    """How well the small model fitted (see `fit`), where one was tried."""

    @property
    def text(self) -> str:
        """The words as one text."""
        return " ".join(word.text for word in self.words)


class SpeechDecoder:
    """Hears one segment at a time.

    Args:
        settings: for the small models' decoder, in place of its own.
    """

    def __init__(self, settings: dict[str, float | bool] | None = None) -> None:
        self._general: Any = pocketsphinx.Decoder(loglevel="FATAL", fwdflat=False, maxhmmpf=_MOST_HMMS)
        self._english: Any = self._general.get_lm(_GENERAL)
        self._small = SmallModels(settings)
        self._background: dict[str, float] = {}
        self._decoder = self._general
        self._open = False
        self._model = ""
        self._known: CepstralMean | None = None
        self._speaker: CepstralMean | None = None
        self._start_mean = ""
        self._audio = bytearray()
        self._decoded = 0
        self._stable: StablePrefix | None = None
        self._fit: float | None = None

    def lookup(self, word: str) -> str | None:
        """Return the phones of a word, or None when the dictionary lacks it; `word(2)` asks for its second pronunciation."""
        phones: str | None = self._general.lookup_word(word)
        return phones

    def background(self) -> dict[str, float]:
        """Return the commonest words of the general model with their probabilities."""
        if not self._background:
            dictionary = Path(self._general.config["dict"]).read_text(encoding="utf-8")
            entries = {line.split(maxsplit=1)[0] for line in dictionary.splitlines() if line}
            words = (word for word in entries if word.replace("'", "").isalpha())
            commonest = sorted(((self._english.prob([word]), word) for word in words), reverse=True)[:BACKGROUND_WORDS]
            self._background = {word: math.exp(_natural(self._general, score)) for score, word in commonest}
        return self._background

    def start(self, model: str = "", mean: str = "", *, partials: bool = False, delay: str = "") -> None:
        """Begin a segment, forgetting any that is open.

        Args:
            model: path of a vocabulary's ARPA file, empty for the general model.
            mean: what is known of the speaker, as an earlier segment's `Recognition.mean` has it; empty when nothing is.
            partials: whether `feed` shall report stable prefixes.
            delay: how sure they must be (see `stability`); empty for the default.

        Raises:
            RuntimeError: the decoder cannot load the model.
            OSError: the model's files are gone.
        """
        self.abort()
        self._model = model
        self._known = self._speaker = CepstralMean.parse(mean)
        self._audio.clear()
        self._decoded = 0
        self._fit = None
        self._stable = StablePrefix(delay) if partials else None
        if model:
            self._small.activate(model)
        if self._known is not None:
            self._start_mean = self._known.start
            self._listen(model)

    def feed(self, pcm: bytes) -> tuple[Word, ...] | None:
        """Hear more audio (16 kHz s16le, whole samples); return the words of the stable prefix if it has grown.

        Raises:
            RuntimeError: the decoder failed.
        """
        self._audio += pcm
        if not self._open:
            if len(self._audio) < _FIRST_BYTES:
                return None
            self._get_acquainted()
        judged = self._decoded // _RECONSIDER_BYTES
        self._decode()
        if self._model and self._decoded // _RECONSIDER_BYTES > judged:
            self._reconsider()
        if self._stable is None:
            return None
        if self._decoder.hyp() is None:
            return None
        return self._stable.advance(self._words(), self._decoded * 1000 // _BYTES_PER_S)

    def finish(self) -> Recognition:
        """Close the segment and return what it was heard as.

        Raises:
            RuntimeError: the decoder failed.
        """
        if not self._open:
            if not self._audio:
                return Recognition((), 0.0, str(self._speaker or ""), general=not self._model)
            self._get_acquainted()
        self._decode()
        self._close()
        words, evidence = self._read()
        if self._model:
            self._fit = fit(evidence)
            if not words or self._fit < 0:
                self._listen("")
                self._decode()
                self._close()
                words, evidence = self._read()
        return Recognition(words, evidence.confidence or 0.0, str(self._speaker), general=not self._model, fit=self._fit)

    def abort(self) -> None:
        """Forget the open segment, if any."""
        if self._open:
            self._open = False
            self._decoder.end_utt()

    def _get_acquainted(self) -> None:
        """Take the mean of what has come of an unknown speaker's first segment, and start decoding with it."""
        decoder = self._small.decoder
        decoder.reinit_feat()  # once live, the front end stays so; afresh, it takes the mean of a whole utterance
        self._small.idle()
        decoder.start_utt()
        decoder.process_raw(bytes(self._audio), no_search=True, full_utt=True)
        values = decoder_values(decoder.get_cmn())
        decoder.end_utt()
        self._start_mean = CepstralMean(len(self._audio) * FRAMES_PER_S // _BYTES_PER_S, values).start
        self._listen(self._model)

    def _listen(self, model: str) -> None:
        """Open an utterance on the whole of the segment, so far undecoded."""
        self._model = model
        self._decoded = 0
        if model:
            self._decoder = self._small.decoder
            self._small.activate(model)
        else:
            self._decoder = self._general
        self._decoder.set_cmn(self._start_mean)
        self._decoder.start_utt()
        self._open = True

    def _decode(self) -> None:
        if self._decoded < len(self._audio):
            self._decoder.process_raw(bytes(memoryview(self._audio)[self._decoded :]))
            self._decoded = len(self._audio)

    def _close(self) -> None:
        self._open = False
        self._decoder.end_utt()
        learnt = heard(self._start_mean, self._decoder.get_cmn(update=True), self._decoder.n_frames())
        self._speaker = learnt if self._known is None else self._known.joined(learnt)
        self._start_mean = self._speaker.start  # better, should the segment be heard again

    def _reconsider(self) -> None:
        """Move an open segment to the general model when it does not look like belonging to the small one."""
        hypothesis = self._decoder.hyp()
        if hypothesis is None:
            return
        words = _said(hypothesis.hypstr.split())
        self._fit = fit(Evidence(self._seconds, self._lag(hypothesis.score), self._gain(words)))
        if self._fit < _RECONSIDER_BELOW:
            self.abort()
            self._listen("")
            self._decode()

    def _read(self) -> tuple[tuple[Word, ...], Evidence]:
        """Return the closed utterance's words, fillers left out, and what tells whether they were said."""
        hypothesis = self._decoder.hyp()
        if hypothesis is None:
            return (), Evidence(self._seconds, 0.0, 0.0, 0.0)
        words = self._words()
        length_ms = sum(word.end_ms - word.start_ms for word in words)
        sure = sum(word.confidence * (word.end_ms - word.start_ms) for word in words)
        confidence = round(sure / length_ms, 4) if length_ms else 0.0
        gain = self._gain([word.text for word in words])
        return words, Evidence(self._seconds, self._lag(hypothesis.score), gain, confidence)

    def _words(self) -> tuple[Word, ...]:
        """Return the words of the decoder's hypothesis, fillers left out; while the utterance is open their confidences say nothing."""
        words = []
        for segment in self._decoder.seg():
            for text in _said([segment.word]):
                confidence = 1.0 if self._open else round(min(1.0, max(0.0, segment.prob)), 4)
                words.append(Word(text, segment.start_frame * _FRAME_MS, (segment.end_frame + 1) * _FRAME_MS, confidence))
        return tuple(words)

    @property
    def _seconds(self) -> float:
        return max(self._decoded / _BYTES_PER_S, 0.01)

    def _lag(self, score: float) -> float:
        return -math.log(max(score, 1e-300)) / self._seconds

    def _gain(self, words: Sequence[str]) -> float:
        """Return how much likelier the words are in the small model than in the general one, log10 per word."""
        if not self._model:
            return 0.0
        ours = self._small.language_model(self._model)
        sentence = [START, *words, END]
        total = 0
        for end in range(2, len(sentence) + 1):
            latest_first = sentence[max(0, end - 3) : end][::-1]
            total += ours.prob(latest_first) - self._english.prob(latest_first)
        return _natural(self._general, total) / math.log(10) / (len(sentence) - 1)


def _natural(decoder: Any, score: float) -> float:
    """Return the natural logarithm a decoder's integer score stands for."""
    return score * math.log(float(decoder.config["logbase"]))


def _said(names: Sequence[str]) -> tuple[str, ...]:
    """Return the words among a hypothesis's entries: no silences or noises, and no number of the pronunciation."""
    return tuple(name.partition("(")[0] for name in names if name[0] not in "<[+")
