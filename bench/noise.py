"""Noise reduction: what it does to the detector and to the recognizer, on clean speech and in noise.

Run: `python -m bench.noise [--limit N] [--strength S]`. Dictations are mixed with recorded noise, and with white noise, at 10 dB, go
through the reducer as in a session, and are judged by Silero and recognized by the embedded recognizer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.detector import THRESHOLD, probabilities_at_speech_rate
from bench.kit import BenchError
from bench.report import Report, arguments
from bench.speech import manifest, speech_folder
from bench.wer import Errors, errors
from vivavoce.audio.codec import to_float, to_int16
from vivavoce.audio.wav import read_wav
from vivavoce.engines.asr.pocketsphinx.recognizer import PocketsphinxRecognizer
from vivavoce.engines.noise.webrtc import DEPTHS_DB, WebRtcNoiseReducer, installed
from vivavoce.engines.ports import SPEECH_RATE_HZ, NoiseField, RecognitionOptions

SNR_DB: Final = 10.0
KINDS: Final = ("read", "read-book", "harvard")
NOISES: Final = {"kitchen": "noise/kitchen.wav", "people talking": "noise/people_talking.wav", "white": ""}
SETTINGS: Final[tuple[NoiseField | None, ...]] = (None, "near_field", "far_field")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of noise under one setting."""

    noise: str
    setting: str
    word_errors: float
    """Percent."""
    found: float
    """Of the frames the detector calls speech in the clean recording, how many it calls so here, percent."""
    alarms: float
    """Frames of the noise alone that it calls speech, percent."""
    left_db: float
    """Level of the noise alone, against how it came in."""
    cpu_ms: float
    """Per second of audio."""


def noise(name: str, length: int) -> Floats:
    """Return so much noise at -30 dBFS."""
    if not NOISES[name]:
        sound = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    else:
        sound = np.resize(to_float(read_wav(speech_folder() / NOISES[name], SPEECH_RATE_HZ)[0]), length)
    return np.asarray(sound * np.float32(10**-1.5) / np.sqrt(np.square(sound).mean()), dtype=np.float32)


def reduced(sound: Floats, setting: NoiseField | None, strength: float) -> Floats:
    """Return a sound as the session hears it: from the first sample on, in chunks of 20 ms."""
    if setting is None:
        return sound
    stream = WebRtcNoiseReducer().open(setting, strength)
    chunk = SPEECH_RATE_HZ // 50
    heard = [stream.feed(sound[start : start + chunk]) for start in range(0, len(sound), chunk)]
    return np.concatenate([*heard, stream.finish()])


async def recognized(recognizer: PocketsphinxRecognizer, sound: Floats, speaker: str) -> str:
    """Return what the recognizer makes of a sound."""

    async def audio() -> AsyncIterator[bytes]:
        yield to_int16(sound).tobytes()

    async for hypothesis in recognizer.recognize(audio(), RecognitionOptions(speaker=speaker)):
        if hypothesis.final:
            return hypothesis.text
    return ""


async def measure(limit: int, strength: float) -> list[Row]:
    """Return the rows of the table."""
    entries = [
        entry
        for kind in KINDS
        for entry in manifest(kind)
        if entry["language"] == "en" and entry["file"].startswith("dictation/")
    ]
    texts = [entry["text"] for entry in entries[:limit]]
    clean = [to_float(read_wav(speech_folder() / entry["file"], SPEECH_RATE_HZ)[0]) for entry in entries[:limit]]
    recognizer = PocketsphinxRecognizer(workers=1)
    await recognizer.warm()
    try:
        return [await _row(recognizer, texts, clean, name, setting, strength) for name in ("", *NOISES) for setting in SETTINGS]
    finally:
        await recognizer.close()


async def _row(
    recognizer: PocketsphinxRecognizer,
    texts: Sequence[str],
    clean: Sequence[Floats],
    name: str,
    setting: NoiseField | None,
    strength: float,
) -> Row:
    speech = [probabilities_at_speech_rate(sound) >= THRESHOLD for sound in clean]
    mixes = [_mixed(sound, noise(name, len(sound))) if name else sound for sound in clean]
    began = time.process_time()
    heard = [reduced(mix, setting, strength) for mix in mixes]
    seconds = sum(map(len, mixes)) / SPEECH_RATE_HZ
    cpu_ms = (time.process_time() - began) * 1000 / seconds
    found = [(probabilities_at_speech_rate(sound) >= THRESHOLD) & true for sound, true in zip(heard, speech, strict=True)]
    alone = noise(name, 30 * SPEECH_RATE_HZ) if name else np.zeros(SPEECH_RATE_HZ, np.float32)
    left = reduced(alone, setting, strength)
    alarms = probabilities_at_speech_rate(left) >= THRESHOLD
    said = [await recognized(recognizer, sound, f"{name}-{setting}-{index}") for index, sound in enumerate(heard)]
    wrong = sum((errors(text, words) for text, words in zip(texts, said, strict=True)), Errors())
    return Row(
        noise=name or "none",
        setting=setting or "off",
        word_errors=wrong.percent,
        found=100 * sum(map(np.sum, found)) / sum(map(np.sum, speech)),
        alarms=100 * float(alarms.mean()),
        left_db=10 * float(np.log10((np.square(left).mean() + 1e-12) / (np.square(alone).mean() + 1e-12))),
        cpu_ms=cpu_ms,
    )


def _mixed(sound: Floats, background: Floats) -> Floats:
    """Add noise so far below the loud half of a recording."""
    powers = np.square(sound[: len(sound) // 320 * 320].reshape(-1, 320)).mean(axis=1)
    loud = powers[powers >= np.median(powers)].mean()
    share = np.sqrt(loud / np.square(background).mean() * 10 ** (-SNR_DB / 10))
    return np.asarray(np.clip(sound + share * background, -1, 1), dtype=np.float32)


def main() -> None:
    parser = arguments(__doc__, "bench.noise")
    parser.add_argument("--limit", type=int, default=12, help="recordings to recognize")
    parser.add_argument("--strength", type=float, default=1.0, help="0 to 2")
    options = parser.parse_args()
    if not installed():
        raise SystemExit("skipped: noise reduction is not installed: pip install 'vivavoce[noise]'")
    report = Report("Noise reduction", "bench.noise", options.json)
    try:
        rows = asyncio.run(measure(options.limit, options.strength))
    except BenchError as error:
        raise SystemExit(str(error)) from error
    depths = ", ".join(f"{field} {depth:.0f} dB" for field, depth in DEPTHS_DB.items())
    report.table(
        f"Speech with noise {SNR_DB:.0f} dB below it; depth at strength 1: {depths}",
        ("noise", "setting", "WER %", "speech found %", "false alarms %", "noise left dB", "CPU ms/s"),
        [
            (
                row.noise,
                row.setting,
                f"{row.word_errors:.1f}",
                f"{row.found:.1f}",
                f"{row.alarms:.1f}" if row.noise != "none" else "",
                f"{row.left_db:+.1f}" if row.noise != "none" else "",
                f"{row.cpu_ms:.1f}",
            )
            for row in rows
        ],
        notes="false alarms and noise left: the noise alone at -30 dBFS; speech found: of what is found in the clean recording",
    )
    report.add("rows", [asdict(row) for row in rows])
    report.finish()


if __name__ == "__main__":
    main()
