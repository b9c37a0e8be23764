/* Open sessions of @openai/agents-realtime, unmodified: a URL and a key are all it is told. What it reports is kept to look at. */

import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

import { API_KEY, MODEL, RATE_HZ, SOCKET_URL, arrayBuffer, silence } from "../scenarios.mjs";

const STEP_MS = 40;

/** What is going to be said, for a recognizer that has no large vocabulary. */
export const LISTENING = {
  audio: { input: { transcription: { model: "gpt-4o-mini-transcribe", prompt: "Hello there. What is the weather in Oslo? Stop please." } } },
};

/** Return the tool that every agent here has; `calls` keeps the arguments it was called with. */
export function weatherTool(calls) {
  return tool({
    name: "get_weather",
    description: "Look up the weather in a city.",
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      calls.push(city);
      return `It is sunny in ${city}.`;
    },
  });
}

/** Return an agent with tools and handoffs. */
export function makeAgent(fields = {}) {
  return new RealtimeAgent({ name: "front desk", instructions: "You are the front desk.", ...fields });
}

/**
 * Connect a session that is closed when the scenario is over.
 *
 * `session` is the client's; `raw` are the server's events, `unread` counts those the client did not understand, by type, `heard` the
 * audio in bytes, `said` what agents said at the end of each response, `errors` what the session reported as errors, `told` the other
 * events of the session by name.
 */
export async function open(scope, { agent = makeAgent(), config, key = API_KEY, ...options } = {}) {
  const transport = new OpenAIRealtimeWebSocket({ url: SOCKET_URL });
  const session = new RealtimeSession(agent, { transport, model: MODEL, config, ...options });
  const held = { session, transport, raw: [], heard: 0, said: [], errors: [], told: {}, unread: {} };
  session.on("transport_event", (event) => {
    held.raw.push(event);
    // The event is emitted under its own name right after this, unless the client cannot make sense of it.
    held.unread[event.type] ??= (transport.on(event.type, () => (held.unread[event.type] -= 1)), 0);
    held.unread[event.type] += 1;
  });
  session.on("audio", (event) => (held.heard += event.data.byteLength));
  session.on("agent_end", (_context, _agent, text) => held.said.push(text));
  session.on("error", (error) => held.errors.push(error));
  for (const name of ["agent_handoff", "agent_tool_start", "agent_tool_end", "guardrail_tripped", "audio_interrupted"]) {
    held.told[name] = [];
    session.on(name, (...rest) => held.told[name].push(rest));
  }
  scope.after(() => session.close());
  await session.connect({ apiKey: key });
  await scope.until("session.updated", () => seen(held, "session.updated").length > 0);
  return held;
}

/** Return the server events of a type so far. */
export const seen = (held, type) => held.raw.filter((event) => event.type === type);

/** Wait for the n-th server event of a type, from 1. */
export async function nth(scope, held, type, number = 1) {
  return scope.until(`${type} number ${number}`, () => seen(held, type)[number - 1]);
}

/** Wait until an agent has said something that matches. */
export async function hears(scope, held, pattern) {
  return scope.until(`the agent saying ${pattern}`, () => held.said.find((text) => pattern.test(text)));
}

/** Return the transcripts or texts of a role in the session's history. */
export function history(held, role) {
  const messages = held.session.history.filter((item) => item.type === "message" && item.role === role);
  return messages.map((item) => item.content.map((part) => part.transcript ?? part.text ?? "").join(""));
}

/** A microphone that is always on: silence in real time, with something said into it now and then. */
export class Microphone {
  #queue = Buffer.alloc(0);

  constructor(scope, held) {
    const step = silence(STEP_MS).length;
    const began = Date.now();
    let sent = 0;
    const timer = setInterval(() => {
      for (; sent * STEP_MS < Date.now() - began; sent += 1) {
        const chunk = Buffer.alloc(step);
        this.#queue.copy(chunk, 0, 0, step);
        this.#queue = this.#queue.subarray(step);
        held.session.sendAudio(arrayBuffer(chunk));
      }
    }, STEP_MS / 2);
    scope.after(() => clearInterval(timer));
  }

  /** Say this next, 16-bit PCM at `RATE_HZ`. */
  say(pcm) {
    this.#queue = Buffer.concat([this.#queue, pcm]);
  }
}

/** Return how long that many bytes of PCM last. */
export const lengthMs = (bytes) => bytes / 2 / (RATE_HZ / 1000);

/** Return what the session reported as errors, and the types of events that the client could not make sense of. */
export function troubles(held) {
  const errors = held.errors.map((error) => JSON.stringify(error.error?.error ?? String(error.error ?? error)));
  return [...errors, ...Object.keys(held.unread).filter((type) => held.unread[type] > 0)];
}
