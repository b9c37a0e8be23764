import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { Conversation, keptLength } = await import(new URL("talk/conversation.js", JS));

const talkOf = (...events) => {
  const talk = new Conversation();
  for (const event of events) talk.take(event);
  return talk;
};
const shown = (talk) => talk.entries.map((entry) => `${entry.kind}: ${entry.text}`);
const message = (id, role, text = "") => ({ id, type: "message", role, status: "completed", content: [{ type: role === "assistant" ? "output_audio" : "input_text", [role === "assistant" ? "transcript" : "text"]: text }] });

test("a spoken turn fills while it is heard and is settled by its transcript", () => {
  const talk = talkOf(
    { type: "input_audio_buffer.speech_started", item_id: "a" },
    { type: "conversation.item.input_audio_transcription.delta", item_id: "a", delta: "a larg" },
  );
  assert.equal(talk.get("a").state, "speaking");
  talk.take({ type: "input_audio_buffer.speech_stopped", item_id: "a" });
  talk.take({ type: "input_audio_buffer.committed", item_id: "a", previous_item_id: null });
  assert.equal(talk.get("a").state, "recognizing");
  talk.take({ type: "conversation.item.input_audio_transcription.completed", item_id: "a", transcript: "A large latte." });
  assert.deepEqual([talk.get("a").state, talk.get("a").text], ["done", "A large latte."]);
});

test("a transcript that comes after the answer stays before it", () => {
  const talk = talkOf(
    { type: "input_audio_buffer.speech_started", item_id: "a" },
    { type: "input_audio_buffer.committed", item_id: "a", previous_item_id: null },
    { type: "response.output_item.added", response_id: "r", item: { id: "b", type: "message", role: "assistant", status: "in_progress", content: [] } },
    { type: "response.output_audio_transcript.delta", response_id: "r", item_id: "b", delta: "Sure." },
    { type: "conversation.item.input_audio_transcription.completed", item_id: "a", transcript: "Hello" },
  );
  assert.deepEqual(shown(talk), ["user: Hello", "assistant: Sure."]);
});

test("an item that comes late is put behind the one it follows, past notes", () => {
  const talk = talkOf({ type: "conversation.item.added", previous_item_id: null, item: message("a", "user", "one") });
  talk.note("a remark");
  talk.take({ type: "conversation.item.added", previous_item_id: "a", item: message("c", "user", "three") });
  talk.take({ type: "conversation.item.added", previous_item_id: "a", item: message("b", "user", "two") });
  assert.deepEqual(shown(talk).filter((line) => !line.startsWith("note")), ["user: one", "user: two", "user: three"]);
});

test("a tool call gathers its arguments, and its result finds it by the call's id", () => {
  const talk = talkOf(
    { type: "response.output_item.added", response_id: "r", item: { id: "f", type: "function_call", name: "orderDrink", call_id: "call_1", arguments: "", status: "in_progress" } },
    { type: "response.function_call_arguments.delta", item_id: "f", delta: '{"size":' },
    { type: "response.function_call_arguments.done", item_id: "f", arguments: '{"size":"large"}' },
  );
  assert.deepEqual(talk.take({ type: "conversation.item.added", previous_item_id: "f", item: { id: "o", type: "function_call_output", call_id: "call_1", output: '{"ok":true}' } }), ["f"]);
  const { name, args, output } = talk.get("f");
  assert.deepEqual([name, args, output], ["orderDrink", '{"size":"large"}', '{"ok":true}']);
  assert.equal(talk.entries.length, 1);
});

test("what was cut is known when the item is read back, and at once where nothing was heard", () => {
  const talk = talkOf(
    { type: "response.output_item.added", response_id: "r", item: { id: "b", type: "message", role: "assistant", status: "in_progress", content: [] } },
    { type: "response.output_audio_transcript.delta", response_id: "r", item_id: "b", delta: "One two three four." },
    { type: "conversation.item.truncated", item_id: "b", content_index: 0, audio_end_ms: 600 },
  );
  assert.equal(talk.get("b").cut.kept, null);
  talk.take({ type: "conversation.item.retrieved", item: { id: "b", type: "message", role: "assistant", content: [{ type: "output_audio", transcript: "One two" }] } });
  assert.equal(talk.get("b").cut.kept, 7);
  talk.take({ type: "conversation.item.truncated", item_id: "b", content_index: 0, audio_end_ms: 0 });
  assert.equal(talk.get("b").cut.kept, 0);
});

test("kept text is found word by word where its spaces differ", () => {
  assert.equal(keptLength("One  two three", "One two"), 8);
  assert.equal(keptLength("One two", ""), 0);
  assert.equal(keptLength("One two", "One two three"), 7);
});

test("a failed answer leaves a note with the reason", () => {
  const talk = talkOf({ type: "response.done", response: { id: "r", status: "failed", status_details: { type: "failed", error: { message: "no brain" } }, output: [] } });
  assert.match(shown(talk)[0], /no brain/);
});

test("deleted items and turns that were cleared away leave nothing behind", () => {
  const talk = talkOf({ type: "conversation.item.added", previous_item_id: null, item: message("a", "user", "one") }, { type: "input_audio_buffer.speech_started", item_id: "b" });
  talk.take({ type: "input_audio_buffer.cleared" });
  talk.take({ type: "conversation.item.deleted", item_id: "a" });
  assert.deepEqual(talk.entries, []);
});
