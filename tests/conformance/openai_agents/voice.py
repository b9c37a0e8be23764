"""Scenarios: `VoicePipeline`, which transcribes, runs a text agent and speaks, each over an endpoint of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from agents import Agent, Runner, function_tool, handoff
from agents.voice import (
    AudioInput,
    OpenAIVoiceModelProvider,
    SingleAgentVoiceWorkflow,
    StreamedAudioInput,
    STTModelSettings,
    TTSModelSettings,
    VoicePipeline,
    VoicePipelineConfig,
)
from scenarios import API_KEY, URL, contexts, expect, silence, speech

PROMPT = "Hello there. What is the weather in Oslo? Stop please."
STEP_BYTES = 4_800
RATE_HZ = 24_000

GUIDE: Agent[Any] = Agent(name="guide", instructions="You help people.")


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city} is sunny today"


FORECASTER: Agent[Any] = Agent(name="forecaster", instructions="You know the weather.", tools=[get_weather])


@dataclass
class Heard:
    """What came out of a pipeline: how its life went, how much audio each turn had, and what was said in all."""

    life: list[str] = field(default_factory=list)
    audio_ms: list[float] = field(default_factory=list)
    text: str = ""


async def a_recording_is_answered() -> str:
    """A static input: transcribed at once, answered by the agent, spoken in PCM."""
    workflow = SingleAgentVoiceWorkflow(GUIDE)
    heard = await _listen(_pipeline(workflow), AudioInput(buffer=_samples(speech("hello"))))
    expect(heard.life == ["turn_started", "turn_ended", "session_ended"], f"its life was {heard.life}")
    expect(heard.text == "Hello! How can I help you?", f"it says {heard.text!r}")
    expect(heard.audio_ms[0] > 800, f"{heard.audio_ms} ms of audio")
    user = _history(workflow)[0]["content"]
    expect("hello" in user.lower(), f"it heard {user!r}")
    return f"heard {user!r}"


async def a_recording_calls_a_tool() -> str:
    """The agent calls a function, twice asks the model, and says both answers."""
    workflow = SingleAgentVoiceWorkflow(FORECASTER)
    heard = await _listen(_pipeline(workflow), AudioInput(buffer=_samples(speech("weather"))))
    expect(heard.text == "One moment.It is sunny in Oslo.", f"it says {heard.text!r}")
    kinds = [item.get("type", item.get("role")) for item in _history(workflow)]
    expect(kinds == ["user", "message", "function_call", "function_call_output", "message"], f"the history is {kinds}")
    expect(contexts("Oslo is sunny today"), "the model never saw what the function gave")
    return f"heard {_history(workflow)[0]['content']!r}"


async def floats_are_taken_and_given() -> None:
    """32-bit floats in and out, a language, another voice and speed, and no instructions for the voice."""
    stt = STTModelSettings(prompt=PROMPT, language="en", temperature=0.0)
    tts = TTSModelSettings(voice="coral", speed=1.2, instructions=None, dtype=np.float32)  # type: ignore[arg-type]
    recording = _samples(speech("hello")).astype(np.float32) / 32_768
    heard = await _listen(_pipeline(SingleAgentVoiceWorkflow(GUIDE), stt, tts), AudioInput(buffer=recording))
    expect(heard.text == "Hello! How can I help you?", f"it says {heard.text!r}")
    expect(heard.audio_ms[0] > 500, f"{heard.audio_ms} ms of audio")


async def a_stream_is_heard_turn_by_turn() -> str:
    """A transcription session with the client's own turn detection; each turn is answered in its place."""
    workflow = SingleAgentVoiceWorkflow(FORECASTER)
    # What sounds unfinished is waited for: four seconds, as eager as semantic_vad is by itself.
    spoken = silence(500) + speech("hello") + silence(5_000) + speech("weather") + silence(5_000)
    heard = await _listen(_pipeline(workflow), await _stream(spoken, ends=False), turns=2)
    turns = ["turn_started", "turn_ended"]
    expect(heard.life == [*turns, *turns, "session_ended"], f"its life was {heard.life}")
    expect(heard.text == "Hello! How can I help you?One moment.It is sunny in Oslo.", f"it says {heard.text!r}")
    expect(len(heard.audio_ms) == 2 and min(heard.audio_ms) > 800, f"{heard.audio_ms} ms of audio")
    users = [item["content"] for item in _history(workflow) if item.get("role") == "user"]
    return f"heard {users}"


async def a_stream_may_end_in_the_middle_of_a_turn() -> str:
    """Without silence at the end the client commits what there is, and waits for its transcript."""
    workflow = SingleAgentVoiceWorkflow(GUIDE)
    heard = await _listen(_pipeline(workflow), await _stream(silence(500) + speech("hello")))
    expect(heard.text == "Hello! How can I help you?", f"it says {heard.text!r}")
    expect(heard.life == ["turn_started", "turn_ended", "session_ended"], f"its life was {heard.life}")
    return f"heard {_history(workflow)[0]['content']!r}"


async def a_stream_with_settings_of_its_own() -> str:
    """server_vad, languages and keywords, with a model that streams."""
    stt = STTModelSettings(
        prompt=PROMPT,
        languages=["en"],
        keywords=["hello", "weather", "Oslo"],
        turn_detection={"type": "server_vad", "silence_duration_ms": 400},
    )
    workflow = SingleAgentVoiceWorkflow(GUIDE)
    spoken = silence(500) + speech("hello") + silence(1_500)
    heard = await _listen(_pipeline(workflow, stt, stt_model="gpt-live-transcribe"), await _stream(spoken))
    expect(heard.text == "Hello! How can I help you?", f"it says {heard.text!r}")
    return f"heard {_history(workflow)[0]['content']!r}"


async def a_stream_of_nothing_ends_in_good_order() -> None:
    """The last commit finds an empty buffer; that error alone is forgiven."""
    heard = await _listen(_pipeline(SingleAgentVoiceWorkflow(GUIDE)), await _stream(silence(20)))
    expect(heard.life == ["session_ended"] and not heard.text, f"its life was {heard.life}, it says {heard.text!r}")


async def a_text_agent_answers() -> None:
    """`Runner.run`, without a stream and without a voice, with settings of the model."""
    result = await Runner.run(GUIDE, "hello")
    expect(result.final_output == "Hello! How can I help you?", f"it says {result.final_output!r}")
    usage = result.context_wrapper.usage
    expect(usage.requests == 1 and usage.total_tokens > 0, f"the usage is {usage}")


async def a_text_agent_hands_over() -> None:
    """A handoff is a function call; the other agent answers, with the history so far."""
    billing: Agent[Any] = Agent(name="billing", instructions="You know all about bills.")
    desk: Agent[Any] = Agent(name="desk", instructions="You know whom to ask.", handoffs=[handoff(billing)])
    result = Runner.run_streamed(desk, "I have a question about billing.")
    names = [event.new_agent.name async for event in result.stream_events() if event.type == "agent_updated_stream_event"]
    expect(names == ["desk", "billing"], f"the agents are {names}")
    expect(result.final_output == "This is billing. What can I do for you?", f"it says {result.final_output!r}")


def _pipeline(
    workflow: SingleAgentVoiceWorkflow,
    stt: STTModelSettings | None = None,
    tts: TTSModelSettings | None = None,
    stt_model: str | None = None,
) -> VoicePipeline:
    config = VoicePipelineConfig(
        model_provider=OpenAIVoiceModelProvider(api_key=API_KEY, base_url=URL),
        tracing_disabled=True,
        stt_settings=stt or STTModelSettings(prompt=PROMPT),
        tts_settings=tts or TTSModelSettings(),
    )
    return VoicePipeline(workflow=workflow, stt_model=stt_model, config=config)


async def _listen(pipeline: VoicePipeline, given: AudioInput | StreamedAudioInput, turns: int = 0) -> Heard:
    """Run a pipeline to its end; a stream that goes on is ended after so many turns."""
    result = await pipeline.run(given)
    heard = Heard()
    async for event in result.stream():
        if event.type == "voice_stream_event_error":
            raise AssertionError(f"the pipeline failed: {event.error!r}")
        if event.type == "voice_stream_event_lifecycle":
            heard.life.append(event.event)
            if event.event == "turn_started":
                heard.audio_ms.append(0.0)
            if isinstance(given, StreamedAudioInput) and turns and heard.life.count("turn_ended") == turns:
                turns = 0
                await given.add_audio(None)
        elif event.data is not None:
            heard.audio_ms[-1] += event.data.size * 1000 / RATE_HZ
    heard.text = result.total_output_text
    return heard


async def _stream(audio: bytes, *, ends: bool = True) -> StreamedAudioInput:
    given = StreamedAudioInput()
    for start in range(0, len(audio), STEP_BYTES):
        await given.add_audio(_samples(audio[start : start + STEP_BYTES]))
    if ends:
        await given.add_audio(None)
    return given


def _samples(audio: bytes) -> Any:
    return np.frombuffer(audio, np.int16)


def _history(workflow: SingleAgentVoiceWorkflow) -> Sequence[Any]:
    return workflow._input_history
