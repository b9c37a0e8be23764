// What captions and interpreter share: a call that hears a source, begins with a button and ends with another.

import { find } from "../lib/dom.js";
import { clearProblem, showProblem } from "../lib/notice.js";
import { minutes } from "../lib/clock.js";
import { Call } from "./call.js";
import { levelOf, showLevels } from "./levels.js";
import { releaseLine, takeLine } from "./line.js";
import { asProblem, webrtcOffProblem } from "./problems.js";
import { chooseFile, fileSource, microphoneSource } from "./source.js";

/** How long the server may take to say what it still has, once the source is over; its user may stop it before. */
const LAST_WORDS_MS = 60_000;

/**
 * A call that listens to a source. Those who extend it give `name` (the prefix of its elements' ids), `path`, `session()`, and say what
 * happens at `received(event, at)`, `finish()` (the source is over: resolve when the last words are here), `meters()`.
 */
export class SessionView {
  constructor(server, name, { onLive, askKey }) {
    Object.assign(this, { server, name, onLive, askKey, call: null, source: null, busy: false });
    this.leave = () => this.end();
    this.part("mic").addEventListener("click", () => this.begin(microphoneSource));
    this.part("file").addEventListener("click", () => this.beginFile());
    this.part("stop").addEventListener("click", () => this.stop());
  }

  /** Return one of the view's elements. */
  part(name) {
    return find(`#${this.name}-${name}`);
  }

  /** Let the user choose a file, and begin with it. */
  async beginFile() {
    const file = await chooseFile();
    if (file) await this.begin(() => fileSource(file, this.part("player"), () => this.call && !this.stopping && this.stop()));
  }

  /** Begin a call that hears what a source gives. */
  async begin(open) {
    if (this.busy || this.call) return;
    if (!this.server.about.webrtc) return showProblem(webrtcOffProblem());
    clearProblem();
    takeLine(this.leave);
    this.busy = true;
    this.#buttons();
    const call = (this.dialing = new Call(this.server));
    try {
      this.source = await open();
      this.prepared(call);
      call.addEventListener("event", ({ detail }) => detail.direction === "received" && this.received(detail.event, detail.at));
      call.addEventListener("stream", ({ detail }) => this.heard(detail));
      call.addEventListener("lost", ({ detail }) => showProblem(detail, { reconnect: () => this.begin(open) }));
      call.addEventListener("ended", () => this.#ended());
      const secret = await this.server.secret(this.session());
      if (call.over) throw new Error("hung up meanwhile");
      await call.connect({ path: this.path, secret, track: this.source.track, stream: this.source.stream });
      this.call = call;
      this.level = levelOf(this.source.stream);
      this.stopLevels = showLevels([[this.part("level"), () => this.level.level()], ...this.meters()], () => {
        this.part("elapsed").textContent = minutes(call.at);
        this.tick();
      });
      this.onLive(true);
      await this.source.start();
    } catch (error) {
      call.hangUp();
      this.#ended();
      if (!this.dropped) showProblem(asProblem(error), { retry: () => this.begin(open), key: () => this.askKey(() => this.begin(open)) });
    } finally {
      this.busy = false;
      this.dropped = false;
      this.#buttons();
    }
  }

  /** The user, or the end of the file, says that this is all: wait for the last words, then hang up. */
  async stop() {
    if (this.stopping) return this.end();
    const { call } = this;
    if (!call) return;
    this.stopping = true;
    this.part("stop").lastElementChild.textContent = "Last words…";
    for (const track of this.source?.stream.getTracks() ?? []) track.enabled = false;
    await Promise.race([this.finish(), new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    call.hangUp();
  }

  /** Hang up at once. */
  end() {
    this.dropped = this.busy && !this.call;
    this.dialing?.hangUp();
  }

  /** What to do before a call is made, with every call's end, with the server's audio, and at every look at the meters. */
  prepared() {}
  ended() {}
  heard() {}
  tick() {}
  meters() {
    return [];
  }

  #ended() {
    if (!this.source && !this.call) return;
    this.call = null;
    this.stopLevels?.();
    this.stopLevels = null;
    this.level?.close();
    this.level = null;
    this.source?.close();
    this.source = null;
    this.stopping = false;
    releaseLine(this.leave);
    this.ended();
    this.onLive(false);
    this.#buttons();
  }

  #buttons() {
    const live = this.call !== null;
    const hadFocus = this.part("live").contains(document.activeElement) || this.part("idle").contains(document.activeElement);
    this.part("idle").hidden = live;
    this.part("live").hidden = !live;
    this.part("mic").disabled = this.busy || this.blocked === true;
    this.part("file").disabled = this.busy || this.blocked === true;
    this.part("stop").lastElementChild.textContent = "Stop";
    if (hadFocus) (live ? this.part("stop") : this.part("mic")).focus();
  }
}
