"""Scenarios: opening sessions and configuring them."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from scenarios import MODEL, expect
from talk import WEATHER, Talk, client, talk, text_of


async def a_session_and_its_configuration() -> None:
    """Everything that may be configured comes back in `session.updated`."""
    async with talk() as talking:
        created = talking.events[0].session
        expect(created.model == MODEL and created.type == "realtime", f"another session: {created}")
        session = await talking.update(
            instructions="Be brief.",
            output_modalities=["text"],
            audio={
                "input": {
                    "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                    "turn_detection": {"type": "server_vad", "threshold": 0.6, "silence_duration_ms": 400},
                },
                "output": {"voice": "cedar", "speed": 1.2},
            },
            tools=[WEATHER],
            tool_choice="auto",
            max_output_tokens=500,
        )
        expect(
            session.instructions == "Be brief." and session.output_modalities == ["text"], f"not what was asked for: {session}"
        )
        detection = session.audio.input.turn_detection
        expect(
            (detection.threshold, detection.silence_duration_ms, detection.prefix_padding_ms) == (0.6, 400, 300), str(detection)
        )
        expect(
            session.audio.output.voice == "cedar" and session.audio.output.speed == 1.2, f"the voice is {session.audio.output}"
        )
        expect(session.tools[0].name == "get_weather" and session.max_output_tokens == 500, f"the tools are {session.tools}")
        session = await talking.update(audio={"input": {"turn_detection": None}})
        expect(session.audio.input.turn_detection is None, "turn detection is still on")
        expect(session.audio.input.transcription.language == "en", "an update of one thing has changed another")


async def models_are_listed() -> None:
    """The list of models names the one that sessions ask for, and it can be retrieved."""
    async with client() as web:
        names = [model.id async for model in web.models.list()]
        expect(MODEL in names, f"the models are {names}")
        expect((await web.models.retrieve(MODEL)).id == MODEL, "another model is retrieved")


async def two_sessions_at_once() -> None:
    """Sessions know nothing of each other."""
    async with talk() as one, talk() as other:
        await one.update(output_modalities=["text"], instructions="One.")
        session = await other.update(output_modalities=["text"])
        expect(session.instructions != "One.", "the instructions of another session")
        first, second = await asyncio.gather(one.ask("hello"), other.ask("anything"))
        expect("Hello!" in text_of(first) and "I see" in text_of(second), f"{text_of(first)!r}, {text_of(second)!r}")


async def a_client_secret_opens_the_session_it_was_made_for() -> None:
    """An `ek_` secret takes the place of the key, and brings its session along."""
    async with client() as web:
        wanted: Any = {"type": "realtime", "model": MODEL, "instructions": "Secretly.", "output_modalities": ["text"]}
        secret = await web.realtime.client_secrets.create(session=wanted, expires_after={"anchor": "created_at", "seconds": 60})
    expect(secret.value.startswith("ek_"), f"the secret is {secret.value[:3]}…")
    async with talk(key=secret.value) as talking:
        session = talking.events[0].session
        expect(session.instructions == "Secretly." and session.output_modalities == ["text"], f"another session: {session}")
        expect("Hello!" in text_of(await talking.ask("hello")), "no answer")


async def a_lost_connection_is_opened_again() -> None:
    """The client opens another session by itself when its connection is lost."""
    attempts: list[int] = []

    def again(event: Any) -> None:
        attempts.append(event.attempt)

    async with client() as web, web.realtime.connect(model=MODEL, on_reconnecting=again, initial_delay=0.05) as connection:
        talking = Talk(connection)
        first = await talking.read()
        connection._connection.transport.abort()  # what a network that goes away looks like
        async for event in connection:
            talking.events.append(event)
            if event.type == "session.created":
                break
        expect(attempts == [1], f"attempts: {attempts}")
        expect(talking.events[-1].session.id != first.session.id, "the same session")
        await talking.update(output_modalities=["text"])
        expect("Hello!" in text_of(await talking.ask("hello")), "no answer")


async def a_wrong_key_and_an_unknown_model_are_refused_at_the_door() -> None:
    """Before there is a session the refusal is an HTTP status."""
    expect(await _refusal(MODEL, "wrong") == 401, "a wrong key is let in")
    expect(await _refusal("no-such-model") == 404, "an unknown model is let in")
    async with client("wrong") as web:
        try:
            await web.models.list()
        except openai.AuthenticationError as error:
            expect(error.code == "invalid_api_key", f"the code is {error.code}")
        else:
            raise AssertionError("a wrong key is let in")


async def _refusal(model: str, key: str | None = None) -> int:
    try:
        async with talk(model, key) if key else talk(model):
            return 101
    except Exception as error:  # noqa: BLE001 - the client lets its WebSocket library's error through
        response = getattr(error, "response", None)
        return getattr(response, "status_code", 0) or getattr(error, "status_code", 0)
