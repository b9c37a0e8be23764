"""What the clients say: spoken by the product's own voice, so that no recording need be kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.codec import convert
from vivavoce.audio.wav import write_wav
from vivavoce.engines.ports import VoiceStyle
from vivavoce.engines.tts.available import default_synthesizer

SENTENCES: Final = {"hello": "Hello there.", "weather": "What is the weather in Oslo?", "stop": "Stop please."}
"""By name of the file: `hello.wav` at 24 kHz, `hello_8k.wav` at 8 kHz, 16-bit mono, with nothing before or after the words."""

_RATES_HZ: Final = {"": 24_000, "_8k": 8_000}


def record(folder: Path) -> None:
    """Write the recordings into a folder.

    Raises:
        EngineFault: there is no voice on this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (samples, rate_hz) in asyncio.run(_speak(SENTENCES)).items():
        for ending, wanted_hz in _RATES_HZ.items():
            write_wav(folder / f"{name}{ending}.wav", convert(samples, rate_hz, wanted_hz), wanted_hz)


async def _speak(sentences: dict[str, str]) -> dict[str, tuple[NDArray[np.int16], int]]:
    voice = default_synthesizer()
    await voice.warm()
    try:
        spoken = {}
        for name, sentence in sentences.items():
            spans = [span async for span in voice.synthesize(_one(sentence), VoiceStyle())]
            spoken[name] = (np.concatenate([span.pcm for span in spans]), spans[0].rate_hz)
        return spoken
    finally:
        await voice.close()


async def _one(sentence: str) -> AsyncIterator[str]:
    yield sentence
