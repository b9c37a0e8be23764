import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { UsageMeter, cost, counted, dollars } = await import(new URL("talk/usage.js", JS));

const USAGE = {
  input_token_details: { text_tokens: 300, audio_tokens: 100, image_tokens: 0, cached_tokens: 200 },
  output_token_details: { text_tokens: 20, audio_tokens: 80 },
};
const PRICE = { text_in: 4, text_cached: 0.4, audio_in: 32, text_out: 24, audio_out: 64 };

test("what was cached is charged as cached, and the rest as it is", () => {
  assert.deepEqual(counted(USAGE), { text_in: 100, text_cached: 200, audio_in: 100, image_in: 0, text_out: 20, audio_out: 80 });
  assert.ok(Math.abs(cost(counted(USAGE), PRICE) - 0.00928) < 1e-9);
});

test("a call adds up its answers and its transcripts", () => {
  const meter = new UsageMeter(new Map([["agent", PRICE], ["ear", { per_minute: 0.6 }]]), "agent", "ear");
  assert.equal(meter.take({ type: "response.done", response: { usage: USAGE } }), true);
  assert.equal(meter.take({ type: "response.done", response: { usage: USAGE } }), true);
  assert.equal(meter.take({ type: "conversation.item.input_audio_transcription.completed", usage: { type: "duration", seconds: 3 } }), true);
  assert.equal(meter.take({ type: "response.created" }), false);
  assert.ok(Math.abs(meter.total - (2 * 0.00928 + 0.03)) < 1e-9);
  assert.deepEqual(meter.rows().map((row) => [row.label, row.amount]), [
    ["Text in", "200 tokens"], ["Text in, cached", "400 tokens"], ["Audio in", "200 tokens"], ["Text out", "40 tokens"], ["Audio out", "160 tokens"], ["Transcription", "3 s"],
  ]);
});

test("a model without a price costs nothing", () => {
  const meter = new UsageMeter(new Map(), "unknown", "unknown");
  meter.take({ type: "response.done", response: { usage: USAGE } });
  assert.equal(meter.total, 0);
});

test("small amounts are not rounded to nothing", () => {
  assert.deepEqual([0, 0.00001, 0.0104, 1.239].map(dollars), ["$0", "under $0.0001", "$0.0104", "$1.24"]);
});
