"""Scenarios: responses of every kind."""

from __future__ import annotations

from typing import Any

from scenarios import expect
from talk import WEATHER, Talk, calls_of, talk, text_of


async def a_text_turn() -> None:
    """A text is answered with a text; the deltas make up the whole, and the limits are told."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"])
        response = await talking.ask("hello")
        whole = "".join(event.delta for event in talking.of("response.output_text.delta"))
        done = talking.of("response.output_text.done")[0].text
        expect(whole == done == text_of(response) == "Hello! How can I help you?", f"{whole!r}, {done!r}, {text_of(response)!r}")
        added = talking.of("response.output_item.added")[0]
        expect(added.item.id == response.output[0].id, "another item was announced")
        limits = (await talking.until("rate_limits.updated")).rate_limits
        expect(limits and all(limit.remaining <= limit.limit for limit in limits), f"the limits are {limits}")


async def a_spoken_answer_to_a_text() -> None:
    """A text is answered with speech and its transcript."""
    async with talk() as talking:
        response = await talking.ask("hello")
        audio = talking.audio_of(response.id)
        expect(len(audio) > 24_000, f"only {len(audio) // 48} ms of audio")
        expect(text_of(response) == "Hello! How can I help you?", f"the transcript is {text_of(response)!r}")
        order = [event.type for event in talking.events if event.type.endswith(".done")][-6:]
        wanted = ["output_audio.done", "output_audio_transcript.done", "content_part.done", "output_item.done", "done"]
        expect(
            [kind.removeprefix("response.") for kind in order if kind.startswith("response.")] == wanted, f"the order is {order}"
        )


async def a_function_call_round_with_a_preamble() -> None:
    """A message and a call in one response; its output leads to the answer."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"], tools=[WEATHER])
        response = await talking.ask("What is the weather like?")
        [call] = calls_of(response)
        expect(text_of(response) == "One moment." and call.name == "get_weather", f"the output is {response.output}")
        expect(call.arguments == '{"city": "Oslo"}', f"the arguments are {call.arguments}")
        pieces = talking.of("response.function_call_arguments.delta")
        expect("".join(piece.delta for piece in pieces) == call.arguments and len(pieces) > 1, f"pieces: {pieces}")
        done = talking.of("response.function_call_arguments.done")[0]
        expect((done.call_id, done.arguments) == (call.call_id, call.arguments), f"another call: {done}")
        await _bring(talking, call.call_id, "sunny, 21 degrees")
        await talking.connection.response.create()
        expect(text_of(await talking.answer()) == "It is sunny in Oslo.", "another answer")


async def parallel_calls_with_outputs_out_of_order() -> None:
    """Two calls at once; their outputs come back in the other order."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"], tools=[WEATHER])
        calls = calls_of(await talking.ask("Compare two cities, please."))
        expect([call.arguments for call in calls] == ['{"city": "Oslo"}', '{"city": "Paris"}'], f"the calls are {calls}")
        expect(len({call.call_id for call in calls}) == 2, "both calls have one id")
        for call in reversed(calls):
            await _bring(talking, call.call_id, "sunny")
        await talking.connection.response.create()
        expect(text_of(await talking.answer()) == "It is sunny in Oslo.", "another answer")


async def an_out_of_band_response_beside_the_conversation() -> None:
    """A response outside the conversation, with input and metadata of its own, beside one inside it."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"])
        await talking.say("Please count.")
        await talking.connection.response.create()
        inside = (await talking.until("response.created")).response
        content: Any = [{"type": "input_text", "text": "hello"}]
        await talking.connection.response.create(
            response={
                "conversation": "none",
                "metadata": {"topic": "greeting"},
                "input": [{"type": "message", "role": "user", "content": content}],
            }
        )
        outside = (await talking.until("response.created")).response
        expect(outside.metadata == {"topic": "greeting"} and outside.conversation_id is None, f"it is {outside}")
        first = await talking.answer()
        expect(first.id == outside.id, "the short one beside the long one did not end first")
        expect(text_of(first) == "Hello! How can I help you?" and first.metadata == {"topic": "greeting"}, f"it is {first}")
        added = {event.item.id for event in talking.of("conversation.item.added")}
        expect(not added & {item.id for item in first.output}, "it has become part of the conversation")
        await talking.connection.response.cancel(response_id=inside.id)
        expect((await talking.answer("cancelled")).id == inside.id, "another response was cancelled")


async def a_response_is_cancelled() -> None:
    """What was opened is closed, and the response is done, cancelled by the client."""
    async with talk() as talking:
        await talking.say("Please count.")
        await talking.connection.response.create()
        await talking.until("response.output_audio.delta")
        await talking.connection.response.cancel()
        response = await talking.answer("cancelled")
        expect(response.status_details.reason == "client_cancelled", f"the details are {response.status_details}")
        expect(response.output[0].status == "incomplete", f"the item is {response.output[0].status}")
        for kind in ("content_part", "output_item"):
            opened, closed = talking.of(f"response.{kind}.added"), talking.of(f"response.{kind}.done")
            expect(len(opened) == len(closed), f"{len(opened)} {kind}s opened, {len(closed)} closed")


async def an_answer_is_cut_at_the_token_limit() -> None:
    """The response is incomplete, and says why."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"])
        await talking.say("Be cut short, please.")
        await talking.connection.response.create(response={"max_output_tokens": 4})
        response = await talking.answer("incomplete")
        expect(response.status_details.reason == "max_output_tokens", f"the details are {response.status_details}")


async def a_backend_that_fails_fails_one_response() -> None:
    """The response says what went wrong; the next one works."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"])
        await talking.say("fail")
        await talking.connection.response.create()
        response = await talking.answer("failed")
        expect(response.status_details.error is not None, f"the details are {response.status_details}")
        expect(text_of(await talking.ask("hello")) == "Hello! How can I help you?", "another answer")


async def _bring(talking: Talk, call_id: str, output: str) -> None:
    item: Any = {"type": "function_call_output", "call_id": call_id, "output": output}
    await talking.connection.conversation.item.create(item=item)
    await talking.until("conversation.item.done")
