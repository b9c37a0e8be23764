// What can go wrong, in words, and what to do about it.

/** Something that stopped what the user wanted: a title, what to do, and which button helps (`retry`, `key`, `text`). */
export class Problem extends Error {
  constructor(id, title, text, { action = null, param = null } = {}) {
    super(`${title} ${text}`);
    this.name = "Problem";
    this.id = id;
    this.title = title;
    this.text = text;
    this.action = action;
    this.param = param;
  }
}

const MICROPHONE = {
  NotAllowedError: ["mic-denied", "The microphone is blocked.",
    "Allow it for this page: the icon left of the address opens the permissions. You can also go on by typing."],
  NotFoundError: ["mic-missing", "No microphone was found.",
    "Plug one in or switch it on, then try again. You can also go on by typing."],
  NotReadableError: ["mic-busy", "The microphone cannot be opened.",
    "Another program may be using it. Close that program, then try again."],
  OverconstrainedError: ["mic-gone", "The chosen microphone is gone.",
    "Choose another one under Sound, then try again."],
};

/** Word what `getUserMedia` refused. */
export function microphoneProblem(error) {
  const [id, title, text] = MICROPHONE[error.name === "SecurityError" ? "NotAllowedError" : error.name]
    ?? ["mic", "The microphone cannot be opened.", `The browser says: ${error.message || error.name}.`];
  return new Problem(id, title, text, { action: id === "mic-gone" ? "retry" : "text" });
}

/** Word a page that may not use a microphone because of how it was opened. */
export function insecureProblem(origin) {
  return new Problem("insecure", "This page has no microphone here.",
    `Browsers give one to https pages and to this machine's own, and this is ${origin}. `
    + "Open the page as http://localhost on the server's machine, or start the server with --tls-self-signed (or your own certificate) and use https. "
    + "You can still type.", { action: "text" });
}

/** Word an HTTP answer that is no success. `error` is the official error object, if there was one. */
export function refusalProblem(status, error, { keyed = false } = {}) {
  const said = error?.message ?? `The server answered ${status}.`;
  if (status === 401) {
    return keyed
      ? new Problem("key-wrong", "The key is not accepted.", "Check it for typing errors, or ask whoever runs the server for another.", { action: "key" })
      : new Problem("secret-refused", "The server did not accept the call's secret.", `It says: ${said}`, { action: "retry" });
  }
  if (status === 403) return new Problem("origin", "The server does not let this page in.", said);
  if (status === 429) return new Problem("limit", "Too much at once.", `${said} Wait a moment, then try again.`, { action: "retry" });
  if (status === 503) return new Problem("busy", "The server has no room or is still starting.", `${said}`, { action: "retry" });
  if (status >= 500) return new Problem("server", "The server failed.", said, { action: "retry" });
  return new Problem("refused", "The server refused this.", said, { param: error?.param ?? null });
}

/** Word a server that does not answer at all. */
export function unreachableProblem() {
  return new Problem("server-gone", "The server does not answer.", "It may have been stopped or restarted. Start it again, then reconnect.",
    { action: "retry" });
}

/** Word a call whose media found no way. */
export function noPathProblem() {
  return new Problem("no-path", "The call could not be connected.",
    "The server answered, but no audio path was found. A firewall may be blocking UDP: see the section [webrtc] of the server's settings "
    + "(ports, public_address, ice_servers).", { action: "retry" });
}

/** Word a server without calls. */
export function webrtcOffProblem() {
  return new Problem("webrtc-off", "Calls are switched off on this server.",
    "Its settings say webrtc.enabled = false. Programs can still connect by WebSocket.");
}

/** Word a call that ended without anybody hanging up. `expired` is the server's error event that announced it, if there was one. */
export function lostProblem({ expired = null, reachable = true } = {}) {
  if (expired) {
    return new Problem("session-over", "The time of this call is over.", `${expired} Call again to go on; the new call starts afresh.`, { action: "retry" });
  }
  if (!reachable) return unreachableProblem();
  return new Problem("call-lost", "The call was cut off.", "The server may have been restarted, or the network changed. Reconnect; the new call starts afresh.",
    { action: "retry" });
}

/** Word anything else, without hiding what it was. */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  return new Problem("unknown", "Something went wrong in this page.", String(error?.message ?? error));
}
