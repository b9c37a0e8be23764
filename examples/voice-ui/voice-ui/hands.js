/**
 * Operate controls as a person would, so that whatever listens notices: pointer and mouse events around a click, input and change events
 * around a value, set past the setters that frameworks put on elements.
 */

import { valueOf } from "./controls.js";
import { line } from "./tools.js";
import { dateOf, numberOf, optionOf, timeOf, truthOf } from "./values.js";

/** What a field cannot take, in words for the person. */
export class Refused extends Error {}

/** Press a button, link, tab or the like. */
export function press(element) {
  const events = ["pointerdown", "mousedown", "pointerup", "mouseup"];
  for (const type of events) {
    const Kind = type.startsWith("pointer") ? PointerEvent : MouseEvent;
    element.dispatchEvent(new Kind(type, { bubbles: true, cancelable: true, composed: true, isPrimary: true, pointerType: "mouse" }));
    if (type === "mousedown") element.focus({ preventScroll: true });
  }
  element.click();
}

/**
 * Give a field a value.
 *
 * @returns what the field holds then, as it would be said
 * @throws {Refused} the field cannot take the value; it holds what it held before
 */
export function fill(field, value) {
  const [element] = field.elements;
  element.focus({ preventScroll: true });
  if (field.type === "check") _tick(field, value);
  else if (field.radio) press(field.elements[field.options.indexOf(_option(field, value))]);
  else if (field.type === "choice" || field.type === "choices") _choose(field, value);
  else if (element.isContentEditable) _write(element, String(value));
  else _enter(field, element, value);
  return valueOf(field);
}

function _tick(field, value) {
  const [element] = field.elements;
  const wanted = truthOf(value);
  if (wanted === null) throw new Refused(`${field.label} is ticked or not: yes or no.`);
  if (element.checked !== wanted) press(element);
}

function _choose(field, value) {
  const [element] = field.elements;
  const wanted = new Set((Array.isArray(value) ? value : [value]).map((one) => _option(field, one)));
  const flags = [...element.options].map((option) => wanted.has(line(option.label)));
  [...element.options].forEach((option, index) => (option.selected = flags[index]));
  _tell(element);
}

function _option(field, value) {
  const option = optionOf(value, field.options);
  if (option === null) throw new Refused(`${field.label} has no "${value}": ${field.options.join(", ")}.`);
  return option;
}

function _enter(field, element, value) {
  const wanted = _written(field, value);
  const before = element.value;
  _set(element, wanted);
  // Browsers empty or bend what a field of this type cannot hold.
  const taken = field.type === "number" ? Number(element.value) === Number(wanted) : field.type === "text" || element.value === wanted;
  const fits = element.maxLength < 0 || element.maxLength === undefined || wanted.length <= element.maxLength;
  if (taken && fits && !_FAULTS.some((fault) => element.validity[fault])) return _tell(element);
  const why = element.validationMessage || `${wanted} does not fit`;
  _set(element, before);
  throw new Refused(`${field.label}: ${why.replace(/\.$/, "")}${_limits(field)}.`);
}

const _FAULTS = ["rangeUnderflow", "rangeOverflow", "stepMismatch", "typeMismatch", "patternMismatch", "badInput"];

const _READERS = {
  date: (said) => dateOf(said),
  time: (said, field) => timeOf(said, field),
  "datetime-local": (said) => dateOf(said) && timeOf(said) && `${dateOf(said)}T${timeOf(said)}`,
};

function _written(field, value) {
  if (field.type === "number") {
    const number = numberOf(value);
    if (number === null) throw new Refused(`${field.label} is a number${_limits(field)}.`);
    return String(number);
  }
  const read = _READERS[field.type];
  const written = read ? read(String(value), field) : String(value).trim();
  if (written === null) throw new Refused(`"${value}" is not clear as ${field.label}.`);
  return written;
}

function _limits({ min, max }) {
  if (min != null && max != null) return ` (${min} to ${max})`;
  return min != null ? ` (from ${min})` : max != null ? ` (up to ${max})` : "";
}

/** Set a value past what frameworks define on the element itself: they compare with it to see whether anything changed. */
function _set(element, value) {
  const home = { TEXTAREA: HTMLTextAreaElement, SELECT: HTMLSelectElement }[element.tagName] ?? HTMLInputElement;
  Object.getOwnPropertyDescriptor(home.prototype, "value").set.call(element, value);
}

function _tell(element) {
  element.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertReplacementText" }));
  element.dispatchEvent(new Event("change", { bubbles: true }));
}

function _write(element, text) {
  getSelection().selectAllChildren(element);
  if (!document.execCommand("insertText", false, text)) {
    element.textContent = text;
    _tell(element);
  }
}
