"""The plugin's services one by one, as a pipeline of speech to text, language model and text to speech uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from driver import RATE_HZ, blameless
from livekit import rtc
from livekit.agents import APIConnectOptions, llm, stt
from livekit.agents.utils import http_context
from livekit.plugins import openai
from livekit.plugins.openai import responses
from scenarios import API_KEY, URL, expect, silence, speech, until

PROMPT = "Hello there. What is the weather in Oslo? Stop please."
TEXT_MODEL = "gpt-5.6-luna"
ANSWER = "Hello! How can I help you?"
FRAME_MS = 20
PATIENCE_S = 15.0
HERE: Any = {"base_url": URL, "api_key": API_KEY}
ONCE = APIConnectOptions(max_retry=0, timeout=10.0)

Kind = stt.SpeechEventType


class Ear:
    """A stream of the plugin's, fed in real time, and what it heard."""

    def __init__(self, stream: stt.RecognizeStream) -> None:
        self.stream = stream
        self.events: list[stt.SpeechEvent] = []
        self._news = asyncio.Event()
        self._speech = b""

    async def event(self, kind: Kind, count: int = 1) -> stt.SpeechEvent:
        """Wait for the `count`-th event of a kind."""

        def find() -> stt.SpeechEvent | None:
            found = [event for event in self.events if event.type == kind]
            return found[count - 1] if len(found) >= count else None

        return await until(
            find, self._news, lambda: f"{kind} ({count}); there are {[e.type.value for e in self.events]}", PATIENCE_S
        )

    async def text(self, count: int = 1) -> str:
        """Wait for the `count`-th final transcript."""
        return (await self.event(Kind.FINAL_TRANSCRIPT, count)).alternatives[0].text

    def say(self, name: str) -> None:
        """Have the stream hear a recording of the suite next."""
        self._speech += speech(name)

    async def listen(self) -> None:
        """Push what is said, else silence, in real time; for ever."""
        size = 2 * RATE_HZ * FRAME_MS // 1000
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk, self._speech = self._speech[:size], self._speech[size:]
            pcm = chunk + bytes(size - len(chunk)) if chunk else silence(FRAME_MS)
            self.stream.push_frame(rtc.AudioFrame(pcm, RATE_HZ, 1, len(pcm) // 2))
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def gather(self) -> None:
        """Take events until the stream ends."""
        async for event in self.stream:
            self.events.append(event)
            self._news.set()


@asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[tuple[openai.STT, Ear]]:
    """Open a transcription session of the plugin's, and a microphone."""
    with blameless():
        async with http_context.open():
            model = openai.STT(**HERE, **options)
            ear = Ear(model.stream(conn_options=ONCE))
            jobs = [asyncio.create_task(ear.listen()), asyncio.create_task(ear.gather())]
            try:
                yield model, ear
            finally:
                for job in jobs:
                    job.cancel()
                ended = await asyncio.gather(*jobs, return_exceptions=True)
                await ear.stream.aclose()
                await model.aclose()
            failures = [repr(end) for end in ended if isinstance(end, Exception)]
            expect(not failures, f"the stream ended with {failures}")


async def hear_turns() -> str:
    """`STT(use_realtime=True)`: the server takes the turns, and the options change while it listens."""
    async with listening(use_realtime=True, prompt=PROMPT) as (model, ear):
        ear.say("hello")
        await ear.event(Kind.START_OF_SPEECH)
        await ear.event(Kind.END_OF_SPEECH)
        first = await ear.text()
        usage = (await ear.event(Kind.RECOGNITION_USAGE)).recognition_usage
        expect(usage is not None and usage.audio_duration > 0.5, f"the usage is {usage}")
        expect([e for e in ear.events if e.type == Kind.INTERIM_TRANSCRIPT], "no words came while they were said")
        model.update_options(prompt=PROMPT + " Oslo.")
        ear.say("weather")
        second = await ear.text(2)
        expect("hello" in first.lower() and "weather" in second.lower(), f"heard {first!r} and {second!r}")
        return f"heard {first!r}, {second!r}"


async def hear_turns_with_keywords() -> str:
    """A model that takes languages and keywords, both lists."""
    keywords = ["hello", "weather", "Oslo"]
    async with listening(use_realtime=True, model="gpt-transcribe", language=["en"], keywords=keywords) as (_, ear):
        ear.say("hello")
        event = await ear.event(Kind.FINAL_TRANSCRIPT)
        heard = event.alternatives[0]
        expect("hello" in heard.text.lower() and heard.language == "en", f"heard {heard.text!r} in {heard.language!r}")
        return f"heard {heard.text!r}"


async def hear_what_the_client_commits() -> str:
    """gpt-realtime-whisper: the plugin's own detector finds the turns, and commits them."""
    async with listening(model="gpt-realtime-whisper") as (_, ear):
        ear.say("hello")
        await ear.event(Kind.END_OF_SPEECH)
        text = await ear.text()
        ear.say("hello")
        await ear.text(2)
        return f"heard {text!r}"


async def recognize_a_recording() -> str:
    """One request for one recording, with the default model, and with one that tells the language."""
    pcm = silence(300) + speech("hello") + silence(500)
    frame = rtc.AudioFrame(pcm, RATE_HZ, 1, len(pcm) // 2)
    with blameless():
        told = await openai.STT(**HERE, prompt=PROMPT).recognize([frame], conn_options=ONCE)
        expect("hello" in told.alternatives[0].text.lower(), f"heard {told.alternatives[0].text!r}")
        other = openai.STT(**HERE, model="whisper-1", detect_language=True, prompt=PROMPT)
        verbose = await other.recognize([frame], conn_options=ONCE)
        expect(verbose.alternatives[0].language == "en", f"the language is {verbose.alternatives[0].language!r}")
        return f"heard {told.alternatives[0].text!r}"


async def say_a_sentence() -> str:
    """MP3 in events, as the plugin asks for it; PCM and Opus; and the old models' plain stream of bytes."""
    lengths = {}
    with blameless():
        for model, form in (("gpt-4o-mini-tts", "mp3"), ("gpt-4o-mini-tts", "pcm"), ("tts-1", "mp3"), ("tts-1", "opus")):
            voice = openai.TTS(**HERE, model=model, response_format=form)
            async with voice.synthesize(ANSWER, conn_options=ONCE) as stream:
                frame = await stream.collect()
            await voice.aclose()
            lengths[f"{model} {form}"] = round(frame.samples_per_channel * 1000 / frame.sample_rate)
    expect(all(1_000 < ms < 6_000 for ms in lengths.values()), f"they last {lengths} ms")
    return ", ".join(f"{name}: {ms} ms" for name, ms in lengths.items())


async def ask_by_chat_completions() -> None:
    """`LLM`: a text, and a function call with its output."""
    await _converse(openai.LLM(**HERE, model=TEXT_MODEL))


async def ask_by_responses() -> None:
    """`responses.LLM` over HTTP: the same, told to send everything each time."""
    await _converse(responses.LLM(**HERE, model=TEXT_MODEL, use_websocket=False, store=False))


@llm.function_tool
async def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city} is sunny today"


async def _converse(model: llm.LLM) -> None:
    with blameless():
        context = llm.ChatContext.empty()
        context.add_message(role="system", content="Be brief.")
        context.add_message(role="user", content="hello")
        said, _ = await _ask(model, context)
        expect(said == ANSWER, f"it says {said!r}")
        context.add_message(role="assistant", content=said)
        context.add_message(role="user", content="What is the weather like?")
        said, calls = await _ask(model, context)
        expect(said == "One moment." and len(calls) == 1, f"it says {said!r} and calls {calls}")
        expect((calls[0].name, calls[0].arguments) == ("get_weather", '{"city": "Oslo"}'), f"it calls {calls[0]}")
        call = llm.FunctionCall(call_id=calls[0].call_id, name=calls[0].name, arguments=calls[0].arguments)
        output = llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="Oslo is sunny today", is_error=False)
        context.items += [call, output]
        said, _ = await _ask(model, context)
        expect(said == "It is sunny in Oslo.", f"it says {said!r}")
        await model.aclose()


async def _ask(model: llm.LLM, context: llm.ChatContext) -> tuple[str, list[Any]]:
    said, calls, usage = "", [], None
    async with model.chat(chat_ctx=context, tools=[get_weather], conn_options=ONCE) as stream:
        async for chunk in stream:
            usage = chunk.usage or usage
            if chunk.delta is not None:
                said += chunk.delta.content or ""
                calls += chunk.delta.tool_calls
    expect(usage is not None and usage.total_tokens > 0, f"the usage is {usage}")
    return said, calls


SCENARIOS = (
    hear_turns,
    hear_turns_with_keywords,
    hear_what_the_client_commits,
    recognize_a_recording,
    say_a_sentence,
    ask_by_chat_completions,
    ask_by_responses,
)
