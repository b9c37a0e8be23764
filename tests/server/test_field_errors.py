"""Every way a field can be wrong: the official code, the dotted path of the field, and nothing changed."""

from __future__ import annotations

import base64

import pytest

from kit import Client, Event, audio_in, create, detection, respond, serving, session, speech, text, truncate, user

AUDIO = base64.b64encode(speech(20)).decode()
VAD = "session.audio.input.turn_detection"
DEEP: object = 1
for _ in range(400):
    DEEP = [DEEP]


def tool(**fields: object) -> Event:
    return session(tools=[{"type": "function", **fields}])


def output(**fields: object) -> Event:
    return session(audio={"output": fields})


def assistant(part: str) -> Event:
    return {"type": "message", "role": "assistant", "content": [{"type": part, "transcript": "x"}]}


WRONG: dict[str, list[tuple[str, Event]]] = {
    "missing_required_parameter": [
        ("session", {"type": "session.update"}),
        ("session.type", {"type": "session.update", "session": {}}),
        ("session.tools[0].name", tool()),
        ("session.tools[0].type", session(tools=[{"name": "f"}])),
        ("session.audio.input.transcription.model", audio_in(transcription={"language": "en"})),
        ("audio", {"type": "input_audio_buffer.append"}),
        ("item", {"type": "conversation.item.create"}),
        ("item.type", create({})),
        ("item.role", create({"type": "message", "content": []})),
        ("item.content[0].text", create(user({"type": "input_text"}))),
        ("item.content[0].audio", create(user({"type": "input_audio"}))),
        ("item.call_id", create({"type": "function_call_output", "output": "1"})),
        ("item_id", {"type": "conversation.item.delete"}),
        ("item_id", {"type": "conversation.item.retrieve"}),
        ("audio_end_ms", {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0}),
        ("response.input[0].content[0].text", respond(input=[user({"type": "input_text"})])),
    ],
    "unknown_parameter": [
        ("why", {"type": "response.cancel", "why": 1}),
        ("session.temperature", session(temperature=0.8)),
        ("session.modalities", session(modalities=["text"])),
        ("session.voice", session(voice="alloy")),
        ("session.turn_detection", session(turn_detection=None)),
        ("session.audio.output.language", output(language="es")),
        ("session.audio.video", session(audio={"video": {}})),
        ("response.temperature", respond(temperature=1)),
        ("response.audio.output.speed", respond(audio={"output": {"speed": 1}})),
        ("item.colour", create(user(text("x"), colour="red"))),
    ],
    "invalid_type": [
        ("session", {"type": "session.update", "session": []}),
        ("session.instructions", session(instructions=7)),
        ("session.tools", session(tools=None)),
        ("session.parallel_tool_calls", session(parallel_tool_calls="yes")),
        (f"{VAD}.create_response", detection(create_response=1)),
        (f"{VAD}.threshold", detection(threshold="0.5")),
        ("content_index", truncate("a", index="0")),
        ("audio_end_ms", truncate("a", end=0.5)),
        ("audio_end_ms", truncate("a", end=True)),
        ("item.content", create({"type": "message", "role": "user", "content": "hello"})),
        ("response.input[0]", respond(input=[7])),
        ("response.metadata.k", respond(metadata={"k": 1})),
    ],
    "invalid_value": [
        ("session.output_modalities[0]", session(output_modalities=["video"])),
        ("session.output_modalities", session(output_modalities=["text", "audio"])),
        ("session.output_modalities", session(output_modalities=[])),
        ("response.output_modalities", respond(output_modalities=["audio", "text"])),
        ("session.audio.output.voice", output(voice="hal")),
        ("session.audio.output.voice", output(voice={"id": "voice_1"})),
        ("session.audio.input.format.type", audio_in(format={"type": "audio/mp3"})),
        ("session.audio.input.format.rate", audio_in(format={"type": "audio/pcm", "rate": 16_000})),
        (f"{VAD}.type", audio_in(turn_detection={"type": "psychic"})),
        ("session.tool_choice", session(tool_choice="maybe")),
        ("session.truncation", session(truncation="never")),
        ("session.include[0]", session(include=["item.everything"])),
        ("item.type", create({"type": "thought"})),
        ("item.role", create({"type": "message", "role": "tool", "content": [text("x")]})),
        ("item.content[0].type", create(assistant("output_audio"))),
        ("item.content[0].type", create({**user({"type": "input_audio", "audio": AUDIO}), "role": "system"})),
        ("item.content[0].image_url", create(user({"type": "input_image", "image_url": "http://x/y.png"}))),
        ("item.content[0].audio", create(user({"type": "input_audio", "audio": "*"}))),
        ("item.content[0].audio", create(user({"type": "input_audio", "audio": "AAAA"}))),
        ("item.arguments", create({"type": "function_call", "name": "f", "arguments": "{"})),
        ("item.arguments", create({"type": "function_call", "name": "f", "arguments": "[" * 100_000})),
        ("audio", {"type": "input_audio_buffer.append", "audio": "*"}),
        ("audio", {"type": "input_audio_buffer.append", "audio": "AAAA"}),
        ("response.conversation", respond(conversation="other")),
        ("response.input[0].id", respond(input=[{"type": "item_reference", "id": "item_x"}])),
    ],
    "integer_below_min_value": [
        ("session.max_output_tokens", session(max_output_tokens=0)),
        (f"{VAD}.prefix_padding_ms", detection(prefix_padding_ms=-1)),
        (f"{VAD}.idle_timeout_ms", detection(idle_timeout_ms=100)),
        ("audio_end_ms", truncate("a", end=-1)),
        ("content_index", truncate("a", index=-(10**400))),
    ],
    "integer_above_max_value": [
        ("session.max_output_tokens", session(max_output_tokens=10**400)),
        (f"{VAD}.idle_timeout_ms", detection(idle_timeout_ms=30_001)),
    ],
    "decimal_below_min_value": [("session.audio.output.speed", output(speed=0.2))],
    "decimal_above_max_value": [
        ("session.audio.output.speed", output(speed=3)),
        (f"{VAD}.threshold", detection(threshold=1.5)),
        (f"{VAD}.threshold", detection(threshold=10**400)),
    ],
    "string_above_max_length": [
        ("session.tools[0].name", tool(name="f" * 200)),
        ("response.metadata.k", respond(metadata={"k": "v" * 600})),
        ("item_id", {"type": "conversation.item.delete", "item_id": "i" * 513}),
    ],
    "string_below_min_length": [("session.tools[0].name", tool(name=""))],
    "array_below_min_length": [("item.content", create(user()))],
    "object_above_max_length": [("response.metadata", respond(metadata={str(n): "" for n in range(17)}))],
}


@pytest.mark.parametrize("code", WRONG)
async def test_a_wrong_field_is_refused_by_its_path(code: str) -> None:
    async with serving() as server, server.connect() as client:
        before = await client.session()
        for number, (param, frame) in enumerate(WRONG[code]):
            start = len(client.events)
            error = await client.refused({**frame, "event_id": f"mine_{number}"})
            told = {name: error[name] for name in ("type", "code", "param", "event_id")}
            assert told == {"type": "invalid_request_error", "code": code, "param": param, "event_id": f"mine_{number}"}, frame
            assert len(error["message"]) < 1_000
            assert await client.session() == before
            assert client.types(start) == ["error", "session.updated"]
        await _still_talks(client)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("session.instructions", "Invalid type for 'session.instructions': expected a string, but got an integer instead."),
        ("session.speed", "Unknown parameter: 'session.speed'."),
        ("session.type", "Missing required parameter: 'session.type'."),
    ],
)
async def test_the_words_are_those_of_the_service(path: str, message: str) -> None:
    name = path.removeprefix("session.")
    frame = {"type": "session.update", "session": {}} if name == "type" else session(**{name: 7})
    async with serving() as server, server.connect() as client:
        assert (await client.refused(frame))["message"] == message


@pytest.mark.parametrize(
    "frame",
    [
        session(tools=[{"type": "function", "name": "f", "parameters": {"deep": DEEP}}]),
        session(tracing={"metadata": {"deep": DEEP}}),
        create(user(text("x"), phase=DEEP)),
        respond(input=[DEEP]),
    ],
    ids=["tool", "tracing", "item", "input"],
)
async def test_a_frame_nested_too_deeply_is_refused_and_the_session_lives(frame: Event) -> None:
    async with serving() as server, server.connect() as client:
        error = await client.refused({**frame, "event_id": "deep"})
        assert error["type"] == "invalid_request_error"
        await _still_talks(client)


async def _still_talks(client: Client) -> None:
    await client.say("are you there?")
    assert (await client.respond())["status"] == "completed"
