// The Transcribe tab: live captions of the microphone or of a file.

import { SessionView } from "../call/session_view.js";
import { announce } from "../lib/announcer.js";
import { minutes } from "../lib/clock.js";
import { fillSelect, find, follow, h } from "../lib/dom.js";
import { download } from "../lib/download.js";
import { languageName } from "../interpret/languages.js";
import { load, save } from "../lib/saved.js";
import { Captions } from "./captions.js";
import { asSrt, asText, asVtt } from "./subtitles.js";

const DEFAULTS = { model: "gpt-realtime-whisper", language: "", delay: "", size: 1.5 };
const LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "ja", "ko", "zh", "ru", "hi", "id", "vi"];
const FORMATS = { txt: [asText, "text/plain"], srt: [asSrt, "application/x-subrip"], vtt: [asVtt, "text/vtt"] };

/** Models that listen without turns: the page closes their passages. */
const STREAMING = new Set(["gpt-realtime-whisper", "gpt-live-transcribe"]);

/** After so long a pause a passage is closed, so that no item grows without end. */
const PASSAGE_PAUSE_MS = 4000;

/** The Transcribe tab. */
export class Transcribe extends SessionView {
  constructor(server, hooks) {
    super(server, "caption", hooks);
    this.path = "v1/realtime/calls";
    this.form = find("#caption-settings");
    this.values = load("captions", DEFAULTS);
    this.captions = new Captions();
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.#read());
    for (const button of find("#caption-save").querySelectorAll("[data-format]")) button.addEventListener("click", () => this.#download(button.dataset.format));
    find("#caption-clear").addEventListener("click", () => this.#clear());
    this.#clear();
  }

  /** Offer the models; languages follow the chosen one. */
  showModels() {
    fillSelect(this.form.model, this.server.ofKind("transcription").map((model) => [model.name, model.name]), this.values.model);
    fillSelect(this.form.delay, [["", "usual"], ...this.server.about.delays.map((delay) => [delay, delay === "xhigh" ? "extra high" : delay])], this.values.delay);
    this.form.size.value = this.values.size;
    this.#show();
    return this.#languages();
  }

  session() {
    const { model, language, delay } = this.values;
    const transcription = { model };
    if (language) transcription.language = language;
    if (delay && STREAMING.has(model)) transcription.delay = delay;
    return { type: "transcription", audio: { input: { transcription, turn_detection: STREAMING.has(model) ? null : { type: "server_vad" } } } };
  }

  prepared() {
    this.#clear();
    this.lastWord = 0;
  }

  received(event, at) {
    if (event.type === "error") announce(event.error.message);
    if (event.type === "input_audio_buffer.committed") this.waiting = (this.waiting ?? 0) + 1;
    if (/transcription\.(completed|failed)$/.test(event.type)) {
      this.waiting = Math.max(0, (this.waiting ?? 0) - 1);
      if (event.transcript) announce(event.transcript);
      if (!this.waiting) this.allHere?.();
    }
    if (event.type.endsWith("transcription.delta")) this.lastWord = at;
    if (this.captions.take(event, at)) this.#render();
  }

  tick() {
    if (!STREAMING.has(this.values.model) || !this.captions.open || this.stopping) return;
    if (this.call.at - this.lastWord > PASSAGE_PAUSE_MS) {
      this.lastWord = this.call.at;
      this.call.send({ type: "input_audio_buffer.commit" });
    }
  }

  // Without turns the passage at hand is closed by a commit. With turns the server closes it: the silence that goes on does that.
  async finish() {
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await pause(STREAMING.has(this.values.model) ? 600 : 1500);
    const done = new Promise((resolve) => { this.allHere = resolve; });
    if (STREAMING.has(this.values.model)) this.call?.send({ type: "input_audio_buffer.commit" });
    else if (!this.waiting) return;
    await done;
  }

  ended() {
    this.waiting = 0;
    this.allHere = null;
    find("#caption-save").hidden = !this.captions.spoken().length;
  }

  async #languages() {
    const { model } = this.values;
    let known = [];
    try {
      known = (await this.server.ask(`v1/models/${encodeURIComponent(model)}`)).languages ?? [];
    } catch {
      // The list is a convenience: what is not understood is refused when the call begins.
    }
    if (model !== this.values.model) return;
    const options = (known.length ? known : LANGUAGES).map((code) => [code, languageName(code)]);
    fillSelect(this.form.language, [["", "detect"], ...options], this.values.language);
    this.values.language = this.form.language.value;
  }

  #read() {
    const { model, language, delay, size } = this.form;
    const other = model.value !== this.values.model;
    this.values = { model: model.value, language: language.value, delay: delay.value, size: Number(size.value) };
    save("captions", this.values);
    this.#show();
    if (other) this.#languages();
  }

  #show() {
    find("#captions").style.setProperty("--size", this.values.size);
    this.form.delay.disabled = !STREAMING.has(this.values.model);
  }

  #clear() {
    this.captions = new Captions();
    this.nodes = new Map();
    find("#caption-save").hidden = true;
    find("#captions").replaceChildren(h("div", { class: "welcome" }, h("h2", {}, "What is said appears here, as it is said."),
      h("p", {}, "From your microphone, or from an audio or video file that plays.")));
  }

  #render() {
    const place = find("#captions");
    follow(place, () => {
      place.querySelector(".welcome")?.remove();
      const lines = this.captions.spoken();
      for (const [line, node] of this.nodes) {
        if (lines.includes(line)) continue;
        node.remove();
        this.nodes.delete(line);
      }
      for (const line of lines.slice(-200)) {
        let node = this.nodes.get(line);
        if (!node) {
          node = h("p", {});
          this.nodes.set(line, node);
          place.append(node);
        }
        if (node.dataset.text === line.text && node.classList.contains("open") === !line.done) continue;
        node.dataset.text = line.text;
        node.classList.toggle("open", !line.done);
        node.replaceChildren(h("time", {}, minutes(line.begin)), line.text.trim());
      }
    });
  }

  #download(format) {
    const [write, type] = FORMATS[format];
    download(`captions.${format}`, write(this.captions.spoken()), type);
  }
}
