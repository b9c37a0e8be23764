import assert from "node:assert/strict";
import { test } from "node:test";
import { dateOf, digits, numberOf, optionOf, timeOf, truthOf } from "../voice-ui/values.js";

const FRIDAY = new Date(2026, 10, 20);
const EVENING = { min: "17:00", max: "22:00" };

test("number words become digits, tens and units together", () => {
  assert.equal(digits("half past seven thirty five"), "half past 7 35");
  assert.equal(digits("the twenty-first of June"), "the 21th of june");
  assert.equal(digits("the thirtieth"), "the 30th");
});

for (const [said, value] of [["four", 4], ["twenty five", 25], ["2.5", 2.5], [7, 7], ["none", null], ["two or three", null], [NaN, null]]) {
  test(`the number in ${said} is ${value}`, () => assert.equal(numberOf(said), value));
}

for (const [said, day] of [
  ["2026-12-24", "2026-12-24"], ["2026-02-30", null], ["today", "2026-11-20"], ["tonight at eight", "2026-11-20"], ["tomorrow", "2026-11-21"],
  ["the day after tomorrow", "2026-11-22"], ["in three days", "2026-11-23"], ["in a week", "2026-11-27"], ["saturday", "2026-11-21"],
  ["friday", "2026-11-27"], ["next monday at seven", "2026-11-23"], ["the twenty fourth of december", "2026-12-24"], ["March 3rd", "2027-03-03"],
  ["june 12 2028 at seven", "2028-06-12"], ["june at seven", null], ["12/6", null], ["soon", null], ["", null],
]) {
  test(`the day of "${said}" is ${day}`, () => assert.equal(dateOf(said, FRIDAY), day));
}

for (const [said, time] of [
  ["19:30", "19:30"], ["7:30 pm", "19:30"], ["7.30pm", "19:30"], ["seven thirty", "19:30"], ["half past seven", "19:30"], ["a quarter to eight", "19:45"],
  ["ten past nine", "21:10"], ["at eight o'clock", "20:00"], ["friday at eight", "20:00"], ["four tomorrow at seven thirty", "19:30"], ["noon", "12:00"],
  ["nine in the morning", "09:00"], ["twelve am", "00:00"], ["25:00", null], ["7:75", null], ["whenever", null], ["the 12th", null],
]) {
  test(`the time of "${said}" is ${time}`, () => assert.equal(timeOf(said, EVENING), time));
}

test("without bounds a time is as it was said", () => assert.equal(timeOf("seven thirty"), "07:30"));

test("an option is named by its words, or begun by them if only one is", () => {
  const options = ["Just dinner", "Birthday", "Business meal", "Business trip"];
  assert.equal(optionOf("birthday", options), "Birthday");
  assert.equal(optionOf("just", options), "Just dinner");
  assert.equal(optionOf("business", options), null);
  assert.equal(optionOf("", options), null);
  assert.equal(optionOf("seven thirty", ["7 30", "8 00"]), "7 30");
});

test("on and off have many names", () => {
  assert.equal(truthOf("Yes"), true);
  assert.equal(truthOf("off"), false);
  assert.equal(truthOf("perhaps"), null);
});
