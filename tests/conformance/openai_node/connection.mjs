/* Open connections with the `openai` package, unmodified: a base URL and a key are all it is told. What it reports is kept to look at. */

import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

import { API_KEY, MODEL, URL_BASE, silence } from "../scenarios.mjs";

/** The two ways to connect: the `ws` package, and the WebSocket of the runtime itself, which has no headers and brings the key along. */
export const WAYS = { ws: OpenAIRealtimeWS, native: OpenAIRealtimeWebSocket };

/** What is going to be said, for a recognizer that has no large vocabulary. */
export const TRANSCRIPTION = { model: "gpt-4o-mini-transcribe", prompt: "Hello there. What is the weather in Oslo? Stop please." };

/** The tool of the suite. */
export const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "Look up the weather in a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** Return a client of the HTTP API. */
export const makeClient = (apiKey = API_KEY) => new OpenAI({ baseURL: URL_BASE, apiKey, maxRetries: 0 });

/** Connect; the connection is closed when the scenario is over. `events` are what it emits, `errors` what its error listener gets. */
export async function connect(scope, { way = "ws", key = API_KEY, target = { model: MODEL }, type = "realtime", session } = {}) {
  const connection = new WAYS[way](target, makeClient(key));
  const held = hold(scope, connection);
  await next(scope, held, "session.created");
  if (session) {
    connection.send({ type: "session.update", session: { type, ...session } });
    await next(scope, held, "session.updated");
  }
  return held;
}

/** Keep what a connection emits; it is closed when the scenario is over. */
export function hold(scope, connection) {
  const held = { connection, events: [], errors: [] };
  connection.on("event", (event) => held.events.push(event));
  connection.on("error", (error) => held.errors.push(error));
  scope.after(() => connection.close());
  return held;
}

/** Wait for the n-th event of a type, from 1; an error that was not waited for fails the scenario. */
export async function next(scope, held, type, number = 1) {
  return scope.until(`${type} number ${number}`, () => {
    if (held.errors.length > 0) throw new Error(`${type} was awaited: ${held.errors[0].message}`);
    return of(held, type)[number - 1];
  });
}

/** Return the events of a type so far. */
export const of = (held, type) => held.events.filter((event) => event.type === type);

/** Return the deltas of a type, joined. */
export const joined = (held, type) => of(held, type).map((event) => event.delta).join("");

/** Write a message and ask for an answer. */
export function ask(held, text, response) {
  const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
  held.connection.send({ type: "conversation.item.create", item });
  held.connection.send({ type: "response.create", ...(response ? { response } : {}) });
}

/** Append 16-bit PCM to the input, a fifth of a second in an event, with the silence that ends a turn. */
export function say(held, pcm, { silenceMs = 1_500, type = "input_audio_buffer.append" } = {}) {
  const step = silence(200).length;
  const whole = Buffer.concat([silence(200), pcm, silence(silenceMs)]);
  for (let at = 0; at < whole.length; at += step) {
    held.connection.send({ type, audio: whole.subarray(at, at + step).toString("base64") });
  }
}

/** Return the text of a response, spoken or written. */
export function textOf(response) {
  const messages = response.output.filter((item) => item.type === "message");
  return messages.flatMap((item) => item.content.map((part) => part.transcript ?? part.text)).join(" ");
}
