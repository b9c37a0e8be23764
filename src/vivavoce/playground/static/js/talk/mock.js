// Made-up results of tools: JSON in which {{…}} stands for an argument of the call, or for something chosen on the spot.
//
//   {{city}}  {{guest.name}}       an argument; {{city | Paris}} with something in its place where it is missing
//   {{random 100 999}}             a whole number
//   {{pick sunny | cloudy}}        one of these
//   {{time}}  {{time +15}}         the time of day, minutes later
//   {{date}}  {{date +3}}          a day, days later
//   {{id 6}}                       letters and digits
//
// An argument goes before a word of the same name. A text that is one {{…}} and nothing else becomes what it stands for: a number stays a number.

const PLACE = /\{\{\s*(.*?)\s*\}\}/g;
const WHOLE = /^\{\{\s*((?:(?!\}\}).)*?)\s*\}\}$/;
const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** Fill a template with a call's arguments. `random` (0 to 1) and `now` (a Date) can be given, for results that repeat. */
export function mockResult(template, args, { random = Math.random, now = new Date() } = {}) {
  const fill = (value) => {
    if (typeof value === "string") {
      const whole = WHOLE.exec(value);
      if (whole) return evaluate(whole[1], args, random, now);
      return value.replace(PLACE, (_, what) => String(evaluate(what, args, random, now) ?? ""));
    }
    if (Array.isArray(value)) return value.map(fill);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
    return value;
  };
  return template === undefined ? { ok: true } : fill(template);
}

function evaluate(what, args, random, now) {
  if (Object.hasOwn(args, what)) return args[what];
  const [verb, ...rest] = what.split(/\s+/);
  if (verb === "random") {
    const [low, high] = [Number(rest[0] ?? 0), Number(rest[1] ?? 100)];
    return low + Math.floor(random() * (high - low + 1));
  }
  if (verb === "pick") {
    const choices = what.slice(verb.length).split("|").map((choice) => choice.trim());
    return choices[Math.min(choices.length - 1, Math.floor(random() * choices.length))];
  }
  if (verb === "time") return clockTime(new Date(now.getTime() + Number(rest[0] ?? 0) * 60_000));
  if (verb === "date") return day(new Date(now.getTime() + Number(rest[0] ?? 0) * 86_400_000));
  if (verb === "id") return Array.from({ length: Number(rest[0] ?? 6) }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join("");
  return argument(what, args);
}

function argument(what, args) {
  const [path, fallback] = what.split("|").map((part) => part.trim());
  const found = path.split(".").reduce((value, key) => (value !== null && typeof value === "object" && Object.hasOwn(value, key) ? value[key] : undefined), args);
  return found ?? fallback ?? null;
}

function clockTime(date) {
  return `${date.getHours()}:${String(date.getMinutes()).padStart(2, "0")}`;
}

function day(date) {
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

/** Read a call's arguments; what is no JSON object is shown to the template as no arguments at all. */
export function readArguments(text) {
  try {
    const value = JSON.parse(text || "{}");
    return value && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
