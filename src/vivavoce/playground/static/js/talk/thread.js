// The conversation on the screen: one element for each entry, brought up to date when its entry changes.

import { announce } from "../lib/announcer.js";
import { follow, h, icon } from "../lib/dom.js";

/** The thread in an element. `heard` tells how many characters of an entry have been heard, `reply` takes a tool's result made by hand. */
export class Thread {
  constructor(place, { conversation, heard, reply }) {
    Object.assign(this, { place, conversation, heard, reply });
    this.nodes = new Map();
    this.announced = new Set();
    this.drafts = new Map();
    place.replaceChildren();
  }

  /** Bring entries up to date. */
  update(ids) {
    if (!ids.length) return;
    follow(this.place, () => {
      this.place.querySelector(".welcome")?.remove();
      for (const id of new Set(ids)) this.#one(id);
    });
  }

  /** Ask the user for the result of a call; `draft` is what would be sent. */
  ask(callId, draft) {
    const entry = this.conversation.byCall.get(callId);
    if (!entry) return;
    this.drafts.set(entry.id, draft);
    this.update([entry.id]);
  }

  #one(id) {
    const entry = this.conversation.get(id);
    const old = this.nodes.get(id);
    if (!entry) {
      old?.remove();
      this.nodes.delete(id);
      return;
    }
    if (!old) {
      const made = this.#make(entry);
      this.nodes.set(id, made);
    }
    this.#put(entry);
    this.#fill(entry, this.nodes.get(id));
    this.#announce(entry);
  }

  #make(entry) {
    if (entry.kind === "call") return h("article", { class: "tool", "aria-label": "Tool call" });
    return h("div", { class: `entry ${entry.kind}`, "data-id": entry.id });
  }

  // Entries may be put behind one that came later; elements follow them.
  #put(entry) {
    const node = this.nodes.get(entry.id);
    const { entries } = this.conversation;
    const next = entries.slice(entries.indexOf(entry) + 1).map((other) => this.nodes.get(other.id)).find(Boolean) ?? null;
    if (node.nextSibling !== next || !node.parentNode) this.place.insertBefore(node, next);
  }

  #fill(entry, node) {
    if (entry.kind === "call") return this.#fillCall(entry, node);
    if (entry.kind === "note") {
      node.classList.toggle("bad", entry.tone === "bad");
      node.textContent = entry.text;
    } else if (entry.kind === "assistant") {
      node.replaceChildren(...this.#assistant(entry));
    } else if (entry.kind === "user") {
      this.#fillUser(entry, node);
    } else {
      node.textContent = entry.text;
    }
  }

  #fillUser(entry, node) {
    const waiting = entry.state === "speaking" || entry.state === "recognizing";
    node.classList.toggle("waiting", waiting);
    node.hidden = false;
    const who = h("span", { class: "unseen" }, "You: ");
    if (entry.state === "failed") node.replaceChildren(who, h("em", {}, `(not understood: ${entry.trouble})`));
    else if (entry.empty && !waiting) node.replaceChildren(who, h("em", {}, "(no words)"));
    else node.replaceChildren(who, entry.text, ...(waiting ? [entry.text ? " " : "", h("span", { class: "bars", "aria-hidden": "true" }, h("i"), h("i"), h("i"))] : []));
  }

  #assistant(entry) {
    const who = h("span", { class: "who" }, entry.phase === "commentary" ? "Agent, on the way" : "Agent");
    const { text, cut } = entry;
    if (cut && cut.kept !== null && cut.kept < text.length) {
      const gap = cut.kept + /^\s*/.exec(text.slice(cut.kept))[0].length;
      return [who, text.slice(0, gap), h("s", {}, h("span", { class: "unseen" }, " Not heard: "), text.slice(gap))];
    }
    const heard = cut?.kept ?? this.heard(entry);
    if (heard >= text.length) return [who, text];
    const word = Math.max(0, text.lastIndexOf(" ", heard - 1) + 1);
    const parts = heard > 0 ? [text.slice(0, word), h("span", { class: "now" }, text.slice(word, heard))] : [];
    return [who, ...parts, h("span", { class: "coming" }, text.slice(heard))];
  }

  #fillCall(entry, node) {
    const draft = this.drafts.get(entry.id);
    if (draft !== undefined && entry.output === null && node.querySelector("textarea")) return; // being written
    const state = entry.output !== null ? "returned" : draft !== undefined ? "waits for you" : entry.state === "incomplete" ? "cut short" : "calling…";
    node.replaceChildren(
      h("header", {}, icon("tool"), h("b", {}, entry.name ?? "…"), h("span", {}, state)),
      pairs(entry.args, "Arguments"),
      ...(entry.output !== null ? [h("div", { class: "result" }, h("pre", {}, pretty(entry.output)))] : []),
      ...(draft !== undefined && entry.output === null ? [this.#byHand(entry, draft)] : []),
    );
  }

  #byHand(entry, draft) {
    const field = h("textarea", { class: "code", rows: 3, value: draft, "aria-label": `Result of ${entry.name}` });
    const send = () => {
      this.drafts.delete(entry.id);
      this.reply(entry.callId, field.value);
    };
    return h("div", { class: "result" }, field, h("div", { class: "row" }, h("button", { class: "primary small-button", type: "button", onclick: send }, "Send result")));
  }

  #announce(entry) {
    const said = sentence(entry);
    if (!said || this.announced.has(entry.id)) return;
    this.announced.add(entry.id);
    announce(said);
  }
}

function sentence(entry) {
  if (entry.kind === "note") return entry.text;
  if (entry.kind === "call") return entry.output === null ? "" : `The tool ${entry.name} returned ${entry.output}`;
  if (entry.kind === "user") return entry.state === "done" && entry.text.trim() ? `You: ${entry.text}` : "";
  return entry.state && entry.text ? `Agent: ${entry.text}` : "";
}

function pairs(text, label) {
  let value = null;
  try {
    value = JSON.parse(text || "{}");
  } catch {
    return h("dl", {}, h("dt", {}, label), h("dd", {}, text)); // still being written
  }
  const rows = value && typeof value === "object" ? Object.entries(value) : [[label, value]];
  if (!rows.length) return h("dl", {}, h("dt", {}, "no arguments"));
  return h("dl", {}, ...rows.flatMap(([key, inner]) => [h("dt", {}, key), h("dd", {}, typeof inner === "string" ? inner : JSON.stringify(inner))]));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
