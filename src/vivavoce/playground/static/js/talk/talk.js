// The Talk tab: one call with an agent, from the button to the hang-up, and everything that is shown of it.

import { openMicrophone, useLoudspeaker } from "../call/devices.js";
import { Call } from "../call/call.js";
import { releaseLine, takeLine } from "../call/line.js";
import { levelOf } from "../call/levels.js";
import { playStream, stopPlaying } from "../call/player.js";
import { asProblem, webrtcOffProblem } from "../call/problems.js";
import { find, h } from "../lib/dom.js";
import { clearProblem, showProblem } from "../lib/notice.js";
import { AgentForm } from "./agent_form.js";
import { Conversation } from "./conversation.js";
import { Dock } from "./dock.js";
import { Playout } from "./heard.js";
import { Inspector } from "./inspector.js";
import { sessionChanges } from "./session.js";
import { Thread } from "./thread.js";
import { showCost, showTurns } from "./timing.js";
import { Toolbox } from "./toolbox.js";
import { Turns } from "./turns.js";
import { UsageMeter } from "./usage.js";

/** What the microphone still has under way when the button is let go: the tail of the last word. */
const TAIL_MS = 300;

/** The Talk tab. `onLive` is told whether a call is going on, `askKey` asks the user for a key. */
export class Talk {
  constructor(server, { onLive, askKey }) {
    Object.assign(this, { server, onLive, askKey });
    this.call = null;
    this.leave = () => this.hangUp();
    this.inspector = new Inspector();
    this.form = new AgentForm(server, () => this.#settingsChanged());
    this.dock = new Dock({
      connect: (how) => this.connect(how),
      say: (text) => this.say(text),
      mute: () => this.mute(),
      interrupt: () => this.interrupt(),
      hangUp: () => this.hangUp(),
      hold: () => this.#hold(),
      release: (long) => this.#release(long),
    });
    this.sheet = "events";
    this.#begin();
    this.dock.idle();
  }

  /** Show what could be said, as long as nothing has been. */
  welcome() {
    if (this.conversation.entries.length) return;
    const preset = this.form.preset;
    find("#thread").replaceChildren(h("div", { class: "welcome" },
      h("h2", {}, this.call ? "Say something." : "Press the button, and say something."),
      h("p", {}, preset ? preset.about : "Your own agent is ready."),
      h("div", { class: "examples" }, ...(preset?.examples ?? []).map((example) =>
        h("button", { type: "button", title: "Say this by typing", onclick: () => this.#sayExample(example) }, `“${example}”`)))));
  }

  /** Begin a call. */
  async connect({ microphone = true } = {}) {
    if (this.call || this.connecting) return;
    if (!this.server.about.webrtc) return showProblem(webrtcOffProblem());
    const wrong = this.form.check();
    if (wrong) return this.#showSettingsError(wrong.message, wrong.field);
    clearProblem();
    this.form.clearError();
    this.connecting = true;
    this.dock.idle(true);
    takeLine(this.leave);
    const call = (this.dialing = new Call(this.server));
    try {
      const stream = microphone ? await openMicrophone() : null;
      this.#begin(stream);
      this.#attach(call);
      this.session = this.form.session();
      const secret = await this.server.secret(this.session);
      if (call.over) throw new Error("hung up meanwhile");
      await call.connect({ path: "v1/realtime/calls", secret, stream, track: stream?.getAudioTracks()[0] });
      this.call = call;
      this.#live();
    } catch (error) {
      call.hangUp();
      this.#end();
      if (!this.dropped) this.#failed(asProblem(error), { microphone });
    } finally {
      this.connecting = false;
      this.dropped = false;
    }
  }

  /** End the call. */
  hangUp() {
    this.dropped = this.connecting;
    this.dialing?.hangUp();
  }

  /** Say something by typing. */
  say(text) {
    this.#silence();
    this.call?.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
    this.toolbox?.wantAnswer();
  }

  /** Switch the microphone off and on; the first time in a call that began without one, open it. */
  async mute() {
    if (this.stream) {
      this.muted = !this.muted;
    } else {
      try {
        this.#useMicrophone(await openMicrophone());
      } catch (error) {
        showProblem(asProblem(error));
      }
    }
    this.#show();
  }

  /** Stop the agent: what it is making, and what it is saying. */
  interrupt() {
    this.#silence();
    this.#show();
  }

  /** Bring the sheets of the inspector up to date; `name` is the one that is shown from now on. */
  showSheet(name = this.sheet) {
    this.sheet = name;
    if (name === "timing") showTurns(find("#timing"), this.turns);
    if (name === "cost") showCost(find("#cost"), this.meter);
  }

  /** Take what the user has chosen under Sound. */
  async deviceChanged(direction) {
    if (direction === "output") {
      if (this.player) await useLoudspeaker(this.player);
    } else if (this.stream) {
      try {
        this.#useMicrophone(await openMicrophone());
      } catch (error) {
        showProblem(asProblem(error));
      }
    }
  }

  // --- a call, from beginning to end ---------------------------------------------------------------------------------------------

  #begin(stream = null) {
    Object.assign(this, {
      stream, muted: false, holding: false, speaking: false, active: null, player: null, output: null, input: null,
      waitingFor: new Map(), retrieved: new Set(), playout: new Playout(this.playout?.pace), turns: new Turns(), conversation: new Conversation(),
      meter: new UsageMeter(this.server.prices, this.form.values.model, this.form.values.transcriber),
    });
    this.thread = new Thread(find("#thread"), {
      conversation: this.conversation,
      heard: (entry) => this.#heard(entry),
      reply: (callId, output) => this.toolbox?.reply(callId, output),
    });
    this.inspector.clear();
    this.showSheet("timing" === this.sheet || "cost" === this.sheet ? this.sheet : "events");
  }

  #attach(call) {
    this.toolbox = new Toolbox({
      send: (event) => call.send(event),
      results: () => this.form.results,
      byHand: () => this.form.values.byHand,
      ask: (callId, draft) => this.thread.ask(callId, draft),
    });
    call.addEventListener("event", ({ detail }) => this.#event(detail));
    call.addEventListener("stream", async ({ detail }) => {
      this.player = await playStream(detail);
      this.output = levelOf(detail);
    });
    call.addEventListener("ended", () => this.#end());
    call.addEventListener("lost", ({ detail }) => {
      this.thread.update([this.conversation.note(detail.title, "bad")]);
      showProblem(detail, { reconnect: () => this.connect({ microphone: !this.textOnly }) });
    });
  }

  #live() {
    this.textOnly = !this.stream;
    if (this.stream) this.#useMicrophone(this.stream);
    this.dock.live({
      input: () => (this.#sending ? this.input?.level() ?? 0 : 0),
      output: () => this.output?.level() ?? 0,
      at: () => this.call?.at ?? 0,
      most: this.server.about.minutes * 60_000,
      tick: () => this.#follow(),
    });
    this.onLive(true);
    this.welcome();
    this.#show();
    find(this.stream ? (this.#manual ? "#hold" : "#mute") : "#message").focus();
  }

  #end() {
    this.call = null;
    releaseLine(this.leave);
    stopPlaying(this.player);
    this.input?.close();
    this.output?.close();
    this.stream?.getTracks().forEach((track) => track.stop());
    Object.assign(this, { stream: null, player: null, input: null, output: null, active: null, speaking: false, holding: false });
    const hadFocus = find("#live").contains(document.activeElement);
    this.dock.idle();
    if (hadFocus) find("#connect").focus();
    this.onLive(false);
    this.welcome();
  }

  #failed(problem, how) {
    if (problem.param || problem.id === "refused") this.#showSettingsError(problem.text, problem.param);
    showProblem(problem, {
      retry: () => this.connect(how),
      text: () => this.connect({ microphone: false }),
      key: () => this.askKey(() => this.connect(how)),
    });
  }

  #useMicrophone(stream) {
    if (this.stream !== stream) this.stream?.getTracks().forEach((track) => track.stop());
    this.input?.close();
    this.stream = stream;
    this.input = levelOf(stream);
    const [track] = stream.getAudioTracks();
    if (this.call?.sender.track !== track) this.call?.sender.replaceTrack(track);
    this.#show();
  }

  // --- events --------------------------------------------------------------------------------------------------------------------

  #event({ direction, event, at }) {
    this.inspector.add(direction, event, at);
    if (this.turns.take(direction, event, at) && this.sheet === "timing") this.showSheet();
    if (direction === "sent") return;
    if (this.meter.take(event) && this.sheet === "cost") this.showSheet();
    this.#track(event, at);
    const changed = this.conversation.take(event);
    for (const id of changed) this.#said(this.conversation.get(id));
    this.thread.update(changed);
    this.toolbox.take(event);
    this.#show();
  }

  #track(event, at) {
    const { type } = event;
    if (type === "input_audio_buffer.speech_started") this.speaking = true;
    else if (type === "input_audio_buffer.speech_stopped" || type === "input_audio_buffer.committed") this.speaking = false;
    else if (type === "response.created") this.active = event.response.id;
    else if (type === "response.done") this.#responseDone(event.response);
    else if (type === "output_audio_buffer.started") this.playout.started(event.response_id, at);
    else if (type === "output_audio_buffer.stopped") this.#played(event.response_id, () => this.playout.stopped(event.response_id, at));
    else if (type === "output_audio_buffer.cleared") this.#played(event.response_id, () => this.playout.cleared(event.response_id, at));
    else if (type === "conversation.item.truncated") this.#retrieve(event.item_id);
    else if (type === "session.updated") this.waitingFor.clear();
    else if (type === "error") this.#error(event.error);
  }

  #responseDone(response) {
    if (this.active === response.id) this.active = null;
    this.playout.measured(response.id, response.status === "completed" ? response.usage?.output_token_details?.audio_tokens ?? 0 : 0);
  }

  #played(responseId, change) {
    change();
    this.thread.update(this.conversation.entries.filter((entry) => entry.responseId === responseId).map((entry) => entry.id));
  }

  // The server has cut an item to what was heard: it alone knows where, so it is asked.
  #retrieve(itemId) {
    if (this.retrieved.has(itemId)) return;
    this.retrieved.add(itemId);
    this.call?.send({ type: "conversation.item.retrieve", item_id: itemId });
  }

  #error(error) {
    const settings = this.waitingFor.get(error.event_id);
    if (settings) {
      this.session = settings;
      this.#showSettingsError(error.message, error.param);
    } else if (error.code !== "session_expired" && error.code !== "response_cancel_not_active") {
      this.thread.update([this.conversation.note(error.message, "bad")]);
    }
  }

  #said(entry) {
    if (entry?.kind === "assistant" && entry.responseId) this.playout.said(entry.responseId, entry.id, entry.text);
  }

  #heard(entry) {
    if (!entry.spoken || !this.call || !entry.responseId) return entry.text.length;
    return this.playout.heard(entry.responseId, this.call.at).get(entry.id) ?? entry.text.length;
  }

  #follow() {
    const playing = this.playout.current();
    if (!playing.length) return;
    this.thread.update(this.conversation.entries.filter((entry) => playing.includes(entry.responseId) && entry.kind === "assistant").map((entry) => entry.id));
  }

  // --- what the user does --------------------------------------------------------------------------------------------------------

  get #manual() {
    return this.session?.audio.input.turn_detection === null;
  }

  get #sending() {
    return Boolean(this.stream) && (this.#manual ? this.holding || this.tail : !this.muted);
  }

  async #sayExample(text) {
    if (!this.call) await this.connect({ microphone: false });
    if (this.call) this.say(text);
  }

  #silence() {
    if (this.active) this.call?.send({ type: "response.cancel" });
    if (this.playout.playing) this.call?.send({ type: "output_audio_buffer.clear" });
  }

  #hold() {
    this.#silence();
    clearTimeout(this.tail);
    this.tail = null;
    this.holding = true;
    this.call?.send({ type: "input_audio_buffer.clear" });
    this.#show();
  }

  #release(long) {
    this.holding = false;
    const { call } = this;
    this.tail = setTimeout(() => {
      this.tail = null;
      if (long) {
        call?.send({ type: "input_audio_buffer.commit" });
        this.toolbox?.wantAnswer();
      } else {
        call?.send({ type: "input_audio_buffer.clear" });
        this.thread.update([this.conversation.note("Hold the button for as long as you speak.")]);
      }
      this.#show();
    }, TAIL_MS);
    this.#show();
  }

  #settingsChanged() {
    if (!this.call) {
      this.welcome();
      return;
    }
    const wanted = this.form.session();
    const update = sessionChanges(this.session, wanted);
    if (wanted.model !== this.session.model) this.thread.update([this.conversation.note("The model changes with the next call.")]);
    if (!update) return;
    const before = this.session;
    const id = this.call.send({ type: "session.update", session: update });
    this.waitingFor.set(id, before);
    this.session = { ...wanted, model: before.model };
    this.#show();
  }

  #showSettingsError(message, param) {
    this.form.showError(message, param);
    find("#talk-panel").dispatchEvent(new CustomEvent("pane", { detail: "agent" }));
  }

  #show() {
    if (this.stream) for (const track of this.stream.getAudioTracks()) track.enabled = this.#sending;
    if (!this.call) return;
    this.dock.show({
      speaking: this.speaking, playing: this.playout.playing, active: this.active !== null, muted: this.muted,
      manual: this.#manual, holding: this.holding, microphone: this.stream !== null,
    });
  }
}
