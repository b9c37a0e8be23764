import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const { Playout, reached, weight } = await import(new URL("talk/heard.js", JS));

test("nothing is heard before the playout begins, and everything once it has ended", () => {
  const playout = new Playout();
  playout.said("r", "a", "Good morning to you.");
  assert.equal(playout.heard("r", 5000).get("a"), 0);
  playout.started("r", 5000);
  playout.stopped("r", 6500);
  assert.equal(playout.heard("r", 6500).get("a"), 20);
  assert.equal(playout.playing, false);
});

test("words are heard one after the other, never half a word", () => {
  const text = "One two three four five six seven eight.";
  const playout = new Playout();
  playout.said("r", "a", text);
  playout.started("r", 0);
  let before = 0;
  for (let now = 0; now < 4000; now += 50) {
    const heard = playout.heard("r", now).get("a");
    assert.ok(heard >= before);
    assert.ok(heard === 0 || heard === text.length || text[heard] === " ", `whole words, not ${text.slice(0, heard)}|`);
    before = heard;
  }
  assert.equal(before, text.length);
});

test("the true length of the audio sets the pace", () => {
  const text = "aaaa bbbb cccc dddd eeee ffff gggg hhhh";
  const playout = new Playout();
  playout.said("r", "a", text);
  playout.started("r", 0);
  playout.measured("r", 200); // ten seconds
  const half = playout.heard("r", 5000).get("a");
  assert.ok(half > text.length * 0.4 && half < text.length * 0.65, String(half));
});

test("the pace of a voice is learned from what was heard to its end", () => {
  const playout = new Playout();
  const before = playout.pace;
  playout.said("r", "a", "A slow voice takes its time to say even this.");
  playout.started("r", 0);
  playout.stopped("r", 20_000);
  assert.ok(playout.pace > before);
});

test("the messages of one response are heard in turn", () => {
  const playout = new Playout();
  playout.said("r", "a", "Let me look.");
  playout.said("r", "b", "Here it is.");
  playout.started("r", 0);
  const early = playout.heard("r", 300);
  assert.ok(early.get("a") > 0);
  assert.equal(early.get("b"), 0);
});

test("what was cut stays where it was cut", () => {
  const playout = new Playout();
  playout.said("r", "a", "One two three four five six seven eight nine ten.");
  playout.started("r", 0);
  playout.cleared("r", 900);
  const cut = playout.heard("r", 900).get("a");
  assert.equal(playout.heard("r", 9000).get("a"), cut);
  assert.ok(cut > 0 && cut < 48);
});

test("digits take longer than letters, and characters of Chinese are words", () => {
  assert.ok(weight("12345") > weight("abcde"));
  assert.ok(weight("你好") > weight("ab"));
  assert.equal(reached("one two", 0), 0);
  assert.equal(reached("one two", Infinity), 7);
});
