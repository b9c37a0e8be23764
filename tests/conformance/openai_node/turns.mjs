/* Turns over either WebSocket: written, spoken, with tools, cut off. */

import { RATE_HZ, expect, expectSame, speech } from "../scenarios.mjs";
import { TRANSCRIPTION, WEATHER, ask, connect, joined, next, of, say, textOf } from "./connection.mjs";

const GREETING = "Hello! How can I help you?";

/** Return the scenarios for one way to connect (`ws` or `native`); `mark` goes behind their names. */
export const turns = (way, mark) => ({
  [`a written turn${mark}`]: async (scope) => {
    const held = await connect(scope, { way, session: { output_modalities: ["text"], instructions: "Be brief." } });
    ask(held, "hello");
    const { response } = await next(scope, held, "response.done");
    expectSame([response.status, textOf(response)], ["completed", GREETING], "the answer");
    expectSame(joined(held, "response.output_text.delta"), GREETING, "the deltas");
    expect(response.usage.total_tokens > 0, "the usage is counted");
  },

  [`a spoken turn is transcribed and answered aloud${mark}`]: async (scope) => {
    const session = { audio: { input: { transcription: TRANSCRIPTION, turn_detection: { type: "server_vad" } } } };
    const held = await connect(scope, { way, session });
    say(held, speech("hello"));
    const started = await next(scope, held, "input_audio_buffer.speech_started");
    const stopped = await next(scope, held, "input_audio_buffer.speech_stopped");
    expect(started.audio_start_ms < stopped.audio_end_ms, "speech starts before it stops");
    const { transcript } = await next(scope, held, "conversation.item.input_audio_transcription.completed");
    expect(/hello/i.test(transcript), `heard ${transcript}`);
    expectSame(joined(held, "conversation.item.input_audio_transcription.delta"), transcript, "the deltas of what was heard");
    const { response } = await next(scope, held, "response.done");
    expectSame([response.status, textOf(response)], ["completed", GREETING], "the answer");
    const bytes = of(held, "response.output_audio.delta").reduce((sum, event) => sum + Buffer.from(event.delta, "base64").length, 0);
    expect(bytes / 2 / RATE_HZ > 0.5, `the answer lasts ${bytes / 2 / RATE_HZ} s`);
  },

  [`a function call and its output${mark}`]: async (scope) => {
    const held = await connect(scope, { way, session: { tools: [WEATHER], tool_choice: "auto" } });
    ask(held, "what is the weather?");
    const call = await next(scope, held, "response.function_call_arguments.done");
    expectSame([call.name, JSON.parse(call.arguments)], ["get_weather", { city: "Oslo" }], "the call");
    const first = await next(scope, held, "response.done");
    expectSame(first.response.output.map((item) => item.type), ["message", "function_call"], "the output");
    const output = "It is sunny in Oslo.";
    held.connection.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: call.call_id, output } });
    held.connection.send({ type: "response.create" });
    const second = await next(scope, held, "response.done", 2);
    expectSame(textOf(second.response), "It is sunny in Oslo.", "the answer");
  },

  [`an answer is cancelled${mark}`]: async (scope) => {
    const held = await connect(scope, { way });
    ask(held, "count");
    const { item_id: id, response_id: answer } = await next(scope, held, "response.output_audio.delta");
    held.connection.send({ type: "response.cancel", response_id: answer });
    const { response } = await next(scope, held, "response.done");
    expectSame([response.status, response.status_details.reason], ["cancelled", "client_cancelled"], "the end");
    expectSame(of(held, "response.output_item.done").map((event) => event.item.status), ["incomplete"], "the item");
    held.connection.send({ type: "conversation.item.truncate", item_id: id, content_index: 0, audio_end_ms: 0 });
    await next(scope, held, "conversation.item.truncated");
    ask(held, "hello");
    const last = await next(scope, held, "response.done", 2);
    expectSame(textOf(last.response), GREETING, "the next answer");
  },
});
