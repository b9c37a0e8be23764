"""The handshake, spoken answers to a context, and the end."""

from __future__ import annotations

from driver import pipecat
from pipecat.frames.frames import (
    InputImageRawFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    LLMUpdateSettingsFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.metrics.metrics import LLMUsageMetricsData
from pipecat.services.openai.realtime.events import SessionProperties
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from scenarios import expect


async def shake_hands() -> str:
    async with pipecat() as bot:
        session = (await bot.server("session.updated"))["session"]
        expect(bot.types() == ["session.created", "session.updated"], f"got {bot.types()}")
        expect([event["type"] for event in bot.wire.sent] == ["session.update"], f"sent {bot.wire.sent}")
        return f"{session['model']}"


async def speak_first() -> str:
    async with pipecat("hello") as bot:
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        expect(bot.spoken() == "Hello! How can I help you?", f"said {bot.spoken()!r}")
        expect(bot.audio_ms() > 700, f"only {bot.audio_ms()} ms of audio")
        expect(len(bot.frames(TTSStartedFrame)) == 1, "speech started more than once")
        expect({frame.sample_rate for frame in bot.frames(TTSAudioRawFrame)} == {24_000}, "wrong sample rate")
        usage = [data for frame in bot.frames(MetricsFrame) for data in frame.data if isinstance(data, LLMUsageMetricsData)]
        expect(usage and usage[0].value.total_tokens > 0, f"usage is {usage}")
        return f"{bot.audio_ms()} ms, {usage[0].value.total_tokens} tokens"


async def speak_in_two_messages() -> str:
    async with pipecat("Tell me in two messages.") as bot:
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        expect(bot.spoken() == "Let me think.The answer is four.", f"said {bot.spoken()!r}")
        sounds = (len(bot.frames(TTSStartedFrame)), len(bot.frames(TTSStoppedFrame)))
        expect(sounds == (1, 1), f"speech started and stopped {sounds} times")
        done = (await bot.server("response.done"))["response"]
        phases = [item.get("phase") for item in done["output"]]
        expect(phases == ["commentary", "final_answer"], f"the phases are {phases}")
        return bot.spoken()


async def answer_in_text_alone() -> str:
    async with pipecat("hello", properties=SessionProperties(output_modalities=["text"])) as bot:
        await bot.run()
        await bot.frame(LLMFullResponseEndFrame)
        text = "".join(frame.text for frame in bot.frames(LLMTextFrame))
        expect(text == "Hello! How can I help you?", f"said {text!r}")
        expect(not bot.frames(TTSAudioRawFrame), "audio came in a text session")
        return text


async def take_in_a_message_in_mid_session() -> str:
    async with pipecat("hello") as bot:
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        await bot.append("Greet the user once more.")
        item = (await bot.server("conversation.item.added", 3))["item"]
        expect((item["role"], item["content"][0]["text"]) == ("system", "Greet the user once more."), f"the item is {item}")
        await bot.hears("Hello! How can I help you?Hello! How can I help you?")
        return bot.spoken()


async def new_instructions_in_mid_session() -> str:
    async with pipecat("hello") as bot:
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        updates = len([event for event in bot.wire.received if event["type"] == "session.updated"])
        delta = OpenAIRealtimeLLMService.Settings(system_instruction="Speak like a pirate.")
        await bot.worker.queue_frame(LLMUpdateSettingsFrame(delta=delta))
        session = (await bot.server("session.updated", updates + 1))["session"]
        expect(session["instructions"] == "Speak like a pirate.", f"instructions are {session['instructions']!r}")
        return str(session["instructions"])


async def carry_on_a_saved_conversation() -> str:
    async with pipecat("My name is Ada.", "please say hello") as bot:
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        item = (await bot.server("conversation.item.added"))["item"]
        expect("previously saved conversation" in item["content"][0]["text"], f"the item is {item}")
        expect(bot.spoken() == "Hello! How can I help you?", f"said {bot.spoken()!r}")
        return bot.spoken()


async def show_a_picture() -> str:
    async with pipecat("hello") as bot:
        await bot.server("session.updated")
        await bot.worker.queue_frame(InputImageRawFrame(image=bytes(3 * 16 * 16), size=(16, 16), format="RGB"))
        item = (await bot.server("conversation.item.added"))["item"]
        expect(item["content"][0]["type"] == "input_image", f"the item is {item}")
        await bot.run()
        await bot.hears("Hello! How can I help you?")
        return bot.spoken()


SCENARIOS = (
    shake_hands,
    speak_first,
    speak_in_two_messages,
    answer_in_text_alone,
    take_in_a_message_in_mid_session,
    new_instructions_in_mid_session,
    carry_on_a_saved_conversation,
    show_a_picture,
)
