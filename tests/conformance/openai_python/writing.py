"""Scenarios: chat completions, with and without sound, and responses."""

from __future__ import annotations

import base64
from typing import Any

import openai
from files import wav
from scenarios import contexts, expect, silence, speech
from talk import WEATHER, client

CHAT_MODEL = "gpt-audio"
TEXT_MODEL = "gpt-5.6-luna"
ANSWER = "Hello! How can I help you?"


async def a_chat_is_completed() -> None:
    """A text at once and in a stream, with its usage; a function call and its output."""
    async with client() as web:
        hello: list[Any] = [{"role": "user", "content": "hello"}]
        whole = await web.chat.completions.create(model=TEXT_MODEL, messages=hello)
        expect(whole.choices[0].message.content == ANSWER, f"it says {whole.choices[0].message.content!r}")
        expect(whole.usage is not None and whole.usage.total_tokens > 0, f"the usage is {whole.usage}")
        stream = await web.chat.completions.create(
            model=TEXT_MODEL, messages=hello, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        expect(text == ANSWER, f"it says {text!r}")
        expect(not chunks[-1].choices and chunks[-1].usage is not None, f"the last chunk is {chunks[-1]}")
        function = {name: WEATHER[name] for name in ("name", "description", "parameters")}
        tools: Any = [{"type": "function", "function": function}]
        asked: list[Any] = [{"role": "user", "content": "What is the weather like?"}]
        first = (await web.chat.completions.create(model=TEXT_MODEL, messages=asked, tools=tools)).choices[0]
        calls = first.message.tool_calls or []
        expect(first.finish_reason == "tool_calls" and len(calls) == 1, f"it ends with {first}")
        asked += [first.message, {"role": "tool", "tool_call_id": calls[0].id, "content": "It is sunny in Oslo today."}]
        second = (await web.chat.completions.create(model=TEXT_MODEL, messages=asked, tools=tools)).choices[0]
        expect(second.message.content == "It is sunny in Oslo.", f"it says {second.message.content!r}")


async def a_chat_hears_and_speaks() -> str:
    """Audio in a message, audio in the answer, and the answer's audio in the history of the next."""
    async with client() as web:
        recording = base64.b64encode(wav(silence(300) + speech("hello") + silence(500))).decode()
        said: list[Any] = [
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": recording, "format": "wav"}}]}
        ]
        sound: Any = {"voice": "alloy", "format": "wav"}
        first = await web.chat.completions.create(model=CHAT_MODEL, messages=said, modalities=["text", "audio"], audio=sound)
        message = first.choices[0].message
        expect(message.audio is not None and message.content is None, f"the answer is {message}")
        expect(message.audio.transcript == ANSWER, f"it says {message.audio.transcript!r}")
        expect(base64.b64decode(message.audio.data)[:4] == b"RIFF", "no WAV")
        said += [{"role": "assistant", "audio": {"id": message.audio.id}}, {"role": "user", "content": "Two messages, please."}]
        second = await web.chat.completions.create(model=CHAT_MODEL, messages=said)
        expect("four" in (second.choices[0].message.content or ""), f"it says {second.choices[0].message.content!r}")
        expect([context for context in contexts("two messages") + contexts("Two messages") if ANSWER in context], "it forgot")
        pcm: Any = {"voice": "alloy", "format": "pcm16"}
        stream = await web.chat.completions.create(
            model=CHAT_MODEL, messages=said[:1], modalities=["text", "audio"], audio=pcm, stream=True
        )
        transcript, audio = "", b""
        async for chunk in stream:
            piece = chunk.choices[0].delta.audio if chunk.choices else None
            if piece is not None:
                transcript += piece.transcript or ""
                audio += base64.b64decode(piece.data or "")
        expect(transcript == ANSWER and len(audio) > 48_000, f"the stream says {transcript!r} in {len(audio)} bytes")
        return f"{len(audio) // 48} ms"


async def a_response_is_made() -> None:
    """A text at once and in a stream; what goes before is sent again, for nothing is kept."""
    async with client() as web:
        whole = await web.responses.create(model=TEXT_MODEL, input="hello", instructions="Be brief.")
        expect(whole.output_text == ANSWER and whole.status == "completed", f"it is {whole}")
        async with web.responses.stream(model=TEXT_MODEL, input="hello") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        expect(final.output_text == ANSWER and kinds[-1] == "response.completed", f"{kinds[-1]}: {final.output_text!r}")
        try:
            await web.responses.create(model=TEXT_MODEL, input="hello", previous_response_id=whole.id)
        except openai.BadRequestError as error:
            expect(error.code == "previous_response_not_found", f"the error is {error.body}")
        else:
            raise AssertionError("a response was kept")


async def a_response_calls_a_function() -> None:
    """A preamble, a call, its output, and the answer, all in the input of the second request."""
    async with client() as web:
        tools: Any = [{**WEATHER, "strict": False}]
        history: list[Any] = [{"role": "user", "content": "What is the weather like?"}]
        first = await web.responses.create(model=TEXT_MODEL, input=history, tools=tools)
        expect([item.type for item in first.output] == ["message", "function_call"], f"the output is {first.output}")
        call: Any = first.output[1]
        history += [item.to_dict() for item in first.output]
        history.append({"type": "function_call_output", "call_id": call.call_id, "output": "It is sunny in Oslo today."})
        second = await web.responses.create(model=TEXT_MODEL, input=history, tools=tools)
        expect(second.output_text == "It is sunny in Oslo.", f"it says {second.output_text!r}")


async def a_response_that_fails_is_tried_again_by_the_client() -> None:
    """What fails before the first word is an HTTP error; what is cut short says why."""
    async with client() as web:
        try:
            await web.responses.create(model=TEXT_MODEL, input="please fail", stream=True)
        except openai.InternalServerError as error:
            expect(error.status_code == 503, f"the status is {error.status_code}")
        else:
            raise AssertionError("the failure was not told")
        cut = await web.responses.create(model=TEXT_MODEL, input="Be cut short.")
        expect(cut.status == "incomplete" and cut.incomplete_details is not None, f"it is {cut.status}")
        expect(cut.incomplete_details.reason == "max_output_tokens", f"because of {cut.incomplete_details}")
