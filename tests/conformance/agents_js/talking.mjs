/* Turns: written and spoken, interrupted, in other formats; and what happens when something goes wrong. */

import { API_KEY, MODEL, SOCKET_URL, URL_BASE, expect, expectSame, lastContext, pause, speech } from "../scenarios.mjs";
import { LISTENING, Microphone, hears, history, lengthMs, makeAgent, nth, open, seen, troubles, weatherTool } from "./session.mjs";

const GREETING = "Hello! How can I help you?";

export const talking = {
  "the session is what the client asked for": async (scope) => {
    const calls = [];
    const config = { parallelToolCalls: true, reasoning: { effort: "low" }, audio: { output: { voice: "marin", speed: 1.1 } } };
    const held = await open(scope, { agent: makeAgent({ tools: [weatherTool(calls)] }), config });
    const [session] = seen(held, "session.updated").map((event) => event.session);
    expectSame(session.instructions, "You are the front desk.", "instructions");
    expectSame(session.tools.map((entry) => entry.name), ["get_weather"], "tools");
    expectSame(session.audio.input.turn_detection.type, "semantic_vad", "turn detection");
    expectSame(session.audio.input.transcription.model, "gpt-4o-mini-transcribe", "transcription");
    expectSame([session.audio.output.voice, session.audio.output.speed], ["marin", 1.1], "voice and speed");
    expectSame(session.parallel_tool_calls, true, "parallel tool calls");
    expectSame(session.reasoning?.effort, "low", "reasoning effort");
    expectSame(troubles(held), [], "troubles");
  },

  "a written message is answered aloud": async (scope) => {
    const held = await open(scope);
    held.session.sendMessage("hello");
    expectSame(await hears(scope, held, /./), GREETING, "the answer");
    await scope.until("the answer in the history", () => history(held, "assistant")[0] === GREETING);
    expectSame(history(held, "user"), ["hello"], "the question in the history");
    expect(lengthMs(held.heard) > 500, `the answer lasts ${lengthMs(held.heard)} ms`);
    expectSame(seen(held, "response.done")[0].response.status, "completed", "status");
    expect(held.session.usage.totalTokens > 0, "the usage is counted");
    expectSame(troubles(held), [], "troubles");
  },

  "an answer in writing": async (scope) => {
    const held = await open(scope, { config: { outputModalities: ["text"] } });
    held.session.sendMessage("hello");
    expectSame(await hears(scope, held, /./), GREETING, "the answer");
    expectSame(held.heard, 0, "bytes of audio");
    expect(seen(held, "response.output_text.delta").length > 0, "the text comes in deltas");
  },

  "telephone audio": async (scope) => {
    const config = { audio: { input: { format: "g711_ulaw" }, output: { format: "g711_ulaw" } } };
    const held = await open(scope, { config });
    expectSame(seen(held, "session.updated")[0].session.audio.output.format.type, "audio/pcmu", "format");
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
    expect(held.heard > 4_000 && held.heard < 80_000, `8,000 bytes a second: ${held.heard}`);
  },

  "a spoken question runs a tool and is answered aloud": async (scope) => {
    const calls = [];
    const held = await open(scope, { agent: makeAgent({ tools: [weatherTool(calls)] }), config: LISTENING });
    new Microphone(scope, held).say(speech("weather"));
    await hears(scope, held, /sunny in Oslo/);
    expectSame(calls, ["Oslo"], "calls of the tool");
    await scope.until("the transcript in the history", () => /weather/i.test(history(held, "user")[0] ?? ""));
    expect(history(held, "assistant").includes("One moment."), "what was said before the call is in the history");
    expectSame(troubles(held), [], "troubles");
  },

  "interrupt() cuts the answer to what was heard": async (scope) => {
    const held = await open(scope);
    const { full, kept } = await interrupted(scope, held, () => held.session.interrupt());
    expect(held.told.audio_interrupted.length === 1, "the session says that it was interrupted");
    await scope.until("the cut transcript in the history", () => history(held, "assistant")[0] === kept);
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
    const context = await lastContext();
    expectSame(context.filter((message) => message.role === "assistant").map((message) => message.content), [kept], "the next context");
    expectSame(troubles(held), [], "troubles");
    return `${kept.length} of ${full.length} characters were heard`;
  },

  "speaking interrupts the answer": async (scope) => {
    const held = await open(scope, { config: LISTENING });
    const microphone = new Microphone(scope, held);
    const { full, kept } = await interrupted(scope, held, () => microphone.say(speech("stop")));
    await nth(scope, held, "input_audio_buffer.speech_started");
    await scope.until("the cut transcript in the history", () => history(held, "assistant")[0] === kept);
    await hears(scope, held, /I see/);
    expect(/stop/i.test(history(held, "user")[1] ?? ""), `what interrupted is in the history: ${history(held, "user")}`);
    expectSame(troubles(held), [], "troubles");
    return `${kept.length} of ${full.length} characters were heard`;
  },

  "an error is reported and the session lives": async (scope) => {
    const held = await open(scope);
    held.transport.sendEvent({ type: "conversation.item.delete", item_id: "item_nobody_knows", event_id: "mine" });
    await scope.until("the error", () => held.errors.length > 0);
    const { error } = held.errors[0].error;
    expectSame([error.type, error.code, error.event_id], ["invalid_request_error", "item_delete_invalid_item_id", "mine"], "error");
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
  },

  "a language model that fails fails one response": async (scope) => {
    const held = await open(scope);
    held.session.sendMessage("fail");
    const { response } = await nth(scope, held, "response.done");
    expectSame([response.status, response.status_details.type], ["failed", "failed"], "status");
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
  },

  "a trace is asked for": async (scope) => {
    const options = { workflowName: "front desk", groupId: "group-1", traceMetadata: { shop: "7" } };
    const held = await open(scope, options);
    const wanted = { workflow_name: "front desk", group_id: "group-1", metadata: { shop: "7" } };
    const { session } = await nth(scope, held, "session.updated", 2);
    for (const [name, value] of Object.entries(wanted)) expectSame(session.tracing[name], value, name);
    expectSame(troubles(held), [], "troubles");
  },

  "a client secret opens the session it was made for": async (scope) => {
    const secret = await fetch(`${URL_BASE}/realtime/client_secrets`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify({ session: { type: "realtime", model: MODEL } }),
    });
    expectSame(secret.status, 200, "status of POST /realtime/client_secrets");
    const { value } = await secret.json();
    expect(value.startsWith("ek_"), "it looks like a client secret");
    const held = await open(scope, { key: value });
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
  },

  "a wrong key is refused": async (scope) => {
    try {
      await open(scope, { key: "sk-wrong" });
    } catch (error) {
      expect(/401/.test(error.message), `the refusal names its status: ${error.message}`);
      return;
    }
    throw new Error(`${SOCKET_URL} takes any key`);
  },

  "closing ends the session, and the next one is new": async (scope) => {
    const held = await open(scope);
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
    held.session.close();
    expectSame(held.transport.status, "disconnected", "status");
    const events = held.raw.length;
    await held.session.connect({ apiKey: API_KEY });
    await scope.until("session.updated", () => held.raw.slice(events).some((event) => event.type === "session.updated"));
    expectSame(held.session.history, [], "history");
    held.session.sendMessage("hello");
    await scope.until("the answer", () => held.said.length === 2);
  },
};

/** Let the agent count, interrupt it after a second and a half of listening, and return what it had said and what is left of it. */
async function interrupted(scope, held, interrupt) {
  held.session.sendMessage("count");
  await scope.until("the agent counting", () => held.heard > 0);
  await pause(1_500);
  interrupt();
  const { item_id: id, audio_end_ms: end } = await nth(scope, held, "conversation.item.truncated");
  expect(end >= 1_400 && end <= 6_000, `cut at ${end} ms`);
  const { response } = await nth(scope, held, "response.done");
  const full = seen(held, "response.output_audio_transcript.delta").map((event) => event.delta).join("");
  const { item } = await scope.until("the cut item", () =>
    seen(held, "conversation.item.retrieved").find((event) => event.item.id === id),
  );
  const kept = item.content.map((part) => part.transcript ?? "").join("");
  expect(kept.length > 0 && kept.length < full.length && full.startsWith(kept), `kept ${JSON.stringify(kept)} of ${JSON.stringify(full)}`);
  expect(["cancelled", "completed"].includes(response.status), `status ${response.status}`);
  return { full, kept };
}
