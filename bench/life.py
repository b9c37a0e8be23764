"""What happens in a long conversation: acts, any of them at any time, each leaving the session ready for the next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bench.party import Party
from vivavoce.testing.script import Answer, AnswerLike, CallTool, Cut, Fail, Say

TOOL: Final = {
    "type": "function",
    "name": "look",
    "description": "Look something up.",
    "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
}
_LONG: Final = "It goes on, and it goes on, for as long as anybody listens. " * 16

ANSWERS: Final[tuple[AnswerLike, ...]] = (
    Answer([Say("One moment."), CallTool("look", {"what": "the weather"}, pieces=3)], when="^look it up"),
    Answer([Fail("no capacity", status=400)], when="^fail at once"),
    Answer([Say("That would be"), Cut()], when="^fail half way"),
    Answer([Say(_LONG)], when="^go on and on"),
    Answer([Say("It is sunny, and it will stay so.", delay_s=0.01)], when="^the weather is"),
    [Say("Hello, I am listening. What would you like me to do for you?", delay_s=0.02)],
    [Say("Very well. Is there anything else that I should know before I begin?", delay_s=0.02)],
    [Say("Yes.")],
)
"""What the brain does, for a repeating script."""

SPECIALS: Final = ("carrot soup", "onion tart", "lemon cake")
"""A few, again and again: a recognizer keeps what it has learned of the last vocabularies, and has learned these after some minutes."""

SERVER_VAD: Final[dict[str, Any]] = {"type": "server_vad", "silence_duration_ms": 500}

CONFIGURATION: Final[dict[str, Any]] = {
    "instructions": "You are a patient assistant. Answer in one sentence.",
    "tools": [TOOL],
    "audio": {"input": {"turn_detection": SERVER_VAD, "transcription": {"model": "gpt-realtime-whisper"}}},
}

Act = Callable[[Party], Awaitable[None]]


def manners(special: str) -> str:
    """Return instructions, and with them a vocabulary."""
    return f"You are patient. Today's special is {special}."


async def speak(party: Party) -> None:
    """Say something and hear the answer."""
    before = party.counts["response.done"]
    party.say()
    await party.said()
    await party.until(lambda: party.counts["response.done"] > before, "the answer to a turn")


async def barge_in(party: Party) -> None:
    """Interrupt an answer with another turn; half of the time say how much of it was heard."""
    audio = party.counts["response.output_audio.delta"]
    party.say()
    await party.said()
    if not await party.until(lambda: party.counts["response.output_audio.delta"] > audio, "an answer to interrupt"):
        return
    await asyncio.sleep(party.random.uniform(0.1, 0.6))
    started, done = party.counts["input_audio_buffer.speech_started"], party.counts["response.done"]
    party.say()
    await party.until(lambda: party.counts["input_audio_buffer.speech_started"] > started, "the start of a barge-in")
    if party.random.random() < 0.5:
        await _truncate(party, int(party.played_ms))
    await party.said()
    await party.until(lambda: party.counts["response.done"] > done, "the answer to a barge-in")


async def call_a_tool(party: Party) -> None:
    """Have the agent call a tool, and answer with its output."""
    party.calls.clear()
    await _ask(party, "Look it up, please.")
    for call_id in list(party.calls):
        output = {"type": "function_call_output", "call_id": call_id, "output": "The weather is sunny. " * 20}
        await party.send("conversation.item.create", item=output)
    if party.calls:
        await party.answered("response.done", party.send("response.create"))


async def ask_beside(party: Party) -> None:
    """Ask something outside of the conversation, while it goes on."""
    about = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sum it up."}]}]
    if party.items and party.random.random() < 0.5:
        about.append({"type": "item_reference", "id": party.items[-1]})
    wanted = {"conversation": "none", "output_modalities": ["text"], "input": about, "metadata": {"topic": "summary"}}
    party.say()
    await party.answered_or_refused("response.done", party.send("response.create", response=wanted))
    await party.said()
    await asyncio.sleep(1.0)


async def look_back(party: Party) -> None:
    """Retrieve items, old and new."""
    for _ in range(3):
        if party.items:
            wanted = party.random.choice(party.items)
            await party.answered_or_refused(
                "conversation.item.retrieved", party.send("conversation.item.retrieve", item_id=wanted)
            )


async def truncate(party: Party) -> None:
    """Truncate what was said last, somewhere."""
    await _truncate(party, party.random.randrange(0, 1 + int(party.spoken[2])))


async def delete(party: Party) -> None:
    """Delete an old item."""
    if party.items:
        wanted = party.items.popleft()
        await party.answered_or_refused("conversation.item.deleted", party.send("conversation.item.delete", item_id=wanted))


async def change_manners(party: Party) -> None:
    """Update the session: instructions, turn detection, transcription."""
    await party.update(instructions=manners(party.random.choice(SPECIALS)))
    detection = {"type": "semantic_vad", "eagerness": "high"} if party.random.random() < 0.5 else SERVER_VAD
    model = party.random.choice(("whisper-1", "gpt-realtime-whisper", "gpt-4o-transcribe"))
    await party.update(audio={"input": {"turn_detection": detection, "transcription": {"model": model}}})
    await speak(party)
    await party.free()
    await party.update(audio={"input": {"turn_detection": SERVER_VAD}})


async def change_format(party: Party) -> None:
    """Go on in another audio format."""
    await party.send("input_audio_buffer.clear")
    fmt = party.random.choice(("audio/pcm", "audio/pcmu", "audio/pcma"))
    wire = {"type": fmt, "rate": 24_000} if fmt == "audio/pcm" else {"type": fmt}
    update = {"type": "realtime", "audio": {"input": {"format": wire}, "output": {"format": wire}}}
    await party.answered_or_refused("session.updated", party.send("session.update", session=update))
    await speak(party)


async def say_nothing(party: Party) -> None:
    """Stay silent until the server asks."""
    await party.update(audio={"input": {"turn_detection": {**SERVER_VAD, "idle_timeout_ms": 5_000}}})
    await speak(party)
    triggered = party.counts["input_audio_buffer.timeout_triggered"]
    await party.until(lambda: party.counts["input_audio_buffer.timeout_triggered"] > triggered, "the idle time-out", 90.0)
    await party.free()
    await party.update(audio={"input": {"turn_detection": {**SERVER_VAD, "idle_timeout_ms": None}}})


async def cancel(party: Party) -> None:
    """Ask, and think better of it."""
    await party.write("Never mind.")
    before = party.counts["response.done"]
    await party.send("response.create")
    await asyncio.sleep(party.random.uniform(0.0, 0.3))
    await party.send("response.cancel")
    await party.until(lambda: party.counts["response.done"] > before, "the end of a cancelled response")


async def fail(party: Party) -> None:
    """Ask what breaks the brain, at once or half way."""
    await _ask(party, party.random.choice(("Fail at once.", "Fail half way.")))


async def read_slowly(party: Party) -> None:
    """Have a long answer made, stop reading for a while, and interrupt it in the end."""
    await party.write("Go on and on.")
    await party.send("response.create")
    party.reading.clear()
    await asyncio.sleep(party.random.uniform(2.0, 6.0))
    party.reading.set()
    await party.free()
    await speak(party)


async def commit_by_hand(party: Party) -> None:
    """Speak with turn detection off, and commit."""
    await party.update(audio={"input": {"turn_detection": None}})
    await party.send("input_audio_buffer.clear")
    party.say()
    await party.said()
    await party.answered_or_refused("input_audio_buffer.committed", party.send("input_audio_buffer.commit"))
    await party.answered("response.done", party.send("response.create"))
    await party.send("input_audio_buffer.clear")
    await party.update(audio={"input": {"turn_detection": SERVER_VAD}})


async def err(party: Party) -> None:
    """Send what no client should."""
    for frame in ("{", '{"type":"response.crate"}', '{"type":"input_audio_buffer.append","audio":"%%"}', "[]"):
        await party.answered("error", party.raw(frame))


ACTS: Final[tuple[tuple[int, Act], ...]] = (
    (8, speak),
    (5, barge_in),
    (3, call_a_tool),
    (2, ask_beside),
    (2, look_back),
    (2, truncate),
    (1, delete),
    (2, change_manners),
    (2, change_format),
    (1, say_nothing),
    (3, cancel),
    (2, fail),
    (1, read_slowly),
    (2, commit_by_hand),
    (1, err),
)

EXPECTED_ERRORS: Final = frozenset(
    {
        *("invalid_json", "invalid_event", "invalid_value", "invalid_type", "missing_required_parameter"),
        *(
            "item_truncate_invalid_item_id",
            "item_already_truncated",
            "item_retrieve_invalid_item_id",
            "item_delete_invalid_item_id",
        ),
        *("response_cancel_not_active", "conversation_already_has_active_response", "input_audio_buffer_commit_empty"),
    }
)
"""Codes that a life like this runs into by its own fault."""


async def live(party: Party, until_s: float, done: Counter[str], between: Callable[[], Awaitable[None]] | None = None) -> None:
    """Configure the session and do act after act until the loop's clock says it is time, counting them in `done`.

    Args:
        party: who lives it.
        until_s: when to stop, on the loop's clock.
        done: the acts by name.
        between: waited for between two acts, when nothing is under way.
    """
    await party.update(**CONFIGURATION)
    loop = asyncio.get_running_loop()
    acts = [act for _, act in ACTS]
    weights = [weight for weight, _ in ACTS]
    while loop.time() < until_s:
        act = party.random.choices(acts, weights)[0]
        await party.free()
        if between is not None:
            await between()
        await act(party)
        done[getattr(act, "__name__", "act")] += 1
        await asyncio.sleep(party.random.uniform(0.0, 1.0))


async def _ask(party: Party, text: str) -> None:
    await party.write(text)
    await party.answered("response.done", party.send("response.create"))
    await party.free()


async def _truncate(party: Party, at_ms: int) -> None:
    item = party.spoken[0]
    if item:
        cut = party.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=at_ms)
        await party.answered_or_refused("conversation.item.truncated", cut)
