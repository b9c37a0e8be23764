"""Settings changed in mid-session, one update at a time."""

from __future__ import annotations

from typing import Any

from answering import WEATHER, get_weather
from driver import Driver, livekit
from livekit.agents import llm
from openai.types.realtime import AudioTranscription, RealtimeReasoning
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad
from openai.types.realtime.realtime_truncation_retention_ratio import RealtimeTruncationRetentionRatio
from scenarios import expect


async def update_the_instructions() -> str:
    async with livekit() as agent:
        await agent.session.update_instructions("Speak like a pirate.")
        session = await _settled(agent, "instructions_update_")
        expect(session["instructions"] == "Speak like a pirate.", f"instructions are {session['instructions']!r}")
        expect(session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad", "the update lost the turn detection")
        return str(session["instructions"])


async def update_the_tools() -> str:
    remote = {**WEATHER, "name": "remote_weather", "description": "Long. " * 400, "meta": {"server": "x"}, "strict": True}

    async def remote_weather(raw_arguments: dict[str, object]) -> str:
        return "sunny"

    async with livekit() as agent:
        await agent.session.update_tools([get_weather, llm.function_tool(remote_weather, raw_schema=remote)])
        session = await _settled(agent, "tools_update_")
        names = [tool["name"] for tool in session["tools"]]
        expect(names == ["get_weather", "remote_weather"], f"tools are {names}")
        await agent.session.update_tools([])
        session = await _settled(agent, "tools_update_", 2)
        expect(session["tools"] == [], f"tools are {session['tools']}")
        return " and ".join(names)


async def update_the_options() -> str:
    async with livekit() as agent:
        options = agent.session.update_options
        options(tool_choice="none")
        expect((await _settled(agent, "options_update_"))["tool_choice"] == "none", "tool_choice is not none")
        options(tool_choice={"type": "function", "function": {"name": "get_weather"}})
        choice = (await _settled(agent, "options_update_", 2))["tool_choice"]
        expect(choice == {"type": "function", "name": "get_weather"}, f"tool_choice is {choice}")
        options(voice="cedar", speed=1.2)
        spoken = (await _settled(agent, "options_update_", 3))["audio"]["output"]
        expect((spoken["voice"], spoken["speed"]) == ("cedar", 1.2), f"output is {spoken}")
        options(
            turn_detection=ServerVad(type="server_vad", silence_duration_ms=300, idle_timeout_ms=6000),
            input_audio_transcription=AudioTranscription(model="whisper-1", language="en"),
        )
        heard = (await _settled(agent, "options_update_", 4))["audio"]["input"]
        expect(heard["turn_detection"]["type"] == "server_vad", f"turn_detection is {heard['turn_detection']}")
        expect(heard["transcription"]["model"] == "whisper-1", f"transcription is {heard['transcription']}")
        options(max_response_output_tokens=200, tracing="auto", reasoning=RealtimeReasoning(effort="low"))
        session = await _settled(agent, "options_update_", 5)
        expect((session["max_output_tokens"], session["tracing"]) == (200, "auto"), f"session is {session}")
        expect(session["reasoning"] == {"effort": "low"}, f"reasoning is {session['reasoning']}")
        options(truncation=RealtimeTruncationRetentionRatio(type="retention_ratio", retention_ratio=0.5))
        session = await _settled(agent, "options_update_", 6)
        expect(session["truncation"]["retention_ratio"] == 0.5, f"truncation is {session['truncation']}")
        options(turn_detection=None, input_audio_transcription=None, reasoning=None)
        heard = (await _settled(agent, "options_update_", 7))["audio"]["input"]
        expect((heard["turn_detection"], heard["transcription"]) == (None, None), f"input is {heard}")
        return "7 updates"


async def a_voice_change_after_speaking() -> str:
    async with livekit(expects=["Cannot update a conversation's voice"]) as agent:
        await agent.ask("hello")
        agent.session.update_options(voice="cedar")
        error = (await agent.server("error"))["error"]
        expect(error["code"] == "cannot_update_voice", f"the error is {error}")
        expect(error["event_id"].startswith("options_update_"), f"the error names the event {error['event_id']}")
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return str(error["code"])


async def noise_reduction() -> str:
    async with livekit(input_audio_noise_reduction="near_field") as agent:
        session = (await agent.server("session.updated"))["session"]
        reduced = session["audio"]["input"]["noise_reduction"]
        expect(reduced == {"type": "near_field", "strength": 1.0}, f"the session has {reduced}")
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return "near_field, 1.0"


async def _settled(agent: Driver, prefix: str, count: int = 1) -> dict[str, Any]:
    """Return the session as it stands after the `count`-th update whose event id begins so."""

    def find() -> dict[str, Any] | None:
        if refusals := [event["error"] for event in agent.received if event["type"] == "error"]:
            raise AssertionError(f"an update was refused: {refusals}")
        updates = [event["event_id"] for event in agent.sent_of("session.update")]
        places = [place for place, event_id in enumerate(updates) if event_id.startswith(prefix)]
        answers = [event["session"] for event in agent.received if event["type"] == "session.updated"]
        return answers[places[count - 1]] if len(places) >= count and len(answers) > places[count - 1] else None

    return await agent.until(find, f"the answer to {prefix} ({count})")


SCENARIOS = (
    update_the_instructions,
    update_the_tools,
    update_the_options,
    a_voice_change_after_speaking,
    noise_reduction,
)
