import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Floor } from "../voice-ui/floor.js";

let floor;
const response = (type, id = "resp_1", conversation_id = "conv") => floor.take({ type, response: { id, conversation_id } });
const begin = (item_id) => floor.take({ type: "input_audio_buffer.speech_started", item_id });
const heard = (item_id, transcript) => floor.take({ type: "conversation.item.input_audio_transcription.completed", item_id, transcript });

beforeEach(() => (floor = new Floor()));

test("an answer is asked for at once while nobody speaks", () => assert.equal(floor.owe(), true));

test("while a response is under way it is asked for when that is done, once", () => {
  response("response.created");
  assert.equal(floor.owe(), false);
  assert.equal(response("response.done"), true);
  response("response.created", "resp_2");
  assert.equal(response("response.done", "resp_2"), false);
});

test("a turn of the person answers it", () => {
  begin("item_1");
  assert.equal(floor.owe(), false);
  assert.equal(response("response.created"), false);
  assert.equal(response("response.done"), false);
});

test("while calls are being run nothing is asked for, and once after them", () => {
  floor.begin();
  floor.begin();
  assert.equal(floor.owe(), false);
  assert.equal(floor.end(true), false);
  assert.equal(floor.end(false), true);
});

test("calls that were not run ask for nothing", () => {
  floor.begin();
  assert.equal(floor.end(false), false);
});

test("refused because a response had begun, it is asked for again after that one", () => {
  assert.equal(floor.owe(), true);
  response("response.created");
  floor.take({ type: "error", error: { code: "conversation_already_has_active_response" } });
  assert.equal(response("response.done"), true);
});

test("out of band responses are nobody's turn", () => {
  response("response.created", "resp_9", null);
  assert.equal(floor.owe(), true);
});

for (const [said, agreed] of [
  ["Yes.", true], ["yeah go ahead", true], ["Okay, do it", true], ["no", false], ["yes, no wait", false], ["don't", false], ["maybe yes", false],
  ["what is this", false], ["", false],
]) {
  test(`"${said}" is ${agreed ? "" : "not "}a plain yes`, () => {
    floor.ask();
    begin("item_1");
    heard("item_1", said);
    assert.equal(floor.agreed, agreed);
  });
}

test("a yes that was begun before the question is none", () => {
  begin("item_1");
  floor.ask();
  heard("item_1", "yes");
  assert.equal(floor.agreed, false);
});

test("a yes that nobody began to say is none", () => {
  floor.ask();
  heard("item_7", "yes");
  assert.equal(floor.agreed, false);
});

test("a yes to the question before is none to this one", () => {
  floor.ask();
  floor.said("yes");
  floor.answered();
  floor.said("yes");
  floor.ask();
  assert.equal(floor.agreed, false);
});

test("the last word counts", () => {
  floor.ask();
  floor.said("yes");
  floor.said("no, stop");
  assert.equal(floor.agreed, false);
});
