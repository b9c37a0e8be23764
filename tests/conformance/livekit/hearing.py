"""What is said to the session: turns the server takes, turns the client takes, and words into a running answer."""

from __future__ import annotations

import json
from base64 import b64encode

from answering import begin_counting, get_weather, outputs
from driver import collect, livekit
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad
from scenarios import expect, silence, speech

VAD = ServerVad(type="server_vad", threshold=0.5, prefix_padding_ms=300, silence_duration_ms=500, create_response=True)


async def a_spoken_turn() -> str:
    async with livekit(microphone=True) as agent:
        agent.say("hello")
        await agent.event("input_speech_started")
        stopped = await agent.event("input_speech_stopped")
        expect(stopped.user_transcription_enabled, "the transcription is taken for off")
        answer = await agent.answer()
        heard = await agent.final_transcript()
        expect("hello" in heard.transcript.lower(), f"heard {heard.transcript!r}")
        expect(heard.turn_started_at, "the transcript belongs to no turn")
        expect(not answer.user_initiated, "the server's reply is taken for one asked for")
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        expect(answer.messages[0].audio_ms > 700, f"only {answer.messages[0].audio_ms} ms of audio")
        usage = [m for m in agent.emitted["metrics_collected"] if m.type == "stt_metrics"]
        expect(usage, "no usage came with the transcript")
        remembered = agent.session.chat_ctx.messages()
        expect([m.role for m in remembered] == ["user", "assistant"], f"the context is {remembered}")
        expect(remembered[0].text_content == heard.transcript, f"the user is remembered as {remembered[0].content}")
        return f"heard {heard.transcript!r}"


async def a_spoken_turn_that_calls_a_function() -> str:
    # What the recognizer should expect; a small one needs it.
    hint = AudioTranscription(model="gpt-4o-mini-transcribe", language="en", prompt="What is the weather in Oslo?")
    async with livekit(microphone=True, turn_detection=VAD, input_audio_transcription=hint) as agent:
        await agent.session.update_tools([get_weather])
        agent.say("weather")
        first = await agent.answer()
        heard = await agent.final_transcript()
        expect(first.text == "One moment.", f"said {first.text!r} to {heard.transcript!r}")
        expect([json.loads(call.arguments) for call in first.calls] == [{"city": "Oslo"}], f"called {first.calls}")
        await agent.add(*outputs(first, "sunny"))
        second = await agent.reply()
        expect(second.text == "It is sunny in Oslo.", f"said {second.text!r}")
        return f"heard {heard.transcript!r}"


async def speak_into_a_running_answer() -> str:
    async with livekit(microphone=True, turn_detection=VAD) as agent:
        generation = await begin_counting(agent)
        await agent.server("response.output_audio.delta")
        agent.say("stop")
        await agent.event("input_speech_started")
        cut = await collect(generation)
        done = (await agent.server("response.done"))["response"]
        expect(done["status"] == "cancelled", f"the response is {done['status']}")
        expect(done["status_details"]["reason"] == "turn_detected", f"because of {done['status_details']}")
        agent.session.truncate(message_id=cut.messages[0].id, modalities=["audio", "text"], audio_end_ms=400)
        await agent.server("conversation.item.truncated", item_id=cut.messages[0].id, audio_end_ms=400)
        answer = await agent.answer(2)
        expect(answer.text == "I see.", f"then said {answer.text!r}")
        return f"cut at {cut.messages[0].audio_ms} ms"


async def turns_taken_by_the_client() -> str:
    async with livekit(turn_detection=None) as agent:
        session = (await agent.server("session.updated"))["session"]
        expect(session["audio"]["input"]["turn_detection"] is None, f"turn_detection is {session['audio']['input']}")
        agent.push(speech("stop"))
        agent.session.clear_audio()
        await agent.server("input_audio_buffer.cleared")
        agent.push(speech("hello"))
        agent.session.commit_audio()
        await agent.server("input_audio_buffer.committed")
        answer = await agent.reply()
        heard = await agent.final_transcript()
        expect("hello" in heard.transcript.lower(), f"heard {heard.transcript!r}")
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        expect("input_audio_buffer.speech_started" not in agent.types(), "the server took the turn")
        return f"heard {heard.transcript!r}"


async def a_commit_of_what_the_server_took() -> str:
    async with livekit(microphone=True, turn_detection=VAD) as agent:
        agent.say("hello")
        await agent.server("input_audio_buffer.committed")
        agent.session.send_event({"type": "input_audio_buffer.clear"})
        agent.session.send_event({"type": "input_audio_buffer.commit"})
        error = (await agent.server("error"))["error"]
        expect(error["code"] == "input_audio_buffer_commit_empty", f"the error is {error}")
        answer = await agent.answer()
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        return "refused, and not minded"


async def answers_begun_by_the_client() -> str:
    vad = ServerVad(type="server_vad", silence_duration_ms=500, create_response=False, interrupt_response=False)
    async with livekit(microphone=True, turn_detection=vad) as agent:
        expect(not agent.session.capabilities.turn_detection, "the plugin thinks that the server takes turns")
        agent.say("hello")
        heard = await agent.final_transcript()
        expect("response.created" not in agent.types(), "the server answered by itself")
        answer = await agent.reply()
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r} to {heard.transcript!r}")
        return f"heard {heard.transcript!r}"


async def transcription_switched_off() -> str:
    async with livekit(microphone=True, turn_detection=VAD, input_audio_transcription=None) as agent:
        agent.say("hello")
        answer = await agent.answer()
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        expect(not any("transcription" in kind for kind in agent.types()), f"got {agent.types()}")
        return answer.text


async def speech_in_the_chat_context() -> str:
    async with livekit() as agent:
        agent.session.send_event(
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_audio", "audio": _base64(speech("hello") + silence(300))}],
                },
            }
        )
        await agent.server("conversation.item.added")
        answer = await agent.reply()
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        return answer.text


def _base64(pcm: bytes) -> str:
    return b64encode(pcm).decode()


SCENARIOS = (
    a_spoken_turn,
    a_spoken_turn_that_calls_a_function,
    speak_into_a_running_answer,
    turns_taken_by_the_client,
    a_commit_of_what_the_server_took,
    answers_begun_by_the_client,
    transcription_switched_off,
    speech_in_the_chat_context,
)
