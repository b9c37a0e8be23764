// Answering the agent's tool calls: with made-up results at once, or with what the user sends. When all calls of a response have their
// result, the agent is asked to go on: it does not by itself. Whoever else wants an answer asks here too, since there can be one at a time.

import { mockResult, readArguments } from "./mock.js";

/** The toolbox of one call. `send` sends events, `results` gives the templates, `ask` asks the user (where `byHand()` says so). */
export class Toolbox {
  constructor({ send, results, byHand, ask }) {
    Object.assign(this, { send, results, byHand, ask });
    this.open = new Set();
    this.active = null;
    this.returned = false;
    this.wanted = false;
  }

  /** Ask for an answer, now or when the one being made is over. */
  wantAnswer() {
    this.wanted = true;
    this.#perhapsGoOn();
  }

  /** Take a server event. */
  take(event) {
    if (event.type === "response.created" && event.response.conversation_id !== null) this.active = event.response.id;
    if (event.type !== "response.done") return;
    if (this.active === event.response.id) this.active = null;
    const calls = event.response.output.filter((item) => item.type === "function_call" && item.status === "completed");
    for (const call of calls) this.open.add(call.call_id);
    for (const call of calls) this.#answer(call);
    this.#perhapsGoOn();
  }

  /** Send the result of a call. */
  reply(callId, output) {
    if (!this.open.delete(callId)) return;
    this.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: callId, output } });
    this.returned = true;
    this.#perhapsGoOn();
  }

  #answer(call) {
    const output = this.#made(call);
    if (this.byHand()) this.ask(call.call_id, output);
    else this.reply(call.call_id, output);
  }

  #made(call) {
    try {
      return JSON.stringify(mockResult(this.results()[call.name], readArguments(call.arguments)), null, this.byHand() ? 2 : 0);
    } catch (error) {
      return JSON.stringify({ error: error.message });
    }
  }

  #perhapsGoOn() {
    if (this.active || !(this.wanted || (this.returned && !this.open.size))) return;
    this.wanted = false;
    this.returned = false;
    this.send({ type: "response.create" });
  }
}
