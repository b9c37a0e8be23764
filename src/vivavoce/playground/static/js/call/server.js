// What the page asks of its server over HTTP. The key, where one is needed, lives in this tab's session storage and nowhere else.

import { Problem, refusalProblem, unreachableProblem } from "./problems.js";

const KEY = "vivavoce.key";
const base = new URL(".", document.baseURI.split("#")[0]);

/** The server this page came from. */
export class Server {
  constructor() {
    this.about = { keyed: false, webrtc: true, minutes: 10, voices: [], efforts: [], delays: [] };
    this.models = [];
  }

  /** The user's key; null if there is none. */
  get key() {
    return sessionStorage.getItem(KEY);
  }

  set key(value) {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  }

  /** Learn what the page has to know before a key is shown. */
  async meet() {
    this.about = await this.ask("playground/server.json");
    return this.about;
  }

  /** Learn which models there are, what they can do and what they cost. Needs the key where there is one. */
  async learnModels() {
    this.models = (await this.ask("playground/prices.json")).models;
    return this.models;
  }

  /** The models of a kind. */
  ofKind(kind) {
    return this.models.filter((model) => model.kind === kind);
  }

  /** Prices by model. */
  get prices() {
    return new Map(this.models.map((model) => [model.name, model.price]));
  }

  /** Tell whether the server is there and ready: `ready`, `waiting`, or `gone`. */
  async state() {
    try {
      const answer = await fetch(new URL("readyz", base), { cache: "no-store", signal: AbortSignal.timeout(4000) });
      return answer.ok ? "ready" : "waiting";
    } catch {
      return "gone";
    }
  }

  /** Get a client secret for one call with this session. */
  async secret(session) {
    if (!this.about.keyed) return (await this.ask("playground/secret", { session })).value;
    if (!this.key) throw new Problem("key-missing", "This server asks for a key.", "Enter the API key you were given.", { action: "key" });
    const { type, ...rest } = session;
    const translating = type === "translation";
    const path = translating ? "v1/realtime/translations/client_secrets" : "v1/realtime/client_secrets";
    return (await this.ask(path, { session: translating ? rest : session, expires_after: { anchor: "created_at", seconds: 60 } })).value;
  }

  /** Offer a call; return the answer's SDP and the call's id. */
  async offer(path, sdp, secret) {
    const answer = await this.#fetch(path, {
      method: "POST",
      body: sdp,
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${secret}` },
    }, false);
    return { sdp: await answer.text(), id: (answer.headers.get("Location") ?? "").split("/").pop() };
  }

  /** Get JSON, or post some. */
  async ask(path, body = undefined) {
    const headers = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await this.#fetch(path, { method: body === undefined ? "GET" : "POST", headers, body: body && JSON.stringify(body) }, this.about.keyed);
    return answer.json();
  }

  async #fetch(path, options, keyed) {
    let answer;
    try {
      answer = await fetch(new URL(path, base), { cache: "no-store", ...options });
    } catch {
      throw unreachableProblem();
    }
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => null);
    throw refusalProblem(answer.status, told?.error, { keyed });
  }
}
