// The latency waterfall and the cost of a call, on the screen.

import { shortly } from "../lib/clock.js";
import { h } from "../lib/dom.js";
import { bars, wait } from "./turns.js";
import { dollars } from "./usage.js";

const MOST_SHOWN = 20;
const TRIGGERS = { spoken: "you spoke", typed: "you typed", "tool result": "a tool returned", asked: "asked to answer" };

/** Show turns, the newest first. */
export function showTurns(place, turns) {
  const shown = turns.list.slice(-MOST_SHOWN).reverse();
  if (!shown.length) {
    place.replaceChildren(h("p", { class: "empty" }, "Each turn will be here: from the end of your words to the first sound of the answer, step by step."));
    return;
  }
  place.replaceChildren(...shown.map(turnCard), h("p", { class: "hint" },
    "As this page sees it, network and browser included. A spoken turn starts when the server finds that you have stopped, after the silence you chose."));
}

function turnCard(turn) {
  const steps = bars(turn);
  const whole = Math.max(1, ...steps.map((bar) => bar.offset + bar.length));
  const first = wait(turn);
  return h("article", { class: "turn", "aria-label": `Turn ${turn.number}` },
    h("header", {}, h("b", {}, `Turn ${turn.number}`), TRIGGERS[turn.trigger] ?? turn.trigger,
      h("span", {}, first === null ? (turn.status || "…") : `${shortly(first)} to the ${turn.marks.playout ? "first sound" : turn.marks.text ? "first words" : "call"}`)),
    h("ol", {}, ...steps.map((bar) => {
      const fill = h("i");
      fill.style.setProperty("--from", `${(100 * bar.offset) / whole}%`);
      fill.style.setProperty("--length", `${(100 * bar.length) / whole}%`);
      return h("li", {}, h("span", {}, bar.label), h("div", { class: "track", "data-mark": bar.mark }, fill), h("span", {}, shortly(bar.length)));
    })));
}

/** Show what a call has used and cost. */
export function showCost(place, meter) {
  if (!meter || (!meter.responses && !meter.seconds)) {
    place.replaceChildren(h("p", { class: "empty" }, "What the call uses, and what that costs, will be here after the first answer."));
    return;
  }
  place.replaceChildren(
    h("p", {}, h("span", { class: "total", "data-total": meter.total }, dollars(meter.total))),
    h("p", { class: "hint" }, `${meter.responses} ${meter.responses === 1 ? "answer" : "answers"}; the last one ${dollars(meter.last)}. Every answer is charged with the whole conversation before it.`),
    h("table", { class: "costs" },
      h("caption", { class: "unseen" }, "Usage and cost"),
      h("thead", {}, h("tr", {}, ...["What", "Used", "Cost"].map((title) => header(title, "col")))),
      h("tbody", {}, ...meter.rows().map((row) => h("tr", {}, header(row.label, "row"), h("td", {}, row.amount), h("td", {}, dollars(row.cost)))))),
    h("p", { class: "hint" }, "At this server's price list, in US dollars: the public prices of the models it stands in for, unless [prices] says otherwise."),
  );
}

function header(text, scope) {
  const cell = h("th", {}, text);
  cell.scope = scope;
  return cell;
}
