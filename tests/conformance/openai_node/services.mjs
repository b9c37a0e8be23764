/* Sessions that listen, sessions that translate, and the routes for one request each: recordings, speech, chats, responses. */

import { BadRequestError, toFile } from "openai";
import { OpenAIRealtimeTranslationWS } from "openai/realtime/translations/ws";

import { RATE_HZ, expect, expectSame, silence, speech } from "../scenarios.mjs";
import { TRANSCRIPTION, WEATHER, connect, hold, joined, makeClient, next, of, say } from "./connection.mjs";

const GREETING = "Hello! How can I help you?";
const TEXT_MODEL = "gpt-5.6-luna";
const HEARD = "conversation.item.input_audio_transcription";

/** Return 16-bit PCM as a WAV file to upload. */
function recording(pcm) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + pcm.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE_HZ, 24);
  head.writeUInt32LE(2 * RATE_HZ, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(pcm.length, 40);
  return toFile(Buffer.concat([head, pcm]), "speech.wav", { type: "audio/wav" });
}

const spoken = () => recording(Buffer.concat([silence(400), speech("hello"), silence(600)]));

export const services = {
  "speech is transcribed in a session": async (scope) => {
    const input = { transcription: { ...TRANSCRIPTION, model: "gpt-4o-transcribe" }, turn_detection: { type: "server_vad" } };
    const held = await connect(scope, { target: { intent: "transcription" }, type: "transcription", session: { audio: { input } } });
    expectSame(held.events[0].session.type, "transcription", "the session");
    say(held, speech("weather"));
    const { transcript } = await next(scope, held, `${HEARD}.completed`);
    expect(/weather in oslo/i.test(transcript), `heard ${transcript}`);
    expectSame(joined(held, `${HEARD}.delta`), transcript, "the deltas");
    expectSame(of(held, "response.created"), [], "answers nobody asked for");
  },

  "speech is translated in a session": async (scope) => {
    const { translation } = await makeClient().models.retrieve("gpt-realtime-translate");
    if (!translation.targets.includes("es")) return "nothing here speaks Spanish";
    const connection = await OpenAIRealtimeTranslationWS.create(makeClient(), { model: "gpt-realtime-translate" });
    const held = hold(scope, connection);
    await next(scope, held, "session.created");
    connection.send({ type: "session.update", session: { audio: { output: { language: "es" } } } });
    await next(scope, held, "session.updated");
    say(held, speech("hello"), { type: "session.input_audio_buffer.append" });
    await next(scope, held, "session.output_audio.delta");
    await connection.finish({ timeoutMs: 10_000 });
    expectSame(of(held, "session.closed").length, 1, "the ends");
    expect(/Hola/.test(joined(held, "session.output_transcript.delta")), "it says it in Spanish");
    expectSame(of(held, "session.input_transcript.delta"), [], "words of the source, which nobody asked for");
  },

  "a recording is transcribed": async () => {
    const files = makeClient().audio.transcriptions;
    const told = await files.create({ file: await spoken(), ...TRANSCRIPTION });
    expect(/hello/i.test(told.text), `heard ${told.text}`);
    const stream = await files.create({ file: await spoken(), ...TRANSCRIPTION, stream: true });
    let [text, last] = ["", undefined];
    for await (const event of stream) {
      text += event.type === "transcript.text.delta" ? event.delta : "";
      last = event;
    }
    expectSame([last.type, last.text], ["transcript.text.done", text], "the end");
    const verbose = await files.create({ file: await spoken(), model: "whisper-1", prompt: TRANSCRIPTION.prompt, response_format: "verbose_json" });
    expect(verbose.segments.length > 0 && verbose.duration > 1, "there are segments, and a duration");
  },

  "a text is spoken": async () => {
    const voice = makeClient().audio.speech;
    const pcm = await (await voice.create({ model: "gpt-4o-mini-tts", voice: "coral", input: GREETING, response_format: "pcm" })).arrayBuffer();
    expect(pcm.byteLength / 2 / RATE_HZ > 0.8, `it lasts ${pcm.byteLength / 2 / RATE_HZ} s`);
    const mp3 = await voice.create({ model: "tts-1", voice: "coral", input: GREETING });
    expectSame(mp3.headers.get("content-type"), "audio/mpeg", "the type");
    expect((await mp3.arrayBuffer()).byteLength > 1_000, "there is MP3");
  },

  "a chat is completed": async () => {
    const chats = makeClient().chat.completions;
    const messages = [{ role: "user", content: "hello" }];
    const whole = await chats.create({ model: TEXT_MODEL, messages });
    expectSame(whole.choices[0].message.content, GREETING, "the answer");
    let text = "";
    for await (const chunk of await chats.create({ model: TEXT_MODEL, messages, stream: true })) text += chunk.choices[0]?.delta?.content ?? "";
    expectSame(text, GREETING, "the answer in pieces");
    const audio = { voice: "alloy", format: "wav" };
    const aloud = await chats.create({ model: "gpt-audio", messages, modalities: ["text", "audio"], audio });
    expectSame(aloud.choices[0].message.audio.transcript, GREETING, "the answer aloud");
  },

  "a response calls a function": async () => {
    const { responses } = makeClient();
    const tools = [{ ...WEATHER, strict: false }];
    const input = [{ role: "user", content: "what is the weather?" }];
    const first = await responses.stream({ model: TEXT_MODEL, input, tools }).finalResponse();
    expectSame(first.output.map((item) => item.type), ["message", "function_call"], "the output");
    const call = first.output[1];
    expectSame([call.name, JSON.parse(call.arguments)], ["get_weather", { city: "Oslo" }], "the call");
    const output = { type: "function_call_output", call_id: call.call_id, output: "It is sunny in Oslo." };
    const second = await responses.create({ model: TEXT_MODEL, input: [...input, ...first.output, output], tools });
    expectSame(second.output_text, "It is sunny in Oslo.", "the answer");
    const error = await responses.create({ model: TEXT_MODEL, input: "go on", previous_response_id: second.id }).catch((caught) => caught);
    expect(error instanceof BadRequestError && error.code === "previous_response_not_found", `${error}`);
  },
};
