"""Scenarios: transcription sessions, which listen and do not answer."""

from __future__ import annotations

import base64
from typing import Any

import openai
from scenarios import expect, silence, speech
from talk import Talk, client, talk

PROMPT = "Hello there. What is the weather in Oslo? Stop please."
PCM = {"type": "audio/pcm", "rate": 24_000}
_TOLD = "conversation.item.input_audio_transcription"


async def a_session_of_turns_is_transcribed() -> str:
    """`intent=transcription`, and the model in the update: turns become items, each with its words."""
    async with talk(None, intent="transcription") as listening:
        session = await _listen(listening, "gpt-4o-transcribe", {"type": "server_vad"})
        expect(session.type == "transcription" and session.audio.input.turn_detection.silence_duration_ms == 500, f"{session}")
        await listening.append(silence(500) + speech("hello") + silence(1_000) + speech("weather") + silence(1_000))
        first, second = await _heard(listening), await _heard(listening)
        expect("hello" in first.lower() and "weather" in second.lower(), f"heard {first!r} and {second!r}")
        for kind in ("speech_started", "speech_stopped", "committed"):
            expect(len(listening.of(f"input_audio_buffer.{kind}")) == 2, f"{kind}: {listening.of(f'input_audio_buffer.{kind}')}")
        expect(not [event.type for event in listening.events if event.type.startswith("response.")], "it answered")
        return f"heard {first!r}, {second!r}"


async def a_model_alone_opens_a_session_that_transcribes() -> str:
    """A transcription model in `?model=`, without an intent."""
    async with talk("gpt-4o-mini-transcribe") as listening:
        session = listening.events[0].session
        expect(session.type == "transcription", f"the session is {session.type}")
        expect(session.audio.input.transcription.model == "gpt-4o-mini-transcribe", f"it is {session.audio.input}")
        await _listen(listening, "gpt-4o-mini-transcribe", {"type": "semantic_vad", "eagerness": "high"})
        await listening.append(silence(500) + speech("hello") + silence(2_500))
        text = await _heard(listening)
        expect("hello" in text.lower(), f"heard {text!r}")
        return f"heard {text!r}"


async def words_come_before_the_commit() -> str:
    """gpt-realtime-whisper: no turn detection; the client commits, and the words come as they are said."""
    async with talk(None, intent="transcription") as listening:
        session = await _listen(listening, "gpt-realtime-whisper", None, delay="low", prompt=None)
        expect(session.audio.input.turn_detection is None, f"turns are detected: {session.audio.input}")
        await listening.append(silence(500) + speech("hello") + silence(1_500))
        delta = await listening.until(f"{_TOLD}.delta")
        expect(not listening.of("input_audio_buffer.committed"), "the buffer was committed by itself")
        await listening.connection.input_audio_buffer.commit()
        committed = await listening.until("input_audio_buffer.committed")
        expect(committed.item_id == delta.item_id, f"the words are of {delta.item_id}, the item is {committed.item_id}")
        text = await _heard(listening)
        await listening.append(speech("stop") + silence(500))
        await listening.connection.input_audio_buffer.clear()
        await listening.until("input_audio_buffer.cleared")
        return f"heard {text!r}"


async def what_a_transcriber_cannot_do_is_refused() -> None:
    """Events and settings of conversations are refused, one by one, and the session goes on."""
    async with talk(None, intent="transcription") as listening:
        await _listen(listening, "gpt-4o-transcribe", None)
        connection = listening.connection
        await connection.response.create(event_id="evt_response")
        await listening.refused("evt_response", "invalid_value")
        session: Any = {"type": "realtime", "instructions": "Talk."}
        await connection.session.update(session=session, event_id="evt_realtime")
        await listening.refused("evt_realtime", "invalid_value")
        session = {"type": "transcription", "instructions": "Talk."}
        await connection.session.update(session=session, event_id="evt_talk")
        await listening.refused("evt_talk", "unknown_parameter")
        await connection.input_audio_buffer.commit(event_id="evt_empty")
        await listening.refused("evt_empty", "input_audio_buffer_commit_empty")
        await listening.append(silence(300) + speech("hello") + silence(500))
        await connection.input_audio_buffer.commit()
        expect("hello" in (await _heard(listening)).lower(), "nothing was heard after the errors")


async def a_secret_opens_a_session_that_transcribes() -> None:
    """A client secret made for transcription needs neither model nor intent."""
    wanted: Any = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe", "language": "en"}, "turn_detection": None}},
    }
    async with client() as web:
        secret = await web.realtime.client_secrets.create(session=wanted)
    expect(secret.session.type == "transcription", f"the secret is for {secret.session}")
    async with talk(None, secret.value) as listening:
        session = listening.events[0].session
        expect(session.type == "transcription" and session.audio.input.turn_detection is None, f"another session: {session}")
        await listening.append(silence(300) + speech("hello") + silence(500))
        await listening.connection.input_audio_buffer.commit()
        await _heard(listening)


async def speech_is_translated_while_it_goes_on() -> str:
    """A translation session: the source's words, the translation's words and its voice; then another language."""
    async with client() as web:
        if not {"es", "fr"} <= set(await _targets(web)):
            return await _refused(web)
        async with web.realtime.translations.connect(model="gpt-realtime-translate") as connection:
            first = await connection.recv()
            expect(first.type == "session.created" and first.session.type == "translation", f"the first event is {first}")
            audio: Any = {"output": {"language": "es"}, "input": {"transcription": {"model": "gpt-realtime-whisper"}}}
            await connection.session.update(session={"audio": audio})
            expect((await connection.recv()).type == "session.updated", "the update was not answered")
            await _speak(connection, silence(500) + speech("hello") + silence(1_500))
            spanish, heard = await _until_said(connection, "Hola")
            audio = {"output": {"language": "fr"}}
            await connection.session.update(session={"audio": audio})
            await _speak(connection, speech("hello") + silence(1_500))
            await connection.session.close()
            french, rest = await _until_closed(connection)
            expect("Bonjour" in french, f"after the change it says {french!r}")
            expect("hello" in (heard + rest).lower(), f"it heard {heard + rest!r}")
            return f"heard {heard.strip()!r}, said {spanish.strip()!r}, {french.strip()!r}"


async def a_secret_opens_a_session_that_translates() -> str:
    """A client secret of the route for translators brings the language along."""
    wanted: Any = {"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}}
    async with client() as web:
        if "es" not in await _targets(web):
            return "nothing here speaks Spanish"
        secret = await web.realtime.translations.client_secrets.create(session=wanted)
    expect(secret.value.startswith("ek_") and secret.session.type == "translation", f"the secret is for {secret.session}")
    async with (
        client(secret.value) as holder,
        holder.realtime.translations.connect(model="gpt-realtime-translate") as connection,
    ):
        first = await connection.recv()
        expect(first.type == "session.created" and first.session.audio.output.language == "es", f"another session: {first}")
        await _speak(connection, silence(300) + speech("hello") + silence(1_000))
        await connection.session.close()
        said, heard = await _until_closed(connection)
        expect("Hola" in said and not heard, f"it says {said!r}, and that it heard {heard!r}")
    return f"said {said.strip()!r}"


async def _targets(web: openai.AsyncOpenAI) -> list[str]:
    """Return the languages that the server's translator can be told to speak: a key of its own in the model's object."""
    model: Any = await web.models.retrieve("gpt-realtime-translate")
    found: list[str] = (model.to_dict().get("translation") or {}).get("targets", [])
    return found


async def _refused(web: openai.AsyncOpenAI) -> str:
    try:
        async with web.realtime.translations.connect(model="gpt-realtime-translate") as connection:
            await connection.recv()
    except Exception as error:  # noqa: BLE001 - the client lets its WebSocket library's error through
        status = getattr(getattr(error, "response", None), "status_code", 0)
        expect(status == 400, f"refused with {status}: {error}")
        return "nothing here speaks Spanish: refused at the door"
    raise AssertionError("a translator is opened that cannot speak")


async def _speak(connection: Any, audio: bytes) -> None:
    for start in range(0, len(audio), 9_600):
        chunk = base64.b64encode(audio[start : start + 9_600]).decode()
        await connection.session.input_audio_buffer.append(audio=chunk)


async def _until_said(connection: Any, words: str) -> tuple[str, str]:
    """Read until a text has been said and sounds; return all that was said and heard until then."""
    said, heard, audio = "", "", 0
    while words not in said or not audio:
        event = await connection.recv()
        expect(event.type != "error", f"an error: {event}")
        if event.type == "session.output_transcript.delta":
            said += event.delta
        elif event.type == "session.input_transcript.delta":
            heard += event.delta
        elif event.type == "session.output_audio.delta":
            expect((event.sample_rate, event.channels, event.format) == (24_000, 1, "pcm16"), f"the audio is {event}")
            audio += len(base64.b64decode(event.delta))
    return said, heard


async def _until_closed(connection: Any) -> tuple[str, str]:
    said, heard, closed = "", "", False
    async for event in connection:
        expect(event.type != "error", f"an error: {event}")
        said += event.delta if event.type == "session.output_transcript.delta" else ""
        heard += event.delta if event.type == "session.input_transcript.delta" else ""
        closed = event.type == "session.closed"
    expect(closed, "the session was not closed in good order")
    return said, heard


async def _listen(listening: Talk, model: str, turns: Any, **other: Any) -> Any:
    """Configure a session that transcribes; return it."""
    transcription = {"model": model, "language": "en", "prompt": PROMPT, **other}
    given = {name: value for name, value in transcription.items() if value is not None}
    return await listening.update(audio={"input": {"format": PCM, "transcription": given, "turn_detection": turns}})


async def _heard(listening: Talk) -> str:
    """Read on to the next transcript, and check that it is what its deltas said."""
    completed = await listening.until(f"{_TOLD}.completed")
    deltas = "".join(event.delta for event in listening.of(f"{_TOLD}.delta") if event.item_id == completed.item_id)
    expect(deltas == completed.transcript, f"the deltas say {deltas!r}, the end {completed.transcript!r}")
    expect(completed.usage.type in ("duration", "tokens"), f"the usage is {completed.usage}")
    items = [event.item_id for event in listening.of("input_audio_buffer.committed")]
    expect(completed.item_id in items, f"{completed.item_id} was never committed")
    return str(completed.transcript)
