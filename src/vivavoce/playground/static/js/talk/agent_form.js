// The agent's settings as a form: presets, fields, and what is wrong with them.

import { fillSelect, find, h } from "../lib/dom.js";
import { load, save } from "../lib/saved.js";
import { AGENT_DEFAULTS, agentSession, readResults, readTools } from "./session.js";

const FIELDS = Object.keys(AGENT_DEFAULTS).filter((name) => name !== "preset" && name !== "byHand");
const BY_PARAM = [
  [/turn_detection/, "silence"], [/noise_reduction/, "noise"], [/transcription/, "transcriber"], [/tools/, "tools"],
  [/voice/, "voice"], [/instructions/, "instructions"], [/reasoning/, "effort"], [/model/, "model"],
];

/** The form `#agent`. `changed` is called with the settings after every change that makes sense. */
export class AgentForm {
  constructor(server, changed) {
    this.server = server;
    this.form = find("#agent");
    this.values = load("agent", AGENT_DEFAULTS);
    this.presets = [];
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.#showNumbers());
    this.form.addEventListener("change", () => {
      this.#read();
      this.clearError();
      const problem = this.check();
      if (problem) this.showError(problem.message, problem.field);
      else changed(this.values);
    });
    this.changed = changed;
  }

  /** Offer the ready-made agents; the first one is there on the first visit. */
  showPresets(presets) {
    this.presets = presets;
    find("#presets").replaceChildren(...presets.map((preset) =>
      h("button", { type: "button", "data-preset": preset.id, onclick: () => this.choose(preset) }, preset.name)));
    if (!presets.some((preset) => preset.id === this.values.preset) && !this.values.instructions && presets[0]) this.#take(presets[0]);
    this.#show();
  }

  /** Offer the models and what they can do. */
  showModels() {
    const ofKind = (kind) => this.server.ofKind(kind).map((model) => [model.name, model.name]);
    fillSelect(this.form.model, ofKind("agent"), this.values.model);
    fillSelect(this.form.transcriber, ofKind("transcription"), this.values.transcriber);
    const { voices, efforts } = this.server.about;
    fillSelect(this.form.voice, [["", "usual"], ...voices.map((voice) => [voice, voice])], this.values.voice);
    fillSelect(this.form.effort, [["", "usual"], ...efforts.map((effort) => [effort, effort === "xhigh" ? "extra high" : effort])], this.values.effort);
    this.#show();
  }

  /** Switch to a ready-made agent. */
  choose(preset) {
    this.#take(preset);
    this.#show();
    this.clearError();
    this.changed(this.values);
  }

  /** The preset in use, if it is one. */
  get preset() {
    return this.presets.find((preset) => preset.id === this.values.preset) ?? null;
  }

  /** The session the settings ask for. */
  session() {
    return agentSession(this.values, { reasoning: this.#reasoning() });
  }

  /** What the tools return, by name. */
  get results() {
    return readResults(this.values.results);
  }

  /** Return what is wrong with what was typed: `{message, field}`, or null. */
  check() {
    for (const [field, read] of [["tools", readTools], ["results", readResults]]) {
      try {
        read(this.values[field]);
      } catch (error) {
        return { message: error.message, field };
      }
    }
    return null;
  }

  /** Say what is wrong, at the field the server's error names. */
  showError(message, param = null) {
    const place = find("#agent-error");
    place.textContent = message;
    place.hidden = false;
    const name = FIELDS.includes(param) ? param : BY_PARAM.find(([pattern]) => pattern.test(param ?? ""))?.[1];
    const field = name && this.form.elements[name];
    if (!(field instanceof HTMLElement)) return;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", place.id);
    field.closest("details")?.setAttribute("open", "");
  }

  /** Take that back. */
  clearError() {
    find("#agent-error").hidden = true;
    for (const field of this.form.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-errormessage");
    }
  }

  #reasoning() {
    return this.server.models.find((model) => model.name === this.values.model)?.reasoning ?? true;
  }

  #take(preset) {
    Object.assign(this.values, {
      preset: preset.id,
      model: preset.model,
      instructions: preset.instructions,
      tools: JSON.stringify(preset.tools, null, 2),
      results: JSON.stringify(preset.results, null, 2),
    });
    save("agent", this.values);
  }

  #read() {
    for (const name of FIELDS) {
      const { value, type } = this.form.elements[name];
      if (value !== "" || type !== "select-one") this.values[name] = typeof AGENT_DEFAULTS[name] === "number" ? Number(value) : value;
      else if (this.form.elements[name].options?.length) this.values[name] = value;
    }
    this.values.byHand = this.form.byHand.checked;
    const preset = this.preset;
    if (preset && preset.instructions !== this.values.instructions) this.values.preset = "own";
    save("agent", this.values);
    this.#show();
  }

  #show() {
    for (const name of FIELDS) this.form.elements[name].value = this.values[name];
    this.form.byHand.checked = this.values.byHand;
    for (const button of this.form.querySelectorAll("[data-preset]")) {
      button.setAttribute("aria-pressed", String(button.dataset.preset === this.values.preset));
    }
    find("#preset-about").textContent = this.preset?.about ?? "An agent of your own: choosing one above replaces it.";
    for (const part of this.form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== this.values.detection;
    this.form.effort.disabled = !this.#reasoning();
    try {
      const { length } = readTools(this.values.tools);
      find("#tool-count").textContent = length ? `(${length})` : "";
    } catch {
      find("#tool-count").textContent = "(not JSON)";
    }
    this.#showNumbers();
  }

  #showNumbers() {
    for (const output of this.form.querySelectorAll("output")) {
      const field = this.form.elements[output.htmlFor.value];
      output.textContent = field.dataset.unit ? `${field.value} ${field.dataset.unit}` : field.value;
    }
  }
}
