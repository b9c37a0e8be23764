import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { AGENT_DEFAULTS, agentSession, readResults, readTools, sessionChanges, turnDetection } = await import(new URL("talk/session.js", JS));

const settings = (fields = {}) => ({ ...AGENT_DEFAULTS, instructions: "Be brief.", ...fields });

test("turn detection is what the settings say", () => {
  assert.deepEqual(turnDetection(settings({ silence: 700 })), { type: "server_vad", threshold: 0.5, silence_duration_ms: 700, prefix_padding_ms: 300 });
  assert.deepEqual(turnDetection(settings({ detection: "semantic_vad", eagerness: "high" })), { type: "semantic_vad", eagerness: "high" });
  assert.equal(turnDetection(settings({ detection: "none" })), null);
});

test("a session leaves out what is left to the model", () => {
  const session = agentSession(settings());
  assert.equal("reasoning" in session, false);
  assert.equal("output" in session.audio, false);
  assert.equal(session.audio.input.noise_reduction, null);
  const full = agentSession(settings({ voice: "cedar", effort: "high", noise: "near_field" }));
  assert.deepEqual([full.audio.output, full.reasoning, full.audio.input.noise_reduction], [{ voice: "cedar" }, { effort: "high" }, { type: "near_field" }]);
  assert.equal("reasoning" in agentSession(settings({ effort: "high" }), { reasoning: false }), false);
});

test("an update holds what has changed and nothing else, and never the model", () => {
  const before = agentSession(settings());
  assert.equal(sessionChanges(before, agentSession(settings())), null);
  assert.deepEqual(sessionChanges(before, agentSession(settings({ instructions: "Be kind." }))), { type: "realtime", instructions: "Be kind." });
  assert.deepEqual(sessionChanges(before, agentSession(settings({ detection: "none" }))), { type: "realtime", audio: { input: { turn_detection: null } } });
  assert.equal(sessionChanges(before, agentSession(settings({ model: "gpt-realtime" }))), null);
});

test("changed turn detection is sent whole, so that nothing of the old kind is left", () => {
  const update = sessionChanges(agentSession(settings()), agentSession(settings({ threshold: 0.8 })));
  assert.deepEqual(update.audio.input.turn_detection, { type: "server_vad", threshold: 0.8, silence_duration_ms: 500, prefix_padding_ms: 300 });
});

test("tools that are none are refused in words", () => {
  assert.deepEqual(readTools(""), []);
  assert.deepEqual(readTools('[{"name":"a"}]'), [{ type: "function", name: "a" }]);
  assert.throws(() => readTools("{}"), /array/);
  assert.throws(() => readTools("[{}]"), /Tool 1 needs a "name"/);
  assert.throws(() => readTools("[,"), /The tools are not JSON/);
  assert.throws(() => readResults("[]"), /object/);
});
