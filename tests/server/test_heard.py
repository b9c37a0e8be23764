"""The listening test: what the listener did not hear is not in the item, not in its audio, and not in what the brain is asked next.

An assistant counts a shopping list; a loudspeaker plays it in real time; after the fourth number the listener speaks. Everything is the
real thing: voice, detector, recognizer, server and socket, the clock included. Only the brain follows a script.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kit import Client, Event, Serving, scripted, serving, silence, truncate, wire_audio
from vivavoce.audio.codec import convert, decode
from vivavoce.audio.wav import read_wav
from vivavoce.dialogue.clauses import ClauseSplitter
from vivavoce.engines.ports import (
    EngineFault,
    RecognitionOptions,
    Recognizer,
    SpeechSpan,
    Synthesizer,
    Vocabulary,
    VoiceStyle,
)
from vivavoce.engines.tts.available import default_synthesizer
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.player import Cut, PlayerModel
from vivavoce.testing.script import Answer, CallTool, Say

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
GOODS = ("apples", "bread", "coffee", "butter", "lemons", "rice", "honey", "sugar", "onions", "milk")
LIST = " ".join(f"{number.capitalize()}: {good}." for number, good in zip(NUMBERS, GOODS, strict=True))
INTERRUPTED_AFTER = 4
LIST_WORDS = Vocabulary(keywords=tuple(f"{number} {good}" for number, good in zip(NUMBERS, GOODS, strict=True)))
ANSWERS = (
    Answer([Say(LIST, delay_s=0.3)], when="slowly"),
    Answer([Say(LIST), CallTool("note"), Say("That is all. I have written it down.")], when="and note it"),
    Answer([Say(LIST)], when="read"),
    "Yes?",
)
NOTE = {"type": "function", "name": "note", "parameters": {"type": "object", "properties": {}}}
FRAME_MS = 40
RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000}
BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8}


# --- engines --------------------------------------------------------------------------------------------------------------------


@dataclass
class House:
    """A server with a real voice and real ears."""

    server: Serving
    brain: ScriptedBrain
    voice: Synthesizer
    recognizer: Recognizer

    async def read_back(self, audio: bytes, fmt: str) -> str:
        """Return what is said in wire audio."""
        pcm = convert(decode(audio, fmt), RATES[fmt], 16_000).tobytes()

        async def feed() -> AsyncIterator[bytes]:
            for start in range(0, len(pcm), 6_400):
                yield pcm[start : start + 6_400]

        options = RecognitionOptions("en", LIST_WORDS, narrow_band=RATES[fmt] < 16_000)
        hypotheses = [hypothesis async for hypothesis in self.recognizer.recognize(feed(), options)]
        return hypotheses[-1].text

    async def timetable(self, speed: float) -> list[tuple[str, float]]:
        """Return the words of the list with the ms at which each has been said."""
        said: list[tuple[str, float]] = []
        start_ms = 0.0
        for span in await spans(self.voice, LIST, VoiceStyle("alloy", speed)):
            said += [(word.text, start_ms + word.end_ms) for word in span.words]
            start_ms += len(span.pcm) * 1000 / span.rate_hz
        return said


def voice_here() -> Synthesizer:
    """Return the voice of this machine."""
    try:
        return default_synthesizer()
    except EngineFault as fault:
        pytest.skip(fault.message)


async def spans(voice: Synthesizer, text: str, style: VoiceStyle) -> list[SpeechSpan]:
    """Say a text as a session does."""

    async def clauses() -> AsyncIterator[str]:
        splitter = ClauseSplitter()
        for clause in [*splitter.feed(text), *splitter.flush()]:
            yield clause

    return [span async for span in voice.synthesize(clauses(), style)]


async def said_by_machine(text: str) -> NDArray[np.int16]:
    """Return a text in the machine's voice, at 24 kHz."""
    voice = voice_here()
    said = [convert(span.pcm, span.rate_hz, 24_000) for span in await spans(voice, text, VoiceStyle("echo"))]
    await voice.close()
    return np.concatenate(said)


@asynccontextmanager
async def house() -> AsyncGenerator[House]:
    batched = pytest.importorskip("vivavoce.engines.vad.batched", reason="the detector does not import", exc_type=ImportError)
    module = "vivavoce.engines.asr.pocketsphinx.recognizer"
    pocketsphinx = pytest.importorskip(module, reason="the recognizer does not import", exc_type=ImportError)
    brain, voice = ScriptedBrain(*ANSWERS, repeat=True), voice_here()
    recognizer = pocketsphinx.PocketsphinxRecognizer(workers=len(WAYS))
    async with serving(scripted(brain, recognizer, voice, batched.BatchedVad())) as server:
        assert server.service.ready, server.service.failure
        await recognizer.prepare(LIST_WORDS)
        yield House(server, brain, voice, recognizer)


@pytest.fixture
async def interruption(request: pytest.FixtureRequest) -> NDArray[np.int16]:
    """What the listener says, at 24 kHz: a human voice where the recordings are there, else the machine's own."""
    try:
        speech: Path = request.getfixturevalue("speech")
    except pytest.skip.Exception:
        return await said_by_machine("Wait, please stop there.")
    return read_wav(speech / "commands" / "ps_cards_001.wav", 24_000)[0]


# --- the listener ---------------------------------------------------------------------------------------------------------------


@dataclass
class Listener:
    """A client with a loudspeaker and a microphone, both in real time.

    Args:
        client: the session.
        truncates: whether it tells the server what it has heard, as the agents SDKs do, or leaves that to the server's estimate.
        player: its loudspeaker.
    """

    client: Client
    truncates: bool
    player: PlayerModel = field(default_factory=PlayerModel)
    silent: bool = False
    told: Cut | None = None
    """What it has told the server."""

    async def until(self, kind: str) -> Event:
        """Read and play on until an event of this type."""
        while True:
            event = await self.client.read()
            self.player.take(event)
            if event["type"] == "input_audio_buffer.speech_started":
                await self._fall_silent()
            if event["type"] == kind:
                return event

    async def interrupt(self, item: str, after_ms: float, words: NDArray[np.int16]) -> None:
        """Listen to the item, microphone open, and speak once this much of it has been heard."""
        speaking = wire_audio(words, 24_000) + silence(800)
        quiet, size, place = silence(FRAME_MS), FRAME_MS * 48, 0
        due = time.monotonic()
        while place < len(speaking):
            frame = quiet
            if place or self.player.heard_ms(item) >= after_ms:
                frame = speaking[place : place + size]
                place += size
            await self.client.append(frame)
            if self.silent:
                continue  # Nothing sounds any more: what is left to say need not take its time.
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _fall_silent(self) -> None:
        cuts = self.player.interrupt()
        self.silent = True
        if self.truncates and cuts:
            self.told = cuts[0]
            await self.client.frame(self.told.truncate())

    async def retrieve(self, item: str) -> Event:
        """Return the only content part of an item."""
        await self.client.send("conversation.item.retrieve", item_id=item)
        part: Event = (await self.until("conversation.item.retrieved"))["item"]["content"][0]
        return part


HOMOPHONES = {"to": "two", "for": "four"}
"""A word cut off in the middle is not always spelled as meant."""


def entries(text: str) -> list[int]:
    """Return the entries of the list that a text names, by number or by goods, in order and each once."""
    words = [HOMOPHONES.get(word, word) for word in re.findall(r"[a-z]+", text.lower())]
    named = [(NUMBERS if word in NUMBERS else GOODS).index(word) + 1 for word in words if word in NUMBERS + GOODS]
    return list(dict.fromkeys(named))


# --- the test -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One way of being told the list. `asked` chooses the brain's answer, `status` is how it ends."""

    asked: str
    status: str = "completed"
    fmt: str = "audio/pcm"
    speed: float = 1.0


WAYS = (
    Way("Please read the list and note it."),
    Way("Please read the list slowly.", status="cancelled"),
    Way("Please read the list.", fmt="audio/pcmu", speed=1.2),
)
"""Two messages in one answer, an answer still under way when it is interrupted, and a telephone in a hurry."""


async def interrupted(house: House, way: Way, truncates: bool, words: NDArray[np.int16]) -> None:
    """Interrupt the list after its fourth number, and look for what was not heard wherever it must not be."""
    said = await house.timetable(way.speed)
    trigger_ms = next(end for word, end in said if word.lower().startswith(NUMBERS[INTERRUPTED_AFTER - 1]))
    async with house.server.connect() as client:
        listener = Listener(client, truncates)
        session = await client.update(tools=[NOTE], audio={"output": {"format": {"type": way.fmt}, "speed": way.speed}})
        for event in client.events:
            listener.player.take(event)
        await client.say(way.asked)
        await client.send("response.create")
        item = (await listener.until("response.output_item.added"))["item"]["id"]
        speaking = asyncio.create_task(listener.interrupt(item, trigger_ms, words))
        await listener.until("input_audio_buffer.committed")
        await speaking
        await listener.until("response.created")
        await listener.until("response.done")
        first, second = (event["response"] for event in client.of("response.done"))
        part = await listener.retrieve(item)
        unheard = [await listener.retrieve(later["id"]) for later in first["output"][1:] if later["type"] == "message"]
    assert (first["status"], second["status"]) == (way.status, "completed"), (way, second["status_details"])

    played, kept = listener.player.heard(item), base64.b64decode(part["audio"])
    asked = [request for request in house.brain.requests if request.session == session["id"]][-1]
    told = [message.text for message in asked.messages if message.role == "assistant"]
    found = {
        "the text": entries(part["transcript"]),
        "the context": entries(" ".join(told)),
        "the audio": entries(await house.read_back(kept, way.fmt)),
    }
    if listener.told is None:  # Otherwise it is the same audio: see below.
        found["the loudspeaker"] = entries(await house.read_back(played, way.fmt))
    for place, named in found.items():
        assert abs(named[-1] - INTERRUPTED_AFTER) <= 1, (way, place, found)
        assert named == list(range(1, named[-1] + 1)), (way, place, found)
    assert told == [part["transcript"]], "the brain is told what the item says, and nothing of what came after it"
    assert all(base64.b64decode(later.get("audio", "")) == b"" and later["transcript"] == "" for later in unheard), way
    assert bool(unheard) == way.asked.endswith("note it."), way
    assert (listener.told is not None) == truncates, way
    if listener.told is not None:
        at_ms = listener.told.audio_end_ms
        assert kept == played[: at_ms * BYTES_PER_MS[way.fmt]], "the very audio that was heard, to the ms"
        by_then = [[word for word, end in said if end <= at_ms + rounding] for rounding in (-2, 2)]
        assert part["transcript"].split() in by_then, "every word that was heard to its end, and no other"


@pytest.mark.parametrize("truncates", [True, False], ids=["the client truncates", "the server estimates"])
async def test_what_was_not_heard_is_neither_in_the_item_nor_in_its_audio_nor_in_the_next_request(
    truncates: bool, interruption: NDArray[np.int16]
) -> None:
    async with house() as home:
        await asyncio.gather(*(interrupted(home, way, truncates, interruption) for way in WAYS))


async def test_on_the_telephone_players_may_round_up_but_not_invent_and_may_go_back_but_not_on() -> None:
    async with house() as home, home.server.connect() as client:
        listener, said = Listener(client, truncates=False), await home.timetable(1.2)
        await client.update(audio={"output": {"format": {"type": "audio/pcmu"}, "speed": 1.2}})
        await client.say("Please read the list.")
        response = await client.respond()
        item, length_ms = response["output"][0]["id"], len(client.audio(response["id"])) // BYTES_PER_MS["audio/pcmu"]

        error = await client.refused(truncate(item, end=length_ms + 60_000))
        assert (error["code"], error["param"]) == ("invalid_value", "audio_end_ms")
        assert entries((await listener.retrieve(item))["transcript"]) == list(range(1, 11)), "what is refused changes nothing"
        for end, until_ms in ((length_ms + 300, length_ms), (5_000, 5_000), (2_000, 2_000)):
            await client.frame(truncate(item, end=end))
            assert abs((await client.until("conversation.item.truncated"))["audio_end_ms"] - until_ms) <= 1
            part = await listener.retrieve(item)
            assert part["transcript"].split() == [word for word, ms in said if ms <= until_ms + 1]
            assert abs(len(base64.b64decode(part["audio"])) - until_ms * BYTES_PER_MS["audio/pcmu"]) <= BYTES_PER_MS["audio/pcmu"]
        assert (await client.refused(truncate(item, end=3_000)))["code"] == "item_already_truncated"
