import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { Turns, bars, wait } = await import(new URL("talk/turns.js", JS));

const received = (turns, at, event) => turns.take("received", event, at);

test("a spoken turn runs from the end of speech to the first sound", () => {
  const turns = new Turns();
  received(turns, 1000, { type: "input_audio_buffer.speech_stopped", item_id: "a" });
  received(turns, 1010, { type: "input_audio_buffer.committed", item_id: "a" });
  received(turns, 1020, { type: "response.created", response: { id: "r" } });
  received(turns, 1100, { type: "conversation.item.input_audio_transcription.completed", item_id: "a" });
  received(turns, 1200, { type: "response.output_audio_transcript.delta", response_id: "r" });
  received(turns, 1250, { type: "response.output_audio_transcript.delta", response_id: "r" });
  received(turns, 1300, { type: "output_audio_buffer.started", response_id: "r" });
  received(turns, 1900, { type: "response.done", response: { id: "r", status: "completed" } });
  const [turn] = turns.list;
  assert.equal(wait(turn), 300);
  assert.deepEqual(bars(turn).map((bar) => [bar.mark, bar.offset, bar.length]),
    [["committed", 0, 10], ["transcript", 10, 90], ["created", 10, 10], ["text", 20, 180], ["playout", 200, 100]]);
  assert.equal(turn.status, "completed");
});

test("push to talk begins with the commit that is sent", () => {
  const turns = new Turns();
  turns.take("sent", { type: "input_audio_buffer.commit" }, 500);
  received(turns, 520, { type: "input_audio_buffer.committed", item_id: "a" });
  turns.take("sent", { type: "response.create" }, 521);
  received(turns, 530, { type: "response.created", response: { id: "r" } });
  assert.equal(turns.list.length, 1);
  assert.equal(turns.list[0].marks.start, 500);
});

test("typed messages and results of tools begin turns of their own", () => {
  const turns = new Turns();
  turns.take("sent", { type: "conversation.item.create", item: { type: "message" } }, 10);
  received(turns, 20, { type: "response.created", response: { id: "r1" } });
  received(turns, 40, { type: "response.function_call_arguments.done", response_id: "r1" });
  turns.take("sent", { type: "conversation.item.create", item: { type: "function_call_output" } }, 50);
  turns.take("sent", { type: "conversation.item.create", item: { type: "function_call_output" } }, 51);
  received(turns, 60, { type: "response.created", response: { id: "r2" } });
  assert.deepEqual(turns.list.map((turn) => turn.trigger), ["typed", "tool result"]);
  assert.equal(wait(turns.list[0]), 30);
});

test("an answer nobody asked for is a turn too, and old turns are forgotten", () => {
  const turns = new Turns();
  for (let number = 0; number < 200; number += 1) received(turns, number, { type: "response.created", response: { id: `r${number}` } });
  assert.equal(turns.list.at(-1).number, 200);
  assert.ok(turns.list.length <= 60 && turns.byResponse.size <= 60);
});
