/**
 * What each tool does on the page: from a call's arguments to something that can be shown, asked about and done.
 *
 * A plan has `label` (the bubble), `element` (where), `act` (does it, returns the result) and, where the person has to agree first,
 * `question` and `facts`. What cannot be done is `Refused`, in words for the person, with what would have been possible.
 */

import { labelOf, partOf, passageOf, up, valueOf } from "./controls.js";
import { fill, press, Refused } from "./hands.js";
import { motion, settled } from "./lights.js";
import { DIRECTIONS, line } from "./tools.js";
import { dateOf, optionOf, timeOf } from "./values.js";

const LONGEST_READ = 4000;
const LONGEST_SAID = 230;
const MOST_EXPECTED = 30;

/**
 * Plan a call.
 *
 * @param {object} page what `readPage` returned just now
 * @throws {Refused} it cannot be done
 */
export function plan(page, name, given, lights) {
  if (!Object.hasOwn(PLANS, name)) throw new Refused(`There is no tool ${line(name)} now.`);
  return PLANS[name](page, given, lights);
}

const PLANS = {
  press(page, { control }) {
    const [label, element] = find(page.pressed, control, "to press");
    const asks = up(element, "[data-voice-confirm]") || leaves(element) || element.type === "reset";
    const act = () => {
      press(element);
      return { pressed: label, ...stateOf(element), message: `Okay, pressed ${label}.` };
    };
    return { label: `Press ${label}`, element, act, ...(asks && { question: questionOf(element, label), facts: [] }) };
  },

  fill(page, given) {
    const entries = Object.entries(shared(page, given));
    if (!entries.length) {
      throw new Refused(`Say which field: ${listed([...page.fields.values()].map((field) => field.label))}.`);
    }
    const known = entries.filter(([key]) => page.fields.has(key)).map(([key, value]) => [page.fields.get(key), value]);
    const asks = known.map(([field]) => up(field.elements[0], "[data-voice-confirm]")).find(Boolean);
    const element = known[0]?.[0].elements[0];
    const act = async (step) => {
      const [set, problems] = [{}, entries.filter(([key]) => !page.fields.has(key)).map(([key]) => `There is no field ${line(key)} now.`)];
      for (const [field, value] of known) {
        await step(partOf(field, optionOf(String(value), field.options)), `${field.label}: ${line(value, 40)}`);
        try {
          set[field.label] = fill(field, value);
        } catch (problem) {
          if (!(problem instanceof Refused)) throw problem;
          problems.push(line(problem.message, 200));
        }
      }
      const done = Object.entries(set).map(([label, value]) => `${label} ${value}`);
      if (!done.length) throw new Refused(problems.join(" "));
      const message = [`Okay: ${done.join(", ")}.`, ...problems].join(" ");
      return { set, ...(problems.length && { problems }), message: line(message, 300) };
    };
    const facts = known.map(([field, value]) => [field.label, line(value, 200)]);
    return { label: "Fill in", element, act, stepped: true, ...(asks && { question: questionOf(asks, facts[0][0]), facts }) };
  },

  scroll(page, { place }) {
    const where = optionOf(place ?? "", DIRECTIONS);
    if (where) {
      const act = async () => ({ moved: await scroll(where), message: (await atEnd(where)) ? EDGES[where] : `Okay, scrolled ${where}.` });
      return { label: `Scroll ${where}`, element: null, act };
    }
    const [label, element] = find(page.places, place, "to go to", DIRECTIONS);
    const act = async () => {
      await settled(() => element.scrollIntoView({ behavior: motion(), block: "start" }));
      return { at: label, message: `Here we are: ${label}.` };
    };
    return { label: `Go to ${label}`, element, act, scrolls: true };
  },

  read(page, { part }, lights) {
    const [label, element] = find(page.places, part, "to read");
    const act = async () => {
      await lights.reach(element, "start");
      const text = line(passageOf(element), LONGEST_READ);
      const short = text.length > LONGEST_SAID ? { message: `${text.slice(0, LONGEST_SAID).replace(/\s+\S*$/, "")} …` } : {};
      return { part: label, text, ...short };
    };
    return { label: `Read ${label}`, element, act, scrolls: true };
  },

  list_controls(page) {
    const fields = Object.fromEntries([...page.fields.values()].map((field) => [field.label, valueOf(field)]));
    const names = [...Object.keys(fields), ...page.pressed.keys()];
    const result = { press: [...page.pressed.keys()], fields, places: [...page.places.keys()], submit: [...page.submits.keys()] };
    return { label: "Look at the page", element: null, act: () => ({ ...result, message: `On this page there are ${listed(names)}.` }) };
  },

  submit(page, { button }) {
    const only = page.submits.size === 1 && !button ? [...page.submits.keys()][0] : button;
    const [label, element] = find(page.submits, only, "to send");
    const form = element.form;
    if (!form.noValidate && !element.formNoValidate) {
      const wrong = [...form.elements].filter((one) => one.willValidate && !one.validity.valid);
      if (wrong.length) {
        const problems = wrong.map((one) => `${labelOf(one)}: ${one.validationMessage.replace(/\.$/, "")}.`);
        throw new Refused(`It cannot be sent yet. ${line([...new Set(problems)].join(" "), 250)}`);
      }
    }
    const facts = () =>
      [...page.fields.values()]
        .filter((field) => field.elements[0].form === form && (field.type !== "check" || field.elements[0].checked))
        .map((field) => [field.label, valueOf(field)])
        .filter(([, value]) => value);
    const shown = facts();
    const act = () => {
      if (JSON.stringify(facts()) !== JSON.stringify(shown)) {
        throw new Refused("The form has changed since you were asked. Please ask for it again.");
      }
      press(element);
      return { sent: label, message: `Okay, ${label}: done.` };
    };
    return { label, element, act, question: questionOf(element, label), facts: shown };
  },
};

const EDGES = { down: "This is the end of the page.", bottom: "This is the end of the page.", up: "This is the top.", top: "This is the top." };

function find(map, wanted, what, others = []) {
  const label = optionOf(wanted ?? "", [...map.keys()]);
  if (label !== null) return [label, map.get(label)];
  const missing = wanted ? `There is no ${line(wanted)} ${what} now.` : `Say what you want ${what}.`;
  throw Object.assign(new Refused(missing), { expected: [...others, ...map.keys()].slice(0, MOST_EXPECTED) });
}

/** People say day and time in one breath: what names both fills the one time field as well, if that was not given. */
function shared(page, given) {
  const days = Object.keys(given).filter((key) => page.fields.get(key)?.type === "date");
  const times = [...page.fields.values()].filter((field) => field.type === "time");
  if (days.length !== 1 || times.length !== 1 || times[0].key in given) return given;
  const said = String(given[days[0]]);
  const time = /\d{4}-/.test(said) || !dateOf(said) || !/\b(at|noon|midnight|past|to)\b/.test(said) ? null : timeOf(said, times[0]);
  return time ? { ...given, [times[0].key]: time } : given;
}

function questionOf(element, label) {
  return line(up(element, "[data-voice-confirm]")?.getAttribute("data-voice-confirm"), 120) || `${label}?`;
}

/** Return what a control tells of its state now. */
function stateOf(element) {
  const said = ["expanded", "pressed", "checked", "selected"].map((name) => [name, element.getAttribute(`aria-${name}`)]);
  if (element.matches("summary")) said.push(["expanded", String(element.parentElement.open)]);
  const state = Object.fromEntries(said.filter(([, value]) => value !== null));
  return Object.keys(state).length ? { state } : {};
}

/** Whether pressing it leads away from the page, which ends what the person is doing. */
function leaves(element) {
  const link = element.closest("a[href]");
  if (!link) return false;
  const here = new URL(location.href);
  const there = new URL(link.href, here);
  return there.origin !== here.origin || there.pathname !== here.pathname || there.search !== here.search || link.hasAttribute("download");
}

function scroller() {
  const dialog = [...document.querySelectorAll("dialog:modal")].at(-1);
  return dialog && dialog.scrollHeight > dialog.clientHeight ? dialog : document.scrollingElement;
}

async function scroll(where) {
  const box = scroller();
  const before = box.scrollTop;
  const page = 0.7 * (box === document.scrollingElement ? innerHeight : box.clientHeight);
  const top = { up: before - page, down: before + page, top: 0, bottom: box.scrollHeight }[where];
  await settled(() => box.scrollTo({ top, behavior: motion() }));
  return Math.round(box.scrollTop - before);
}

async function atEnd(where) {
  const box = scroller();
  return ["up", "top"].includes(where) ? box.scrollTop < 1 : box.scrollTop + box.clientHeight >= box.scrollHeight - 1;
}

function listed(names, most = 12) {
  return line(names.slice(0, most).join(", ") + (names.length > most ? " and more" : ""), LONGEST_SAID - 30);
}
