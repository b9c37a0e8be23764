/**
 * What people say, as what fields hold: "seven thirty" as 19:30, "next friday" as a date, "twenty five" as 25.
 *
 * Pure: text in, value out, `null` where it is not clear. English words; digits in any language.
 */

const UNITS = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split(" ");
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const ORDINALS = (
  "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth " +
  "seventeenth eighteenth nineteenth twentieth"
).split(" ");
const DAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");
const MONTHS = "january february march april may june july august september october november december".split(" ");
const DAY_MS = 86_400_000;

/** Return the words of a text in lower case: letters, digits, and the signs that belong to numbers and times. */
export function wordsOf(text) {
  return String(text).toLowerCase().replace(/[’']/g, "").match(/[\p{L}\p{N}]+(?:[.:\-][\p{L}\p{N}]+)*/gu) ?? [];
}

/** Return the text with number words as digits: "half past seven thirty five" becomes "half past 7 35"; ordinals become "12th". */
export function digits(text) {
  const words = wordsOf(text).flatMap((word) => (/\d/.test(word) ? [word] : word.split("-")));
  const out = [];
  let ten = 0;
  for (const word of words) {
    const unit = UNITS.indexOf(word);
    const ordinal = word === "thirtieth" ? 30 : ORDINALS.indexOf(word);
    if (ten && (unit > 0 && unit < 10 || ordinal > 0 && ordinal < 10)) {
      out.pop();
      out.push(unit > 0 ? String(ten + unit) : `${ten + ordinal}th`);
    } else if (unit >= 0) out.push(String(unit));
    else if (ordinal > 0) out.push(`${ordinal}th`);
    else if (TENS.includes(word)) out.push(String(20 + 10 * TENS.indexOf(word)));
    else out.push(word);
    ten = TENS.includes(word) ? 20 + 10 * TENS.indexOf(word) : 0;
  }
  return out.join(" ");
}

/** Return the one number a value names, or null. */
export function numberOf(value) {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  const found = digits(value).match(/-?\d+(?:[.,]\d+)?/g) ?? [];
  return found.length === 1 ? Number(found[0].replace(",", ".")) : null;
}

/** Return whether a value means on (true) or off (false), or null. */
export function truthOf(value) {
  if (typeof value === "boolean") return value;
  const word = String(value).trim().toLowerCase();
  if (["true", "yes", "on", "1", "checked"].includes(word)) return true;
  return ["false", "no", "off", "0", "unchecked"].includes(word) ? false : null;
}

/** Return the option that is meant: the same words, else the only one that begins with them, or null. */
export function optionOf(wanted, options) {
  const plain = (text) => digits(text).replace(/-/g, " ");
  const said = plain(wanted);
  const same = options.filter((option) => plain(option) === said);
  if (same.length) return options.includes(wanted) ? wanted : same[0];
  const begun = said ? options.filter((option) => plain(option).startsWith(`${said} `)) : [];
  return begun.length === 1 ? begun[0] : null;
}

/**
 * Return the day a text names, as `YYYY-MM-DD`, or null: ISO dates, "tomorrow", "in three days", "friday", "the 12th of june".
 *
 * A weekday is the first one after `today`; a day without a year is the next one. `12/6` is not clear: it is two days in the world.
 */
export function dateOf(text, today = new Date()) {
  const said = digits(text);
  const iso = said.match(/\b(\d{4})-(\d{2})-(\d{2})\b/);
  if (iso) return _day(+iso[1], +iso[2] - 1, +iso[3]);
  const base = Date.UTC(today.getFullYear(), today.getMonth(), today.getDate());
  const after = (days) => new Date(base + days * DAY_MS).toISOString().slice(0, 10);
  const named = said.match(new RegExp(`\\b(${MONTHS.join("|")})\\b`));
  if (named) return _dayOfMonth(said, MONTHS.indexOf(named[1]), base);
  if (/\bday after tomorrow\b/.test(said)) return after(2);
  if (/\btomorrow\b/.test(said)) return after(1);
  if (/\b(today|tonight)\b/.test(said)) return after(0);
  const span = said.match(/\bin (an?|\d+) (day|week)s?\b/);
  if (span) return after((/^a/.test(span[1]) ? 1 : +span[1]) * (span[2] === "week" ? 7 : 1));
  const weekday = DAYS.findIndex((day) => said.includes(day));
  return weekday < 0 ? null : after(((weekday - today.getDay() + 6) % 7) + 1);
}

/**
 * Return the time of day a text names, as `HH:MM`, or null: "19:30", "7:30 pm", "half past seven", "at eight", "noon".
 *
 * Where neither morning nor evening is said, the one between `min` and `max` (`HH:MM`) is taken.
 */
export function timeOf(text, { min = "", max = "" } = {}) {
  let said = digits(text).replace(/\ba\.?m\b/g, "am").replace(/\bp\.?m\b/g, "pm").replace(/(\d)(am|pm)\b/g, "$1 $2").replace(/\boclock\b/g, "");
  if (/\bnoon\b/.test(said)) return "12:00";
  if (/\bmidnight\b/.test(said)) return "00:00";
  said = said.includes(" at ") ? said.slice(said.indexOf(" at ")) : said.replace(/\d{4}-\d{2}-\d{2}t?/g, "").replace(/\d+(st|nd|rd|th)\b/g, "");
  said = said.replace("quarter", "15").replace("half", "30");
  const to = said.match(/\b(\d{1,2})(?: minutes?)? (past|after|to) (\d{1,2})\b/);
  const clock = said.match(/\b(\d{1,2})(?:[:.]| )(\d{2})(?::\d{2})?\b/) ?? said.match(/\b(\d{1,2})\b/);
  if (!to && !clock) return null;
  let minutes = to ? +to[3] * 60 + (to[2] === "to" ? -1 : 1) * +to[1] : +clock[1] * 60 + +(clock[2] ?? 0);
  if (minutes < 0 || minutes >= 1440 || (!to && +(clock[2] ?? 0) > 59)) return null;
  const half = /\bpm\b|evening|tonight|afternoon/.test(said) ? "pm" : /\bam\b|morning/.test(said) ? "am" : "";
  if (half === "am" && minutes >= 720) minutes -= 720;
  else if (half === "pm" && minutes < 720) minutes += 720;
  else if (!half && minutes < 720 && !/\b0\d:/.test(said) && !_within(minutes, min, max) && _within(minutes + 720, min, max)) minutes += 720;
  return _clock(minutes);
}

function _within(minutes, min, max) {
  return (!min || _clock(minutes) >= min) && (!max || _clock(minutes) <= max);
}

function _clock(minutes) {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

function _dayOfMonth(said, month, base) {
  const year = said.match(/\b(2\d{3})\b/);
  const day = said.replace(/\bat .*$/, "").match(/\b(\d{1,2})(?:st|nd|rd|th)?\b/);
  if (!day) return null;
  if (year) return _day(+year[1], month, +day[1]);
  const now = new Date(base);
  const passed = Date.UTC(now.getUTCFullYear(), month, +day[1]) < base;
  return _day(now.getUTCFullYear() + Number(passed), month, +day[1]);
}

function _day(year, month, day) {
  const date = new Date(Date.UTC(year, month, day));
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.toISOString().slice(0, 10) : null;
}
