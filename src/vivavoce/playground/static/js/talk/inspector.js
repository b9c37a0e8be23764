// The event inspector: every event both ways, to search, open, copy and save.

import { copy, download } from "../lib/download.js";
import { find, h, icon } from "../lib/dom.js";
import { EventLog, passes, summary } from "./log.js";

const MOST_SHOWN = 400;

/** The inspector of events; one for the page, so that a call that is over can still be read. */
export class Inspector {
  constructor() {
    this.log = new EventLog();
    this.list = find("#event-list");
    this.list.dataset.bare = "Every event of the protocol will be here, both ways.";
    this.waiting = [];
    for (const id of ["#event-query", "#event-direction", "#event-deltas"]) find(id).addEventListener("input", () => this.#rebuild());
    find("#event-copy").addEventListener("click", async (event) => {
      const button = event.currentTarget;
      const label = button.lastChild;
      label.data = (await copy(this.log.jsonl(this.#filter()))) ? "Copied" : "Not allowed";
      setTimeout(() => { label.data = "Copy"; }, 1500);
    });
    find("#event-save").addEventListener("click", () => download("vivavoce-events.jsonl", this.log.jsonl(this.#filter()), "application/jsonl"));
  }

  /** Begin anew, for a new call. */
  clear() {
    this.log.clear();
    this.#rebuild();
  }

  /** Add an event. */
  add(direction, event, at) {
    this.waiting.push(this.log.add(direction, event, at));
    if (this.waiting.length === 1) setTimeout(() => this.#flush(), 80);
  }

  #filter() {
    return { query: find("#event-query").value, direction: find("#event-direction").value, deltas: find("#event-deltas").checked };
  }

  #flush() {
    const filter = this.#filter();
    const fresh = this.waiting.filter((entry) => passes(entry, filter));
    this.waiting = [];
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    this.list.append(...fresh.slice(-MOST_SHOWN).map(row));
    while (this.list.childElementCount > MOST_SHOWN) this.list.firstElementChild.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
    this.#count(filter);
  }

  #rebuild() {
    this.waiting = [];
    const filter = this.#filter();
    this.list.replaceChildren(...this.log.matching(filter).slice(-MOST_SHOWN).map(row));
    this.list.scrollTop = this.list.scrollHeight;
    this.#count(filter);
  }

  #count(filter) {
    const all = this.log.entries.length;
    const shown = this.log.matching(filter).length;
    const forgotten = this.log.forgotten ? `, ${this.log.forgotten} older ones forgotten` : "";
    this.list.classList.toggle("bare", !shown);
    find("#event-count").textContent = all ? `${shown} of ${all} events${forgotten}` : "No events yet";
  }
}

// Long names may break behind their dots.
function breakable(type) {
  return type.split(/(?<=\.)/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
}

function row(entry) {
  const about = summary(entry.event);
  const body = h("div", { class: "body" });
  const details = h("details", { class: `event ${entry.direction}${entry.type === "error" ? " error" : ""}` },
    h("summary", {},
      h("time", {}, (entry.at / 1000).toFixed(3)),
      h("span", { class: "way", title: entry.direction }, h("span", { "aria-hidden": "true" }, entry.direction === "sent" ? "↑" : "↓"), h("span", { class: "unseen" }, entry.direction)),
      h("span", { class: "what" }, ...breakable(entry.type), about ? h("em", {}, `  ${about.slice(0, 120)}`) : null)),
    body);
  details.addEventListener("toggle", () => {
    if (!details.open || body.childElementCount) return;
    const text = JSON.stringify(entry.event, null, 2);
    body.append(h("pre", {}, text), h("button", { class: "small-button", type: "button", onclick: () => copy(text) }, icon("copy"), "Copy event"));
  });
  return details;
}
