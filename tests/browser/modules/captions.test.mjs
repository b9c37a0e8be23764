import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { Captions } = await import(new URL("transcribe/captions.js", JS));
const { asSrt, asText, asVtt } = await import(new URL("transcribe/subtitles.js", JS));
const { Column } = await import(new URL("interpret/columns.js", JS));
const { languageName, understood } = await import(new URL("interpret/languages.js", JS));
const { minutes, shortly, timestamp } = await import(new URL("lib/clock.js", JS));

const delta = (item_id, text) => ({ type: "conversation.item.input_audio_transcription.delta", item_id, delta: text });
const completed = (item_id, transcript) => ({ type: "conversation.item.input_audio_transcription.completed", item_id, transcript });

test("a turn's caption has the turn's own times", () => {
  const captions = new Captions();
  captions.take({ type: "input_audio_buffer.speech_started", item_id: "a", audio_start_ms: 400 }, 900);
  captions.take({ type: "input_audio_buffer.speech_stopped", item_id: "a", audio_end_ms: 2400 }, 2900);
  captions.take(delta("a", "Good morning."), 3000);
  captions.take(completed("a", "Good morning."), 3010);
  const [line] = captions.spoken();
  assert.deepEqual([line.begin, line.end, line.text, line.done], [400, 2400, "Good morning.", true]);
});

test("words that come without turns make lines at sentences and pauses", () => {
  const captions = new Captions();
  captions.take(delta("a", "One sentence."), 1000);
  captions.take(delta("a", " Another"), 2000);
  captions.take(delta("a", " one"), 2500);
  captions.take(delta("a", " after a pause"), 6000);
  assert.deepEqual(captions.spoken().map((line) => line.text.trim()), ["One sentence.", "Another one", "after a pause"]);
  assert.equal(captions.open, true);
  captions.take(completed("a", "One sentence. Another one after a pause"), 6500);
  assert.equal(captions.open, false);
});

test("a transcript that says more than its words so far adds the rest; another one replaces them", () => {
  const captions = new Captions();
  captions.take(delta("a", "Hello"), 10);
  captions.take(completed("a", "Hello there."), 20);
  captions.take(delta("b", "Wrong"), 30);
  captions.take(completed("b", "Right."), 40);
  captions.take(completed("c", ""), 50);
  assert.deepEqual(captions.spoken().map((line) => line.text), ["Hello there.", "Right."]);
});

test("a passage that failed keeps the words it had", () => {
  const captions = new Captions();
  captions.take(delta("a", "Half a"), 10);
  captions.take({ type: "conversation.item.input_audio_transcription.failed", item_id: "a", error: {} }, 20);
  assert.deepEqual(captions.spoken().map((line) => [line.text, line.done]), [["Half a", true]]);
});

test("subtitles are written as their formats have them, and never overlap", () => {
  const lines = [{ begin: 0, end: 1500, text: " One " }, { begin: 1000, end: 3_723_004, text: "a < b & c --> d" }];
  assert.equal(asText(lines), "One\na < b & c --> d\n");
  assert.equal(asSrt(lines), "1\n00:00:00,000 --> 00:00:01,000\nOne\n\n2\n00:00:01,000 --> 01:02:03,004\na < b & c --> d\n\n");
  assert.equal(asVtt(lines), "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOne\n\n00:00:01.000 --> 01:02:03.004\na &lt; b &amp; c --&gt; d\n\n");
});

test("a column begins a paragraph after a pause, and behind a sentence once it is long", () => {
  const column = new Column();
  assert.equal(column.add("First.", 0), true);
  assert.equal(column.add(" Second.", 500), false);
  assert.equal(column.add(" Third.", 9000), true);
  column.add("x".repeat(230) + ".", 9100);
  assert.equal(column.add(" Fourth.", 9200), true);
  assert.equal(column.add("   ", 99_000), false);
  assert.equal(column.paragraphs.length, 3);
  assert.match(column.text(), /^First\. Second\.\nThird\./);
});

test("languages have names, and times are written for people and for players", () => {
  assert.equal(languageName("es", "en"), "Spanish");
  assert.equal(languageName("*"), "any language");
  assert.equal(understood([["en", "es"], ["pt", "es"], ["es", "en"]], "es", "en"), "English, Portuguese");
  assert.equal(understood([["*", "es"]], "es"), "any language");
  assert.deepEqual([minutes(61_900), shortly(850.4), shortly(1240), timestamp(61_001)], ["1:01", "850 ms", "1.24 s", "00:01:01.001"]);
});
