"""The caller's voice: recordings played turn by turn, or the synthesizer in another voice than the agent's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.codec import convert
from vivavoce.audio.wav import WavError, read_wav
from vivavoce.cli.call.clock import SAMPLE_RATE_HZ
from vivavoce.cli.demo.guest import Guest
from vivavoce.cli.demo.order import Order
from vivavoce.cli.errors import FAILED, MISUSED, Trouble
from vivavoce.engines.ports import EngineFault, Synthesizer, VoiceStyle
from vivavoce.engines.tts.available import describe
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.tts.flite import FliteSynthesizer

AGENT_VOICE: Final = "marin"
CALLER_VOICE: Final = "alloy"
"""The voice the recognizer understands best goes to the one who has to be understood by it."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """What the caller says in one turn: int16 at 24 kHz, and its words where they are known."""

    label: str
    text: str
    pcm: NDArray[np.int16]


class Caller(Protocol):
    """Somebody on the phone."""

    wanted: Order | None
    """What the caller wants, where that is known."""

    about: str
    """Who speaks, in one sentence for the user."""

    async def warm(self) -> None:
        """Load whatever the first turn would otherwise wait for.

        Raises:
            Trouble: the voice cannot be used here.
        """
        ...

    async def next(self, agent_said: str, *, ordered: bool) -> Utterance | None:
        """Return the next turn, None to hang up; see `Guest.next`."""
        ...

    async def close(self) -> None:
        """Release the voice."""
        ...


class RecordedCaller:
    """Plays one file per turn, whatever the agent says.

    Args:
        files: WAV files, 16-bit, of any rate.

    Raises:
        Trouble: one cannot be read.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.wanted: Order | None = None
        self.about = f"The caller is recorded: {', '.join(file.name for file in files)}."
        self._turns = [_recorded(file) for file in files]

    async def warm(self) -> None:
        """Do nothing: the files are read."""

    async def next(self, agent_said: str, *, ordered: bool) -> Utterance | None:
        """Return the next file."""
        return self._turns.pop(0) if self._turns else None

    async def close(self) -> None:
        """Do nothing: nothing is held."""


class SynthesizedCaller:
    """Speaks a guest's words with a synthesizer.

    Args:
        voice: the synthesizer.
        wanted: the order.
    """

    def __init__(self, voice: Synthesizer, wanted: Order) -> None:
        self.wanted: Order | None = wanted
        self.about = (
            f"The caller is synthesized too: {voice.capabilities.name}, voice {CALLER_VOICE}; the agent has {AGENT_VOICE}. "
            "Give --caller FILE.wav to be the caller yourself."
        )
        self._voice = voice
        self._guest = Guest(wanted)

    async def warm(self) -> None:
        """Load the voice.

        Raises:
            Trouble: it cannot be used here.
        """
        try:
            await self._voice.warm()
        except EngineFault as fault:
            raise Trouble(fault.message, FAILED) from fault

    async def next(self, agent_said: str, *, ordered: bool) -> Utterance | None:
        """Return what the guest says next."""
        text = self._guest.next(agent_said, ordered=ordered)
        return None if text is None else Utterance(text, text, await self._say(text))

    async def close(self) -> None:
        """Release the voice."""
        await self._voice.close()

    async def _say(self, text: str) -> NDArray[np.int16]:
        spans = [span async for span in self._voice.synthesize(_only(text), VoiceStyle(voice=CALLER_VOICE))]
        return np.concatenate([convert(span.pcm, span.rate_hz, SAMPLE_RATE_HZ) for span in spans])


def english_voice(name: str) -> Synthesizer:
    """Return a synthesizer of English: the server's own, or where that one has no words, the best there is.

    Raises:
        Trouble: nothing here can speak.
    """
    if name not in ("flite", "espeak"):
        usable = [candidate for candidate in describe() if candidate.usable and "en" in candidate.languages]
        if not usable:
            ways = "; ".join(candidate.how_to_get for candidate in describe() if "en" in candidate.languages)
            raise Trouble(f"no voice is installed, and the demo needs one: {ways}")
        name = usable[0].name
    return FliteSynthesizer() if name == "flite" else EspeakSynthesizer()


def _recorded(file: Path) -> Utterance:
    try:
        pcm, _ = read_wav(file, SAMPLE_RATE_HZ)
    except WavError as error:
        raise Trouble(f"--caller: {error}", MISUSED) from error
    if not len(pcm):
        raise Trouble(f"--caller: {file.name} holds no audio", MISUSED)
    return Utterance(file.name, "", pcm)


async def _only(text: str) -> AsyncIterator[str]:
    yield text
