"""`session.update`: what is kept, what is merged, what is locked, and what clients may repeat."""

from __future__ import annotations

from typing import Any

import pytest

from kit import MODEL, REASONING_MODEL, TURN, Event, scripted, serving, session, silence, speech
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.endpointer import ScriptedEndpointer

SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
TOOL = {"type": "function", "name": "f", "description": "Do it.", "parameters": {"type": "object", "properties": {}}}


async def test_a_new_session_has_the_recorded_keys_in_the_recorded_order() -> None:
    async with serving() as server, server.connect() as client:
        session = client.events[0]["session"]
    assert list(session) == [
        *("type", "object", "id", "model", "output_modalities", "instructions", "tools", "tool_choice", "max_output_tokens"),
        *("tracing", "truncation", "prompt", "expires_at", "audio", "include"),
    ]
    assert session["audio"]["input"] == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": SERVER_VAD,
    }
    assert session["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "alloy", "speed": 1.0}
    assert session["id"].startswith("sess_")


@pytest.mark.parametrize(("model", "voice", "silence_ms"), [(MODEL, "alloy", 200), (REASONING_MODEL, "marin", 500)])
async def test_models_start_with_their_recorded_defaults(model: str, voice: str, silence_ms: int) -> None:
    async with serving() as server, server.connect(model) as client:
        session = client.events[0]["session"]
    assert session["model"] == model
    assert session["audio"]["output"]["voice"] == voice
    assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == silence_ms


async def test_an_update_changes_what_it_names_and_keeps_the_rest() -> None:
    async with serving() as server, server.connect() as client:
        before = await client.session()
        first = await client.update(instructions="Be brief.", tools=[TOOL], tool_choice="required", max_output_tokens=100)
        assert first == {
            **before,
            "instructions": "Be brief.",
            "tools": [TOOL],
            "tool_choice": "required",
            "max_output_tokens": 100,
        }
        second = await client.update(audio={"output": {"speed": 1.25}})
        assert second["audio"] == {**first["audio"], "output": {**first["audio"]["output"], "speed": 1.25}}
        assert {name: second[name] for name in second if name != "audio"} == {n: first[n] for n in first if n != "audio"}
        third = await client.update(tools=[], audio={"input": {"transcription": {"model": "whisper-1"}}})
        assert third["tools"] == []
        assert third["audio"]["output"] == second["audio"]["output"]
        assert third["audio"]["input"]["turn_detection"] == SERVER_VAD


async def test_an_empty_update_is_acknowledged_with_the_whole_session() -> None:
    async with serving() as server, server.connect() as client:
        assert await client.session() == client.events[0]["session"]


async def test_empty_instructions_restore_the_built_in_ones() -> None:
    async with serving() as server, server.connect() as client:
        built_in = (await client.session())["instructions"]
        assert len(built_in) > 100
        assert (await client.update(instructions="Be brief."))["instructions"] == "Be brief."
        assert (await client.update(instructions=""))["instructions"] == built_in


async def test_the_model_is_tolerated_and_ignored() -> None:
    async with serving() as server, server.connect() as client:
        assert (await client.update(model=MODEL))["model"] == MODEL
        assert (await client.update(model="gpt-realtime-99"))["model"] == MODEL


async def test_a_client_may_send_back_the_session_it_was_told() -> None:
    async with serving() as server, server.connect() as client:
        told = await client.update(tools=[TOOL], audio={"input": {"transcription": {"model": "whisper-1"}}})
        assert await client.update(**{name: value for name, value in told.items() if name != "type"}) == told


NO_ANSWER = {"create_response": False}
DETECTION: list[tuple[str, list[Any], Any]] = [
    (
        "a partial update keeps the rest",
        [{"threshold": 0.7}, {"idle_timeout_ms": 9_000}],
        {"threshold": 0.7, "idle_timeout_ms": 9_000},
    ),
    ("and so with a type", [{"threshold": 0.7}, {"type": "server_vad", **NO_ANSWER}], {"threshold": 0.7, **NO_ANSWER}),
    ("without a type the type stays", [NO_ANSWER, {"interrupt_response": False}], {**NO_ANSWER, "interrupt_response": False}),
    ("another type starts from its defaults", [{"type": "semantic_vad"}], SEMANTIC_VAD),
    ("without a type it stays semantic", [{"type": "semantic_vad"}, NO_ANSWER], {**SEMANTIC_VAD, **NO_ANSWER}),
    ("eagerness alone", [{"type": "semantic_vad"}, {"eagerness": "high"}], {**SEMANTIC_VAD, "eagerness": "high"}),
    ("and back again", [{"threshold": 0.7}, {"type": "semantic_vad"}, {"type": "server_vad"}], {}),
    ("null turns it off", [None], None),
    ("an object turns it on again", [None, {"type": "server_vad", "silence_duration_ms": 700}], {"silence_duration_ms": 700}),
    ("unknown keys inside are ignored", [{"type": "semantic_vad", "model_version": "x"}], SEMANTIC_VAD),
    ("idle timeout set and unset", [{"idle_timeout_ms": 6_000}, {"idle_timeout_ms": None}], {}),
]


@pytest.mark.parametrize(("updates", "expected"), [row[1:] for row in DETECTION], ids=[row[0] for row in DETECTION])
async def test_turn_detection_is_merged_deeply_and_echoed_complete(updates: list[Any], expected: Event | None) -> None:
    async with serving(scripted(endpointer=ScriptedEndpointer())) as server, server.connect() as client:
        for update in updates:
            got = (await client.update(audio={"input": {"turn_detection": update}}))["audio"]["input"]["turn_detection"]
    semantic = expected is not None and expected.get("type") == "semantic_vad"
    assert got == (expected if expected is None or semantic else {**SERVER_VAD, **expected})


async def test_without_a_type_there_must_be_a_detection_to_change() -> None:
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        error = await client.refused(session(audio={"input": {"turn_detection": {"create_response": False}}}))
        assert (error["code"], error["param"]) == ("missing_required_parameter", "session.audio.input.turn_detection.type")


async def test_a_partial_update_leaves_detection_at_work() -> None:
    """The merge that loses the type, and with it the detection, has broken other servers."""
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": {"create_response": True}}})
        await client.append(TURN)
        assert (await client.done())["status"] == "completed"


async def test_transcription_is_echoed_complete_merged_and_removed_by_null() -> None:
    async with serving() as server, server.connect() as client:
        for update, expected in (
            ({"model": "whisper-1"}, {"model": "whisper-1", "language": None, "prompt": None}),
            ({"language": "de"}, {"model": "whisper-1", "language": "de", "prompt": None}),
            ({"model": "gpt-4o-transcribe"}, {"model": "gpt-4o-transcribe", "language": "de", "prompt": None}),
            (None, None),
        ):
            echoed = (await client.update(audio={"input": {"transcription": update}}))["audio"]["input"]["transcription"]
            assert echoed == expected
        await client.append(TURN)
        await client.done()
        assert not [kind for kind in client.types() if "transcription" in kind]


@pytest.mark.parametrize("choice", ["none", {"type": "function", "name": "f"}, "auto"])
async def test_tool_choice_is_echoed_as_it_was_sent(choice: Any) -> None:
    async with serving() as server, server.connect() as client:
        assert (await client.update(tools=[TOOL], tool_choice=choice))["tool_choice"] == choice


async def test_tools_keep_keys_we_do_not_know() -> None:
    tool = {**TOOL, "strict": True, "meta": {"owner": "x"}, "description": "d" * 5_000}
    async with serving() as server, server.connect() as client:
        assert (await client.update(tools=[tool]))["tools"] == [tool]


async def test_reasoning_and_parallel_calls_are_echoed_once_set() -> None:
    async with serving() as server, server.connect(REASONING_MODEL) as client:
        assert not {"reasoning", "parallel_tool_calls"} & set(await client.session())
        updated = await client.update(reasoning={"effort": "high"}, parallel_tool_calls=False)
        assert (updated["reasoning"], updated["parallel_tool_calls"]) == ({"effort": "high"}, False)


async def test_tracing_may_be_set_once_and_repeated() -> None:
    async with serving() as server, server.connect() as client:
        for _ in range(2):
            assert (await client.update(tracing="auto"))["tracing"] == "auto"
        assert (await client.refused(session(tracing=None)))["param"] == "session.tracing"


@pytest.mark.parametrize("limit", ["inf", 1, 4_096, 32_000])
async def test_output_token_limits(limit: Any) -> None:
    async with serving() as server, server.connect() as client:
        assert (await client.update(max_output_tokens=limit))["max_output_tokens"] == limit


@pytest.mark.parametrize(
    "truncation",
    ["disabled", "auto", {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 100}}],
)
async def test_truncation_is_echoed(truncation: Any) -> None:
    async with serving() as server, server.connect() as client:
        assert (await client.update(truncation=truncation))["truncation"] == truncation


async def test_the_voice_may_change_until_the_assistant_has_spoken_and_be_repeated_after() -> None:
    async with serving() as server, server.connect() as client:
        assert (await client.update(audio={"output": {"voice": "echo"}}))["audio"]["output"]["voice"] == "echo"
        await client.update(output_modalities=["text"])
        await client.respond()
        assert (await client.update(audio={"output": {"voice": "sage"}}))["audio"]["output"]["voice"] == "sage"
        await client.update(output_modalities=["audio"])
        await client.respond()
        error = await client.refused(session(audio={"output": {"voice": "echo", "speed": 1.5}}))
        assert error["code"] == "cannot_update_voice"
        again = await client.update(audio={"output": {"voice": "sage", "speed": 0.5}})
        assert again["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "sage", "speed": 0.5}


async def test_what_is_updated_shapes_the_next_response() -> None:
    brain = ScriptedBrain("one.", repeat=True)
    async with serving(scripted(brain)) as server, server.connect(REASONING_MODEL) as client:
        await client.update(
            instructions="Be brief.", tools=[TOOL], tool_choice="none", max_output_tokens=50, reasoning={"effort": "minimal"}
        )
        await client.respond()
        asked = brain.requests[0]
        assert asked.messages[0].text == "Be brief."
        assert [tool["name"] for tool in asked.tools] == ["f"]
        assert (asked.tool_choice, asked.max_output_tokens, asked.effort, asked.spoken) == ("none", 50, "minimal", True)
        await client.respond(
            instructions="Be long.", tools=[], max_output_tokens="inf", reasoning={"effort": "low"}, output_modalities=["text"]
        )
        asked = brain.requests[1]
        assert (asked.messages[0].text, asked.tools, asked.effort, asked.spoken) == ("Be long.", (), "low", False)
        await client.respond()
        assert brain.requests[2].messages[0].text == "Be brief.", "what a response overrides, it overrides for itself alone"


async def test_without_create_response_a_turn_is_heard_and_not_answered() -> None:
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": {"create_response": False}}})
        await client.append(TURN)
        await client.until("conversation.item.done")
        assert not [event for event in await client.settled() if event["type"].startswith("response.")]
        assert (await client.respond())["status"] == "completed"


async def test_turn_detection_may_be_turned_off_in_the_middle_of_a_turn() -> None:
    async with serving() as server, server.connect() as client:
        await client.append(silence(200) + speech(800))
        await client.until("input_audio_buffer.speech_started")
        await client.update(audio={"input": {"turn_detection": None}})
        await client.append(silence(1_500))
        assert not await client.settled()
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")


async def test_updates_are_acknowledged_in_order() -> None:
    async with serving() as server, server.connect() as client:
        for number in range(50):
            await client.send("session.update", session={"type": "realtime", "instructions": f"{number}"})
        told = [(await client.until("session.updated"))["session"]["instructions"] for _ in range(50)]
    assert told == [str(number) for number in range(50)]


async def test_an_option_taken_back_with_null_has_its_default_again() -> None:
    async with serving() as server, server.connect() as client:
        ratio = {"type": "retention_ratio", "retention_ratio": 0.5}
        await client.update(max_output_tokens=50, truncation=ratio)
        session = await client.update(max_output_tokens=None, truncation=None)
    assert (session["max_output_tokens"], session["truncation"]) == ("inf", "auto")
