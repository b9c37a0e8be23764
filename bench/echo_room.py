"""Rooms to hear echoes in: an agent's answers from a loudspeaker, by some path, into a caller's microphone.

Answers are recordings of people reading; a path is loudspeaker, delay, attenuation and the response of a room; the microphone adds noise.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.detector import FRAME_MS, probabilities
from bench.speech import RATE_HZ, Samples, load, speech_folder
from vivavoce.audio import g711
from vivavoce.audio.codec import convert
from vivavoce.audio.echo import BLOCK_MS, EchoCanceller
from vivavoce.core.effects import Effect
from vivavoce.core.hearing import Hearing
from vivavoce.core.turns import Action
from vivavoce.protocol.formats import PCM
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.listening import ListeningConfig, turn_detection, turn_detection_defaults

ANSWER_S: Final = 8
GAP_S: Final = 1.5
BLOCK: Final = RATE_HZ * BLOCK_MS // 1000
LEVEL_DBFS: Final = -23.0
"""Loudness of answers and callers: that of broadcast speech."""

Signal = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Path:
    """How an answer comes back. Levels in dB against what was played; a room's times in ms."""

    name: str
    level_db: float | None
    """None: not at all."""
    delay_ms: float = 180.0
    room_ms: int = 0
    reverberation_ms: int = 250
    direct_db: float = 6.0
    """The direct sound against all reflections."""
    loudspeaker: bool = False
    """Whether a small one plays it: no bass, no treble, and some distortion."""
    telephone: bool = False
    drift_ppm: float = 0.0
    moved: bool = False
    """Whether the room becomes another one in the middle of each third answer."""
    noise_dbfs: float = -65.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what was played, and where its answers lie, in samples."""

    far: Samples
    answers: tuple[tuple[int, int], ...]


def loud(samples: Samples, level_dbfs: float = LEVEL_DBFS) -> Signal:
    """Return speech at a level: that of its parts within 30 dB of the loudest."""
    signal = samples.astype(np.float64)
    powers = np.square(signal[: len(signal) // BLOCK * BLOCK].reshape(-1, BLOCK)).mean(axis=1)
    active = powers[powers >= np.percentile(powers, 95) / 1000]
    return np.asarray(signal * 10 ** (level_dbfs / 20) * 32_768 / np.sqrt(active.mean()))


def call(answers: int) -> Call:
    """Return a call of so many answers of eight seconds, put together from dictations of several people.

    Raises:
        BenchError: the recordings are not there.
    """
    lines = (speech_folder() / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    files = [
        entry["file"] for entry in map(json.loads, lines) if entry["file"].startswith("dictation/") and entry["language"] == "en"
    ]
    voices = [loud(load(file)) for file in files]
    parts: list[Signal] = [np.zeros(RATE_HZ)]
    spans = []
    for index in range(answers):
        said = np.concatenate([voices[(3 * index + place) % len(voices)] for place in range(5)])[: ANSWER_S * RATE_HZ]
        begin = sum(map(len, parts))
        spans.append((begin, begin + len(said)))
        parts += [said, np.zeros(int(GAP_S * RATE_HZ))]
    far = np.concatenate(parts)
    return Call(_samples(far[: len(far) // BLOCK * BLOCK]), tuple(spans))


def echo(call: Call, path: Path) -> Signal:
    """Return what of a call comes back into the microphone."""
    played = call.far.astype(np.float64)
    if path.level_db is None:
        return np.zeros(len(played))
    if path.loudspeaker:
        played = _loudspeaker(played)
    heard = _in_room(played, path, seed=1)
    if path.moved:
        other = _in_room(played, path, seed=2)
        for begin, end in call.answers[2::3]:
            heard[(begin + end) // 2 :], other[(begin + end) // 2 :] = (
                other[(begin + end) // 2 :],
                heard[(begin + end) // 2 :].copy(),
            )
    if path.drift_ppm:
        heard = np.interp(np.arange(len(heard)) * (1 + path.drift_ppm * 1e-6), np.arange(len(heard)), heard)
    late = np.concatenate([np.zeros(round(path.delay_ms * RATE_HZ / 1000)), heard])[: len(heard)]
    returned = late * 10 ** (path.level_db / 20)
    return _telephone(returned) if path.telephone else returned


def microphone(near: Signal, noise_dbfs: float) -> Samples:
    """Return what a microphone makes of sounds: with the noise of a kitchen, faint unless told otherwise."""
    kitchen = np.resize(load("noise/kitchen.wav").astype(np.float64), len(near))
    kitchen *= 10 ** (noise_dbfs / 20) * 32_768 / np.sqrt(np.square(kitchen).mean())
    return _samples(near + kitchen)


def cancelled(near: Samples, far: Samples, canceller: EchoCanceller | None = None) -> Samples:
    """Return what is left after the canceller, block by block as on a call."""
    canceller = canceller or EchoCanceller(RATE_HZ)
    blocks = range(0, len(near) // BLOCK * BLOCK, BLOCK)
    return np.concatenate([canceller.process(near[at : at + BLOCK], far[at : at + BLOCK]) for at in blocks])


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that began: its onset, and when the detector was sure of it, in seconds of audio."""

    onset_s: float
    told_s: float


def turns(samples: Samples) -> list[Turn]:
    """Return the turns a session with default turn detection would take this audio for: Silero, and the session's own table."""
    out: list[Effect] = []
    hearing = Hearing(IdSource(), out, judged=False)
    detection = turn_detection(turn_detection_defaults("server_vad", 500))
    hearing.configure(ListeningConfig(input_format=PCM, transcription=None, turn_detection=detection))
    epoch = 1
    found = []
    for index, probability in enumerate(probabilities(samples)):
        at = round(index * FRAME_MS * RATE_HZ / 1000)
        hearing.append(samples[at : at + round(FRAME_MS * RATE_HZ / 1000)].astype("<i2").tobytes())
        action = hearing.frame(epoch, float(probability))
        if action is Action.START and hearing.turn is not None:
            padding_s = detection.prefix_padding_ms / 1000 if detection else 0
            found.append(Turn(hearing.turn.start / RATE_HZ + padding_s, (index + 1) * FRAME_MS / 1000))
        elif action is Action.STOP:
            hearing.finish_turn()
    return found


def level_db(samples: Samples | Signal, spans: Sequence[tuple[int, int]]) -> float:
    """Return the mean level within spans, in dB of 16-bit steps."""
    parts = np.concatenate([np.asarray(samples[begin:end], dtype=np.float64) for begin, end in spans])
    return 10 * float(np.log10(np.square(parts).mean() + 1e-3))


def _in_room(played: Signal, path: Path, seed: int) -> Signal:
    """Convolve with a synthetic response: a direct sound, and noise that decays."""
    if not path.room_ms:
        return played
    length = RATE_HZ * path.room_ms // 1000
    time = np.arange(length) / RATE_HZ
    response = np.random.default_rng(seed).standard_normal(length) * 10 ** (-3 * time / (path.reverberation_ms / 1000))
    response[: RATE_HZ // 500] = 0
    response *= np.sqrt(10 ** (-path.direct_db / 10) / np.square(response).sum())
    response[0] = 1
    response /= np.sqrt(np.square(response).sum())
    size = 1 << (len(played) + length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(response, size), size)[: len(played)]


def _loudspeaker(played: Signal) -> Signal:
    hz = np.fft.rfftfreq(len(played), 1 / RATE_HZ)
    response = 1 / np.sqrt(1 + (150 / np.maximum(hz, 1)) ** 4) / np.sqrt(1 + (hz / 8_000) ** 6)
    bent = np.fft.irfft(np.fft.rfft(played) * response, len(played)) / 32_768
    return np.asarray(np.tanh(bent / 0.6) * 0.6 * 32_768)


def _telephone(signal: Signal) -> Signal:
    narrow = g711.decode_mulaw(g711.encode_mulaw(convert(_samples(signal), RATE_HZ, 8_000)))
    return np.resize(convert(narrow, 8_000, RATE_HZ).astype(np.float64), len(signal))


def _samples(signal: Signal) -> Samples:
    return np.clip(np.rint(signal), -32_768, 32_767).astype(np.int16)
