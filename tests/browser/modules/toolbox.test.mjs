import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { Toolbox } = await import(new URL("talk/toolbox.js", JS));
const { doing } = await import(new URL("talk/dock.js", JS));

const call = (id, status = "completed") => ({ type: "function_call", name: "look", call_id: id, arguments: '{"city":"Oslo"}', status });
const done = (id, output) => ({ type: "response.done", response: { id, conversation_id: "conv", status: "completed", output } });
const created = (id) => ({ type: "response.created", response: { id, conversation_id: "conv" } });

function toolbox(options = {}) {
  const sent = [];
  const asked = [];
  const box = new Toolbox({ send: (event) => sent.push(event), results: () => ({ look: { in: "{{city}}" } }), byHand: () => false, ask: (id, draft) => asked.push([id, draft]), ...options });
  return { box, sent, asked, types: () => sent.map((event) => event.type) };
}

test("every call gets its result, then the agent is asked to go on, once", () => {
  const { box, sent, types } = toolbox();
  box.take(created("r"));
  box.take(done("r", [call("1"), call("2"), { type: "message" }]));
  assert.deepEqual(types(), ["conversation.item.create", "conversation.item.create", "response.create"]);
  assert.deepEqual(sent[0].item, { type: "function_call_output", call_id: "1", output: '{"in":"Oslo"}' });
});

test("a call that was cut short is not answered", () => {
  const { box, types } = toolbox();
  box.take(done("r", [call("1", "incomplete")]));
  assert.deepEqual(types(), []);
});

test("by hand, nothing is sent before the last result is there", () => {
  const { box, asked, types } = toolbox({ byHand: () => true });
  box.take(done("r", [call("1"), call("2")]));
  assert.deepEqual(asked.map(([id]) => id), ["1", "2"]);
  box.reply("1", "{}");
  box.reply("1", "{}");
  assert.deepEqual(types(), ["conversation.item.create"]);
  box.reply("2", "{}");
  assert.deepEqual(types(), ["conversation.item.create", "conversation.item.create", "response.create"]);
});

test("an answer is asked for when the one being made is over", () => {
  const { box, types } = toolbox();
  box.take(created("r"));
  box.wantAnswer();
  assert.deepEqual(types(), []);
  box.take(done("r", []));
  assert.deepEqual(types(), ["response.create"]);
});

test("what is typed is answered although a result is still being written", () => {
  const { box, types } = toolbox({ byHand: () => true });
  box.take(done("r", [call("1")]));
  box.wantAnswer();
  assert.deepEqual(types(), ["response.create"]);
});

test("results that are no JSON become an error the agent can speak about", () => {
  const { box, sent } = toolbox({ results: () => { throw new Error("The results are not JSON."); } });
  box.take(done("r", [call("1")]));
  assert.deepEqual(JSON.parse(sent[0].item.output), { error: "The results are not JSON." });
});

test("what is going on is said in a word", () => {
  const calm = { microphone: true };
  assert.equal(doing(calm), "Listening");
  assert.equal(doing({ ...calm, speaking: true, playing: true }), "Hearing you");
  assert.equal(doing({ ...calm, playing: true, active: true }), "Speaking");
  assert.equal(doing({ ...calm, active: true }), "Thinking");
  assert.equal(doing({ ...calm, muted: true }), "Muted");
  assert.equal(doing({ ...calm, manual: true }), "Hold the button to talk");
  assert.equal(doing({}), "Microphone off");
});
