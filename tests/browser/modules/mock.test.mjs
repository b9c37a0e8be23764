import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { mockResult, readArguments } = await import(new URL("talk/mock.js", JS));

const fixed = { random: () => 0, now: new Date(2026, 10, 20, 9, 5) };

test("arguments are put where they are named, and keep their type where they stand alone", () => {
  const template = { size: "{{size}}", line: "A {{size}} {{drink}}.", guest: "{{guest.name}}", missing: "{{milk}}", filled: "{{milk | none}}" };
  assert.deepEqual(mockResult(template, { size: 3, drink: "latte", guest: { name: "Ada" } }, fixed),
    { size: 3, line: "A 3 latte.", guest: "Ada", missing: null, filled: "none" });
});

test("numbers, choices, times and days are made up", () => {
  const template = { number: "{{random 10 99}}", sky: "{{pick sunny | rain}}", time: "{{time}}", later: "{{time +70}}", day: "{{date +11}}", id: "{{id 4}}", text: "No. {{random 1 1}}" };
  assert.deepEqual(mockResult(template, {}, fixed),
    { number: 10, sky: "sunny", time: "9:05", later: "10:15", day: "2026-12-01", id: "AAAA", text: "No. 1" });
  for (let count = 0; count < 200; count += 1) {
    const { number } = mockResult({ number: "{{random 3 8}}" }, {});
    assert.ok(Number.isInteger(number) && number >= 3 && number <= 8);
  }
});

test("an argument goes before a word of the same name", () => {
  assert.equal(mockResult("{{time}}", { time: "tomorrow" }, fixed), "tomorrow");
});

test("a choice may hold several words", () => {
  assert.equal(mockResult("{{pick is being packed | is on its way}}", {}, { ...fixed, random: () => 0.99 }), "is on its way");
});

test("a tool without a template returns that it worked, and plain values stay as they are", () => {
  assert.deepEqual(mockResult(undefined, {}), { ok: true });
  assert.deepEqual(mockResult({ list: [1, "a", null, true] }, {}), { list: [1, "a", null, true] });
});

test("names of what every object has are no arguments", () => {
  assert.equal(mockResult("{{constructor}}", {}), null);
  assert.equal(mockResult("{{__proto__.x}}", {}), null);
});

test("arguments that are no JSON object are none", () => {
  assert.deepEqual([readArguments(""), readArguments("{"), readArguments("[1]"), readArguments('{"a":1}')], [{}, {}, {}, { a: 1 }]);
});
