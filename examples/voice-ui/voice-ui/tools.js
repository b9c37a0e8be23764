/**
 * The page as function tools: what can be pressed, filled in, scrolled to, read and sent, as JSON Schema.
 *
 * Pure: a description of the page in (see `controls.js`), tools out. Labels are values of an enum, so that a model can name nothing that
 * is not there; every field is a property of `fill`, so that one sentence can fill several. The quoted sentences of a description are
 * examples: language models read them as such, and Vivavoce's built-in brain and recognizer learn from them what is said on this page.
 */

const MOST_PRESSED = 80;
const MOST_FIELDS = 40;
const MOST_PLACES = 40;

/** Answers to the page's question as people give them, and whether they agree. */
export const ANSWERS = {
  ...Object.fromEntries(["yes", "yeah", "yep", "sure", "go ahead", "do it", "confirm"].map((answer) => [answer, true])),
  ...Object.fromEntries(["no", "nope", "cancel", "stop", "not yet", "wait"].map((answer) => [answer, false])),
};

/** Where the page scrolls without a name. */
export const DIRECTIONS = ["up", "down", "top", "bottom"];

/**
 * Return the tools of a page.
 *
 * @param {object} page `{pressed: [label], fields: [{key, label, type, …}], submits: [label], places: [label], examples: [sentence], asking: boolean}`
 * @param {object} options `hints`: say in `x-risk` that the calls may be made without asking back, since the page asks for itself. Only
 *   Vivavoce reads it; servers that refuse what they do not know need `false`.
 */
export function declare(page, { hints = true } = {}) {
  const tool = (name, description, properties = {}, required = []) => ({
    type: "function",
    name,
    description,
    parameters: { type: "object", properties, required, additionalProperties: false },
    ...(hints && { "x-risk": "read" }),
  });
  if (page.asking) return [tool("confirm", _CONFIRM, { answer: choice("What the person has answered.", Object.keys(ANSWERS)) }, ["answer"])];
  const tools = [];
  const pressed = page.pressed.slice(0, MOST_PRESSED);
  const fields = page.fields.slice(0, MOST_FIELDS);
  const places = page.places.slice(0, MOST_PLACES);
  if (pressed.length) {
    const examples = said(pressed.slice(0, 6).map((label, index) => `${["Press", "Click", "Open"][index % 3]} ${label}.`));
    tools.push(tool("press", `Press a button, link or tab. ${examples}`, { control: choice("Its label.", pressed) }, ["control"]));
  }
  if (fields.length) {
    const examples = said([...(page.examples ?? []), ...fields.slice(0, 12).flatMap(_exampleOf)]);
    const properties = Object.fromEntries(fields.map((field) => [field.key, schemaOf(field)]));
    tools.push(tool("fill", `Fill in, choose or tick fields. One call may fill several. ${examples}`, properties));
  }
  const scrolls = said(["Scroll down.", "Scroll up.", "Back to the top.", ...places.slice(0, 4).map((label) => `Go to ${label}.`)]);
  tools.push(tool("scroll", `Scroll the page. ${scrolls}`, { place: choice("Where to.", [...DIRECTIONS, ...places]) }, ["place"]));
  if (places.length) {
    const examples = said(places.slice(0, 4).map((label) => `Read me ${label}.`));
    tools.push(tool("read", `Read a part of the page. ${examples}`, { part: choice("Its heading.", places) }, ["part"]));
  }
  tools.push(tool("list_controls", `List what the page has and what its fields hold now. ${said(["What can I change here?"])}`));
  if (page.submits.length) {
    const examples = said(["Submit.", ...page.submits.map((label) => `${label}.`)]);
    const one = page.submits.length === 1;
    const button = { button: choice("Its label.", page.submits) };
    tools.push(tool("submit", `Send what was filled in; the page asks the person first. ${examples}`, button, one ? [] : ["button"]));
  }
  return tools;
}

/** Return the JSON Schema of one field. */
export function schemaOf(field) {
  const description = field.label + (field.hint ? `: ${field.hint}` : "") + (field.required ? " (required)" : "");
  if (field.type === "choice") return choice(description, field.options);
  if (field.type === "choices") return { type: "array", items: choice("", field.options), description };
  if (field.type === "check") return { type: "boolean", description };
  if (field.type === "number") {
    const whole = Number.isInteger(field.step ?? 1) && Number.isInteger(field.min ?? 0);
    const bounds = { ...(field.min != null && { minimum: field.min }), ...(field.max != null && { maximum: field.max }) };
    return { type: whole ? "integer" : "number", description, ...bounds };
  }
  const format = { date: "date", time: "time", "datetime-local": "date-time", email: "email" }[field.type];
  return { type: "string", description, ...(format && { format }) };
}

/** Return names for fields as properties can have them, each once: `High chair` becomes `high_chair`. */
export function keysOf(labels) {
  const taken = new Set();
  return labels.map((label) => {
    const words = label.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["field"];
    const key = words.join("_").slice(0, 48);
    return once(key, (number) => `${key}_${number}`, taken);
  });
}

/** Return the name, or if it is taken the first free one of those made from a number; the one returned is taken then. */
export function once(name, numbered, taken) {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = numbered(number);
  taken.add(free);
  return free;
}

/** Return text of a page as one short line: it is data, and goes where a label belongs. */
export function line(text, most = 60) {
  const plain = String(text ?? "").replace(/[\p{C}"“”{}<>[\]|\\`]+/gu, " ").replace(/\s+/g, " ").trim();
  return plain.length > most ? `${plain.slice(0, most - 1).trimEnd()}…` : plain;
}

const SPOKEN = {
  date: ["Next friday.", "Tomorrow.", "Saturday the twelfth.", "The third of may."],
  time: ["At seven thirty.", "At half past eight.", "At six o'clock.", "A quarter to nine."],
};

const _CONFIRM =
  "Answer the question on the page. Call it only after the person has answered; the page checks what was said. " +
  said(["Yes.", "Yes, go ahead.", "No.", "Cancel."]);

function choice(description, values) {
  return { type: "string", ...(description && { description }), enum: values };
}

function said(examples) {
  return examples.map((example) => `"${example}"`).join(" ");
}

function _exampleOf(field) {
  if (field.type === "choice") return field.options.slice(0, 2).map((option) => `${field.label} ${option}.`);
  if (field.type === "check") return [`Tick ${field.label}.`];
  if (field.type === "number") return [`Set ${field.label} to ${Math.min(field.max ?? 4, Math.max(field.min ?? 4, 4))}.`];
  return SPOKEN[field.type] ?? [`My ${field.label.toLowerCase()} is.`];
}
