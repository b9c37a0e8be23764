// What holds the call: its buttons, its meters, and what is going on right now.

import { minutes } from "../lib/clock.js";
import { find, takesText } from "../lib/dom.js";
import { showLevels } from "../call/levels.js";

const SHORTEST_HOLD_MS = 250;

/** Return what to say is going on. */
export function doing({ speaking, playing, active, muted, manual, holding, microphone }) {
  if (holding) return "Let go to send";
  if (speaking) return "Hearing you";
  if (playing) return "Speaking";
  if (active) return "Thinking";
  if (!microphone) return "Microphone off";
  if (manual) return "Hold the button to talk";
  return muted ? "Muted" : "Listening";
}

/** The dock of the Talk tab. `acts` are what its buttons do: connect, type, say, mute, interrupt, hangUp, hold, release. */
export class Dock {
  constructor(acts) {
    this.acts = acts;
    this.stopLevels = null;
    this.held = null;
    this.manual = false;
    find("#connect").addEventListener("click", () => acts.connect({ microphone: true }));
    find("#connect-text").addEventListener("click", () => acts.connect({ microphone: false }));
    find("#mute").addEventListener("click", acts.mute);
    find("#interrupt").addEventListener("click", acts.interrupt);
    find("#hang-up").addEventListener("click", acts.hangUp);
    find("#typed").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = find("#message");
      if (field.value.trim()) acts.say(field.value.trim());
      field.value = "";
    });
    this.#holdToTalk();
  }

  /** Show the dock as it is before a call: `connecting` while one is being made. */
  idle(connecting = false) {
    this.stopLevels?.();
    this.stopLevels = null;
    this.held = null;
    find("#idle").hidden = false;
    find("#live").hidden = true;
    find("#connect").disabled = connecting;
    find("#connect-text").hidden = connecting;
    find("#connect span").textContent = connecting ? "Connecting…" : "Start talking";
  }

  /** Show the dock of a call. `levels` are functions for the meters, `at` its length in ms, `most` the longest it may be. */
  live({ input, output, at, most, tick }) {
    find("#idle").hidden = true;
    find("#live").hidden = false;
    this.stopLevels?.();
    this.stopLevels = showLevels([[find("#level-in"), input], [find("#level-out"), output]], () => {
      find("#elapsed").textContent = `${minutes(at())} of ${minutes(most)}`;
      tick();
    });
  }

  /** Bring buttons and words up to date. */
  show(state) {
    this.manual = state.manual;
    find("#doing").textContent = doing(state);
    find("#interrupt").disabled = !state.playing && !state.active;
    find("#hold").hidden = !state.manual;
    find("#hold").disabled = !state.microphone;
    const mute = find("#mute");
    mute.hidden = state.manual && state.microphone;
    mute.setAttribute("aria-pressed", String(state.microphone && state.muted));
    find("#mute span").textContent = state.microphone ? (state.muted ? "Unmute" : "Mute") : "Microphone";
    find("#mute use").setAttribute("href", state.muted || !state.microphone ? "#i-mic-off" : "#i-mic");
    find("#hold").setAttribute("aria-pressed", String(state.holding));
  }

  #holdToTalk() {
    const button = find("#hold");
    const down = () => {
      if (this.held !== null || button.hidden || button.disabled) return;
      this.held = performance.now();
      this.acts.hold();
    };
    const up = () => {
      if (this.held === null) return;
      const long = performance.now() - this.held >= SHORTEST_HOLD_MS;
      this.held = null;
      this.acts.release(long);
    };
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      down();
    });
    for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, up);
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    const isHold = (event) => event.code === "Space" && this.manual && !find("#live").hidden && !find("#talk-panel").hidden
      && !takesText(event.target) && (event.target === button || !event.target.closest?.("button, summary, a"));
    document.addEventListener("keydown", (event) => {
      if (!isHold(event)) return;
      event.preventDefault();
      if (!event.repeat) down();
    });
    document.addEventListener("keyup", (event) => {
      if (event.code !== "Space" || this.held === null) return;
      event.preventDefault();
      up();
    });
    window.addEventListener("blur", up);
  }
}
