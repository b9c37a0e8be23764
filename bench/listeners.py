"""What happens in long sessions that answer nobody: those of transcribers, who write down what is said, and of interpreters, who say it in
another language. Acts as in `life.py`, each leaving the session ready for the next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from bench.life import SERVER_VAD, Act
from bench.party import Party

TRANSCRIPTION: Final = "conversation.item.input_audio_transcription"
STREAMING: Final = ("gpt-realtime-whisper", "gpt-live-transcribe")
WHOLE: Final = ("whisper-1", "gpt-4o-transcribe", "gpt-transcribe")
DELAYS: Final = ("minimal", "low", "medium", "high", "xhigh")
LANGUAGES: Final = ("es", "fr", "de")


# --- transcribers ---------------------------------------------------------------------------------------------------------------


async def dictate(party: Party) -> None:
    """Speak and commit by hand; what is said comes while it is said."""
    await _listen(party, None, party.random.choice(STREAMING), delay=party.random.choice(DELAYS))
    for _ in range(3):
        party.say()
        await party.said()
        await party.answered(f"{TRANSCRIPTION}.completed", party.send("input_audio_buffer.commit"))


async def take_turns(party: Party) -> None:
    """Leave it to the detector where turns end."""
    await _listen(party, SERVER_VAD, party.random.choice((*WHOLE, *STREAMING)))
    for _ in range(2):
        before = party.counts[f"{TRANSCRIPTION}.completed"]
        party.say()
        await party.said()
        await party.until(lambda before=before: party.counts[f"{TRANSCRIPTION}.completed"] > before, "a turn's transcript")  # type: ignore[misc]


async def think_again(party: Party) -> None:
    """Speak, and clear the buffer in the middle of it."""
    await _listen(party, party.random.choice((None, SERVER_VAD)), STREAMING[0])
    party.say()
    await asyncio.sleep(0.5)
    await party.answered("input_audio_buffer.cleared", party.send("input_audio_buffer.clear"))
    await party.said()
    await asyncio.sleep(1.0)


async def hand_over(party: Party) -> None:
    """Take turns over from the detector while somebody speaks, and give them back."""
    await _listen(party, SERVER_VAD, STREAMING[0])
    party.say()
    await asyncio.sleep(0.6)
    await _listen(party, None, STREAMING[0])
    await party.said()
    await party.answered(f"{TRANSCRIPTION}.completed", party.send("input_audio_buffer.commit"))
    party.say()
    await asyncio.sleep(0.6)
    await _listen(party, SERVER_VAD, WHOLE[0])
    await party.said()
    await asyncio.sleep(1.0)


async def change_format(party: Party) -> None:
    """Go on in another audio format."""
    await _listen(party, None, STREAMING[0])
    await party.answered("input_audio_buffer.cleared", party.send("input_audio_buffer.clear"))
    fmt = party.random.choice(("audio/pcm", "audio/pcmu", "audio/pcma"))
    wire = {"type": fmt, "rate": 24_000} if fmt == "audio/pcm" else {"type": fmt}
    session = {"type": "transcription", "audio": {"input": {"format": wire}}}
    await party.answered_or_refused("session.updated", party.send("session.update", session=session))


async def go_on(party: Party) -> None:
    """Speak for a while and commit nothing."""
    await _listen(party, None, STREAMING[0])
    for _ in range(4):
        party.say()
        await party.said()
        await asyncio.sleep(0.4)


# --- interpreters ---------------------------------------------------------------------------------------------------------------


async def interpret(party: Party) -> None:
    """Speak, and hear it in the other language."""
    before = party.counts["session.output_audio.delta"]
    party.say()
    await party.said()
    await party.until(lambda: party.counts["session.output_audio.delta"] > before, "a translation")


async def change_language(party: Party) -> None:
    """Want another language, perhaps in the middle of a sentence."""
    party.say()
    await asyncio.sleep(party.random.uniform(0.0, 1.0))
    wanted = party.random.choice((None, {"model": "whisper-1"}))
    await party.update(audio={"input": {"transcription": wanted}, "output": {"language": party.random.choice(LANGUAGES)}})
    await party.said()


async def say_nothing(party: Party) -> None:
    """Be silent for a while."""
    await asyncio.sleep(party.random.uniform(2.0, 6.0))


# --- both -----------------------------------------------------------------------------------------------------------------------


async def read_slowly(party: Party) -> None:
    """Speak and stop reading for a while."""
    party.say()
    party.reading.clear()
    await asyncio.sleep(party.random.uniform(1.0, 4.0))
    party.reading.set()
    await party.said()


async def err(party: Party) -> None:
    """Send what no client should."""
    for frame in ("{", '{"type":"response.create"}', "[]", '{"type":"session.update","session":{"audio":7}}'):
        await party.answered("error", party.raw(frame))


TRANSCRIBING: Final[Sequence[tuple[int, Act]]] = (
    (6, dictate),
    (5, take_turns),
    (2, think_again),
    (2, hand_over),
    (2, change_format),
    (2, go_on),
    (1, read_slowly),
    (1, err),
)
INTERPRETING: Final[Sequence[tuple[int, Act]]] = (
    (8, interpret),
    (3, change_language),
    (1, say_nothing),
    (1, read_slowly),
    (1, err),
)


async def transcriber(party: Party, until_s: float, done: Counter[str]) -> None:
    """Live as a transcriber until the loop's clock says it is time."""
    await _live(party, TRANSCRIBING, until_s, done)


async def interpreter(party: Party, until_s: float, done: Counter[str]) -> None:
    """Live as an interpreter until the loop's clock says it is time; then have what remains said, and the session closed."""
    await party.update(audio={"output": {"language": LANGUAGES[0]}})
    await _live(party, INTERPRETING, until_s, done)
    await party.answered("session.closed", party.send("session.close"))


async def _live(party: Party, acts: Sequence[tuple[int, Act]], until_s: float, done: Counter[str]) -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < until_s:
        act = party.random.choices([act for _, act in acts], [weight for weight, _ in acts])[0]
        await act(party)
        done[f"{party.kind}: {getattr(act, '__name__', 'act')}"] += 1
        await asyncio.sleep(party.random.uniform(0.0, 1.0))


async def _listen(party: Party, detection: dict[str, Any] | None, model: str, **wanted: Any) -> None:
    await party.update(audio={"input": {"turn_detection": detection, "transcription": {"model": model, **wanted}}})
