import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { EventLog, lightened, passes, summary } = await import(new URL("talk/log.js", JS));

test("the log is bounded, and counts what it forgot", () => {
  const log = new EventLog(3);
  for (let number = 0; number < 5; number += 1) log.add("received", { type: `t${number}` }, number);
  assert.deepEqual(log.entries.map((entry) => entry.type), ["t2", "t3", "t4"]);
  assert.equal(log.forgotten, 2);
});

test("audio does not fill the memory", () => {
  const event = lightened({ type: "conversation.item.retrieved", item: { content: [{ audio: "A".repeat(100_000), transcript: "hello" }] } });
  assert.ok(JSON.stringify(event).length < 500);
  assert.equal(event.item.content[0].transcript, "hello");
});

test("a filter goes by direction, by deltas, and by every word of the search", () => {
  const log = new EventLog();
  log.add("sent", { type: "session.update", session: { voice: "marin" } }, 1);
  log.add("received", { type: "response.output_audio_transcript.delta", delta: "Hi" }, 2);
  log.add("received", { type: "response.done", response: { status: "completed" } }, 3);
  const types = (filter) => log.matching(filter).map((entry) => entry.type);
  assert.deepEqual(types({ direction: "sent" }), ["session.update"]);
  assert.deepEqual(types({ deltas: false }), ["session.update", "response.done"]);
  assert.deepEqual(types({ query: "MARIN update" }), ["session.update"]);
  assert.deepEqual(types({ query: "marin nothing" }), []);
  assert.equal(passes(log.entries[1], {}), true);
});

test("JSON lines can be read back", () => {
  const log = new EventLog();
  log.add("sent", { type: "response.create" }, 12.6);
  assert.deepEqual(log.jsonl().trim().split("\n").map(JSON.parse), [{ at_ms: 13, direction: "sent", event: { type: "response.create" } }]);
});

test("a summary says what an event is about", () => {
  assert.equal(summary({ type: "x", delta: "Hi" }), "Hi");
  assert.equal(summary({ type: "response.done", response: { status: "cancelled" } }), "cancelled");
  assert.equal(summary({ type: "conversation.item.truncated", audio_end_ms: 0 }), "0 ms");
  assert.equal(summary({ type: "y", item: { type: "function_call", name: "orderDrink" } }), "function_call orderDrink");
  assert.equal(summary({ type: "z" }), "");
});
