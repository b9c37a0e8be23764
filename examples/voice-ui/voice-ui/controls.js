/**
 * What a page has to operate, read as assistive technology reads it: by role, label and state.
 *
 * Left out: what is hidden, disabled, inert or behind an open dialog, everything under `data-voice="off"`, and always passwords, files
 * and fields that browsers fill with cards, one-time codes and passwords.
 *
 * `data-voice="Label"` gives a control another name, `data-voice-hint="…"` explains a field, `data-voice-confirm` asks before it is used,
 * `data-voice-examples="one; another"` on a form says what people say to fill it in.
 */

import { keysOf, line, once } from "./tools.js";

const PRESSABLE =
  "button, summary, a[href], input:is([type=button], [type=submit], [type=reset], [type=image]), " +
  "[role=button], [role=link], [role=tab], [role=menuitem], [role=switch], [role=checkbox], [role=radio], [role=option]";
const FIELD =
  "select, textarea, input:not([type=button], [type=submit], [type=reset], [type=image], [type=radio]), " +
  "[contenteditable=''], [contenteditable=true]";
const HEADING = "h1, h2, h3, h4, [role=heading], [data-voice-place]";
const UNREAD = "script, style, template, select, textarea, input, button, [data-voice=off]";
const GROUP = "li, tr, article, fieldset, [role=group], [role=row], details, section, form";
const NEVER = new Set(["password", "hidden", "file"]);
const SECRET = /\b(cc-\S+|one-time-code|(current|new)-password)\b/;
const PLAIN_TYPES = new Set(["date", "time", "datetime-local", "month", "week", "email", "tel", "url", "color"]);

/**
 * Read what can be operated under `root` now.
 *
 * @returns maps from the name in the tools to what it stands for: `pressed` and `submits` to elements, `fields` (by key) to fields with
 *   their elements, `places` to headings; and `examples`, sentences.
 */
export function readPage(root) {
  const elements = [...everything(_modal(root) ?? root)].filter((element) => usable(element));
  const buttons = elements.filter((element) => element.matches(PRESSABLE) && !element.matches(FIELD));
  const fields = [...elements.filter((element) => element.matches(FIELD)).map(_field), ..._radios(elements)];
  fields.sort((one, other) => (one.elements[0].compareDocumentPosition(other.elements[0]) & 4 ? -1 : 1));
  const labelled = fields.filter((field) => field.label);
  const keys = keysOf(labelled.map((field) => field.label));
  return {
    pressed: _named(buttons.filter((button) => !sends(button))),
    submits: _named(buttons.filter(sends)),
    fields: new Map(labelled.map((field, index) => [keys[index], { ...field, key: keys[index] }])),
    places: _named(elements.filter((element) => element.matches(HEADING))),
    examples: elements.flatMap((element) => (element.getAttribute("data-voice-examples") ?? "").split(";").map((one) => line(one, 120)).filter(Boolean)),
  };
}

/** Whether a person could operate the element now, and a voice may. */
export function usable(element) {
  if (!visible(element) || kept(element)) return false;
  if (element.matches(":disabled") || element.closest("[aria-disabled=true], [inert]")) return false;
  return !(NEVER.has(element.type) || SECRET.test(element.autocomplete ?? ""));
}

/** Whether the page keeps an element to itself. */
export function kept(element) {
  return Boolean(up(element, "[data-voice=off]"));
}

/** Whether an element can be seen, here or after scrolling. */
export function visible(element) {
  if (up(element, "[aria-hidden=true]")) return false;
  const styled = element.checkVisibility?.({ visibilityProperty: true });
  return styled ?? element.getClientRects().length > 0;
}

/** Whether pressing it sends a form. */
export function sends(element) {
  return Boolean(element.form) && ["submit", "image"].includes(element.type) && (element.formMethod || element.form.method) !== "dialog";
}

/** Return the closest element that matches, through shadow roots. */
export function up(element, selector) {
  for (let at = element; at; at = at.getRootNode().host) {
    const found = at.closest(selector);
    if (found) return found;
  }
  return null;
}

/** Yield every element under `root`, those in open shadow roots too. */
export function* everything(root) {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* everything(element.shadowRoot);
  }
}

/** Return the name of a control: what the page says it is, in the order assistive technology looks. */
export function labelOf(element) {
  const named = element.getAttribute("data-voice");
  const by = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => id && element.getRootNode().getElementById?.(id));
  const choices = [
    () => named || element.getAttribute("data-voice-place"),
    () => by.map((other) => (other ? textOf(other) : "")).join(" "),
    () => element.getAttribute("aria-label"),
    () => [...(element.labels ?? [])].map((label) => textOf(label)).join(" "),
    () => (element.matches("input") ? (element.matches(PRESSABLE) ? element.value || element.alt : "") : ""),
    () => (element.matches("input, select, textarea") ? "" : textOf(element)),
    () => element.title,
    () => element.placeholder,
    () => element.querySelector?.("img[alt]")?.alt,
    () => element.name,
  ];
  for (const choice of choices) {
    const label = line(choice());
    if (label) return label;
  }
  return "";
}

/** Return what a person can read in an element, a line for each block, without what is hidden, kept, or held by controls inside. */
export function textOf(element) {
  const pieces = [...element.childNodes].map((child) => {
    if (child.nodeType === Node.TEXT_NODE) return child.data.replace(/\s+/g, " ");
    return child.nodeType === Node.ELEMENT_NODE && !child.matches(UNREAD) && visible(child) ? textOf(child) : "";
  });
  const text = pieces.join("");
  if (getComputedStyle(element).display.startsWith("inline")) return text;
  return element.tagName === "DT" ? `\n${text}: ` : element.tagName === "DD" ? `${text}\n` : `\n${text}\n`;
}

/** Return the text under a heading, as sentences: of the section it heads, else up to the next heading. */
export function passageOf(heading) {
  const home = heading.closest("section, article, aside, nav, form, [role=tabpanel], [data-voice-place]");
  let text = "";
  if (home && (home === heading || home.querySelector(HEADING) === heading)) text = textOf(home);
  else for (let next = heading; next && (next === heading || !next.matches(HEADING)); next = next.nextElementSibling) text += textOf(next);
  const lines = text.split("\n").map((one) => one.trim()).filter(Boolean);
  return lines.map((one) => (/[.!?:;,]$/.test(one) ? one : `${one}.`)).join(" ");
}

/** Return what a field holds, as it would be said. */
export function valueOf(field) {
  const [element] = field.elements;
  if (field.radio) return field.options[field.elements.findIndex((radio) => radio.checked)] ?? "";
  if (field.type === "check") return element.checked ? "yes" : "no";
  if (element.matches("select")) return [...element.selectedOptions].map((option) => line(option.label)).join(", ");
  if (field.type === "date" && element.valueAsDate) {
    const language = document.documentElement.lang || undefined;
    return element.valueAsDate.toLocaleDateString(language, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric" });
  }
  return line(element.isContentEditable ? element.textContent : element.value, 200);
}

/** Return the part of a field a value is about: a radio button of it, or the one element it is. */
export function partOf(field, option) {
  return field.elements[field.radio ? Math.max(0, field.options.indexOf(option)) : 0];
}

function _modal(root) {
  const open = [...root.querySelectorAll("dialog:modal, [aria-modal=true]")].filter((dialog) => visible(dialog) && !kept(dialog));
  return open.at(-1) ?? null;
}

/** Name elements; those with the same label by what they stand in, else by number. */
function _named(elements) {
  const labels = elements.map((element) => labelOf(element));
  const taken = new Set();
  const named = new Map();
  elements.forEach((element, index) => {
    const label = labels[index];
    if (!label) return;
    const around = labels.indexOf(label) === labels.lastIndexOf(label) ? "" : _around(element);
    const full = line(around ? `${label} ${around}` : label);
    named.set(once(full, (number) => `${full} ${number}`, taken), element);
  });
  return named;
}

function _around(element) {
  const group = element.closest(GROUP);
  const name = group?.querySelector("h2, h3, h4, h5, legend, strong, b, th, [data-voice-name]");
  return group && name ? line(textOf(name)) : "";
}

function _field(element) {
  const type = element.matches("select") ? (element.multiple ? "choices" : "choice") : _type(element);
  const options = element.matches("select") ? [...element.options].filter((option) => !option.disabled && line(option.label)) : [];
  const bound = (text) => (text === "" || text == null ? null : type === "number" ? Number(text) : text);
  return {
    elements: [element],
    label: labelOf(element),
    hint: line(element.getAttribute("data-voice-hint"), 120),
    type,
    options: [...new Set(options.map((option) => line(option.label)))],
    required: element.required || element.getAttribute("aria-required") === "true",
    min: bound(element.min),
    max: bound(element.max),
    step: type === "number" && element.step !== "any" ? Number(element.step || 1) : null,
  };
}

function _type(element) {
  if (element.type === "checkbox") return "check";
  if (element.type === "number" || element.type === "range") return "number";
  return PLAIN_TYPES.has(element.type) ? element.type : "text";
}

/** Return radio buttons as one field for each group, named by its legend. */
function _radios(elements) {
  const groups = [];
  for (const radio of elements.filter((element) => element.matches("input[type=radio]"))) {
    const group = groups.find(([first]) => first.form === radio.form && first.name === radio.name);
    if (group) group.push(radio);
    else groups.push([radio]);
  }
  return groups.map((radios) => {
    const home = radios[0].closest("fieldset, [role=radiogroup]");
    const legend = home?.querySelector("legend");
    const named = home?.matches("[data-voice], [aria-label], [aria-labelledby]");
    const label = (named && labelOf(home)) || (legend && line(textOf(legend))) || line(radios[0].name);
    return { elements: radios, label, type: "choice", radio: true, options: radios.map(labelOf), hint: "", required: radios[0].required };
  });
}
