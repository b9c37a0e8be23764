// The Interpret tab: what is said in one language, written and spoken in another while the speaker goes on.

import { levelOf } from "../call/levels.js";
import { playStream, stopPlaying } from "../call/player.js";
import { Problem } from "../call/problems.js";
import { SessionView } from "../call/session_view.js";
import { announce } from "../lib/announcer.js";
import { fillSelect, find, follow, h } from "../lib/dom.js";
import { download } from "../lib/download.js";
import { showProblem } from "../lib/notice.js";
import { load, save } from "../lib/saved.js";
import { Column } from "./columns.js";
import { languageName, understood } from "./languages.js";

const MODEL = "gpt-realtime-translate";
const DEFAULTS = { target: "es", volume: 1, under: 0.25 };

/** The original stays low for so long after the interpreter's last sound, so that it does not pump between words. */
const HOLD_MS = 700;

/** The Interpret tab. */
export class Interpret extends SessionView {
  constructor(server, hooks) {
    super(server, "interpret", hooks);
    this.path = "v1/realtime/translations/calls";
    this.form = find("#interpret-settings");
    this.values = load("interpreter", DEFAULTS);
    this.pairs = [];
    this.form.volume.value = this.values.volume;
    this.form.under.value = this.values.under;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", (event) => this.#read(event.target));
    find("#interpret-save-text").addEventListener("click", () =>
      download("interpreted.txt", `${this.columns.source.text()}\n— ${languageName(this.values.target)} —\n\n${this.columns.target.text()}`));
    this.#clear();
  }

  /** Learn what can be interpreted here, and say so where nothing can. */
  async learn() {
    try {
      this.pairs = (await this.server.ask(`v1/models/${MODEL}`)).translation?.pairs ?? [];
    } catch (error) {
      if (error instanceof Problem && error.id !== "refused") return;
      this.pairs = [];
    }
    const targets = [...new Set(this.pairs.map(([, target]) => target))];
    fillSelect(this.form.target, targets.map((code) => [code, languageName(code)]), this.values.target);
    if (targets.length) this.values.target = this.form.target.value;
    this.form.target.disabled = !targets.length;
    this.blocked = !targets.length;
    for (const name of ["mic", "file"]) this.part(name).disabled = this.blocked;
    this.#sources();
    this.#clear();
  }

  session() {
    return {
      type: "translation",
      model: MODEL,
      audio: { input: { transcription: { model: "gpt-realtime-whisper" } }, output: { language: this.values.target } },
    };
  }

  prepared() {
    this.#clear();
    this.loudAt = -Infinity;
  }

  async heard(stream) {
    this.player = await playStream(stream);
    this.player.volume = this.values.volume;
    this.voice = levelOf(stream);
  }

  received(event, at) {
    if (event.type === "session.input_transcript.delta") this.#write("source", event.delta, at);
    else if (event.type === "session.output_transcript.delta") this.#write("target", event.delta, at);
    else if (event.type === "error" && event.error.code !== "session_expired") showProblem(new Problem("interpreting", "The interpreter says:", event.error.message));
  }

  meters() {
    return [[this.part("level-out"), () => this.voice?.level() ?? 0]];
  }

  // The original steps back while the interpreter speaks.
  tick() {
    const now = performance.now();
    if ((this.voice?.level() ?? 0) > 0.15) this.loudAt = now;
    this.source?.setVolume(now - this.loudAt < HOLD_MS ? this.values.under : 1);
  }

  // The server says what it still has, lets it be heard to the end, and hangs up.
  finish() {
    return new Promise((resolve) => {
      this.closed = resolve;
      this.call.send({ type: "session.close" });
    });
  }

  ended() {
    this.closed?.();
    stopPlaying(this.player);
    this.voice?.close();
    Object.assign(this, { player: null, voice: null, closed: null });
    find("#interpret-save").hidden = !this.columns.target.paragraphs.length;
  }

  #read(field) {
    const { target, volume, under } = this.form;
    this.values = { target: target.value || this.values.target, volume: Number(volume.value), under: Number(under.value) };
    save("interpreter", this.values);
    if (this.player) this.player.volume = this.values.volume;
    if (field !== target) return;
    this.#sources();
    this.call?.send({ type: "session.update", session: { audio: { output: { language: this.values.target } } } });
  }

  #sources() {
    find("#interpret-sources").textContent = this.blocked ? "" : `Understands ${understood(this.pairs, this.values.target)}.`;
    find("#target-title").textContent = this.blocked ? "Translation" : languageName(this.values.target);
    find("#target-text").lang = this.values.target;
  }

  #clear() {
    this.columns = { source: new Column(), target: new Column() };
    const missing = this.server.models.find((model) => model.name === MODEL)?.missing;
    const why = this.blocked
      ? h("div", { class: "welcome" }, h("h2", {}, "This server cannot translate yet."), h("p", { id: "interpret-missing" }, sentence(missing || "its engines have no pair of languages in common")))
      : h("p", { class: "empty" }, "What is said appears here, as it was said…");
    find("#source-text").replaceChildren(why);
    find("#target-text").replaceChildren(...(this.blocked ? [] : [h("p", { class: "empty" }, "…and here in the other language, spoken too, while the speaker goes on.")]));
    find("#interpret-save").hidden = true;
  }

  #write(name, text, at) {
    const place = find(`#${name}-text`);
    const column = this.columns[name];
    follow(place, () => {
      const began = column.add(text, at);
      const last = column.paragraphs.at(-1);
      if (!last) return;
      place.querySelector(".empty")?.remove();
      if (began) {
        const before = column.paragraphs.at(-2);
        if (name === "target" && before) announce(before.text);
        place.append(h("p", {}));
      }
      place.lastElementChild.textContent = last.text;
    });
  }
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
