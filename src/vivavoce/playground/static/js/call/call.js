// One WebRTC call: a peer connection, the media both ways, and the data channel that carries the protocol's events.
//
// It tells what happens as events of its own: `event` (a protocol event, sent or received), `stream` (the server's audio), `lost` (the call
// ended and nobody hung up) and `ended` (in any case, once).

import { lostProblem, noPathProblem } from "./problems.js";

const OPEN_WITHIN_MS = 15_000;
const SILENT_FOR_MS = 6_000;

/** A call to a server. */
export class Call extends EventTarget {
  #server;
  #peer = null;
  #channel = null;
  #over = false;
  #connected = false;
  #expired = null;
  #orderly = false;
  #sent = 0;
  #quiet = 0;

  constructor(server) {
    super();
    this.#server = server;
    this.id = "";
    this.began = performance.now();
  }

  /** ms since the call was connected. */
  get at() {
    return performance.now() - this.began;
  }

  /** Whether events can be sent. */
  get open() {
    return !this.#over && this.#channel?.readyState === "open";
  }

  /** Whether it has ended. */
  get over() {
    return this.#over;
  }

  /** Connect, and return when events can be sent. Without a track the call only listens to the server. Throws a `Problem`. */
  async connect({ path, secret, track = null, stream = null }) {
    const peer = (this.#peer = new RTCPeerConnection());
    peer.addEventListener("track", (event) => this.dispatchEvent(new CustomEvent("stream", { detail: event.streams[0] ?? new MediaStream([event.track]) })));
    peer.addEventListener("connectionstatechange", () => this.#watch());
    if (track) this.sender = peer.addTrack(track, stream ?? new MediaStream([track]));
    else this.sender = peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    const channel = (this.#channel = peer.createDataChannel("oai-events"));
    channel.addEventListener("message", (message) => this.#received(message.data));
    channel.addEventListener("close", () => this.#lost());

    const opened = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(noPathProblem()), OPEN_WITHIN_MS);
      const settle = (outcome, value) => { clearTimeout(timer); outcome(value); };
      channel.addEventListener("open", () => { this.#connected = true; settle(resolve); }, { once: true });
      this.addEventListener("ended", () => settle(reject, noPathProblem()), { once: true });
    });
    opened.catch(() => {}); // it may end while the offer is still on its way; then that failure is the one told
    try {
      await peer.setLocalDescription(await peer.createOffer());
      const answer = await this.#server.offer(path, peer.localDescription.sdp, secret);
      this.id = answer.id;
      this.began = performance.now();
      await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      await opened;
    } catch (error) {
      this.hangUp();
      throw error;
    }
  }

  /** Send a protocol event; return the id it was given. What is sent after the end goes nowhere. */
  send(event) {
    if (!this.open) return null;
    const whole = { ...event, event_id: `page_${++this.#sent}` };
    this.#channel.send(JSON.stringify(whole));
    this.#tell("sent", whole);
    return whole.event_id;
  }

  /** End the call. */
  hangUp() {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#quiet);
    this.#channel?.close();
    this.#peer?.close();
    this.dispatchEvent(new Event("ended"));
  }

  #received(data) {
    let event;
    try {
      event = JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data));
    } catch {
      return; // no event: nothing the page could show
    }
    if (event.type === "error" && event.error?.code === "session_expired") this.#expired = event.error.message;
    if (event.type === "session.closed") this.#orderly = true;
    this.#tell("received", event);
  }

  #tell(direction, event) {
    this.dispatchEvent(new CustomEvent("event", { detail: { direction, event, at: this.at } }));
  }

  #watch() {
    const state = this.#peer.connectionState;
    clearTimeout(this.#quiet);
    if (state === "failed") this.#lost();
    else if (state === "disconnected") this.#quiet = setTimeout(() => this.#lost(), SILENT_FOR_MS);
  }

  async #lost() {
    if (this.#over) return;
    this.hangUp();
    if (!this.#connected || this.#orderly) return; // whoever is connecting is told; whoever asked for the end expects it
    const reachable = (await this.#server.state()) !== "gone";
    this.dispatchEvent(new CustomEvent("lost", { detail: lostProblem({ expired: this.#expired, reachable }) }));
  }
}
