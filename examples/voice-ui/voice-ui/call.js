/** A call over WebRTC to a server that speaks the Realtime protocol: the microphone goes up, the agent's voice comes down, events both ways. */

/** Why a call could not begin, in words for the person. */
export class CallError extends Error {}

/**
 * Open a call; return when events can be sent.
 *
 * @param {object} options `server` (`http://127.0.0.1:8000`), `session` (its configuration, `model` in it), `key` (if the server wants one;
 *   in a page that others open, a client secret), `microphone` (false: type only), `onEvent`, `onEnd` (the call is over)
 * @returns `{send, mute, close, microphone}`
 * @throws {CallError} the server cannot be reached, or refuses
 */
export async function openCall({ server, session, key = "", microphone = true, onEvent, onEnd = () => {} }) {
  const peer = new RTCPeerConnection();
  const voice = Object.assign(new Audio(), { autoplay: true });
  const stream = microphone ? await _microphone() : null;
  let over = false;
  const close = () => {
    if (over) return;
    over = true;
    stream?.getTracks().forEach((track) => track.stop());
    peer.close();
    voice.srcObject = null;
    onEnd();
  };
  peer.ontrack = ({ streams, track }) => (voice.srcObject = streams[0] ?? new MediaStream([track]));
  peer.onconnectionstatechange = () => ["failed", "closed"].includes(peer.connectionState) && close();
  if (stream) stream.getTracks().forEach((track) => peer.addTrack(track, stream));
  else peer.addTransceiver("audio", { direction: "recvonly" });
  const channel = peer.createDataChannel("oai-events");
  channel.onmessage = ({ data }) => onEvent(JSON.parse(data));
  channel.onclose = close;
  const open = new Promise((resolve, reject) => {
    channel.onopen = resolve;
    channel.onerror = () => reject(new CallError("The connection broke off."));
    setTimeout(() => reject(new CallError("The server was reached, but no connection for sound came about.")), 15_000);
  });
  try {
    await peer.setLocalDescription(await peer.createOffer());
    await peer.setRemoteDescription({ type: "answer", sdp: await _answer(server, key, session, peer.localDescription.sdp) });
    await open;
  } catch (problem) {
    open.catch(() => {});
    close();
    throw problem;
  }
  return {
    send: (event) => channel.readyState === "open" && channel.send(JSON.stringify(event)),
    mute: (muted) => stream?.getTracks().forEach((track) => (track.enabled = !muted)),
    close,
    microphone: Boolean(stream),
  };
}

async function _microphone() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch {
    return null;
  }
}

async function _answer(server, key, session, offer) {
  const body = new FormData();
  body.set("sdp", offer);
  body.set("session", JSON.stringify(session));
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  let response;
  try {
    response = await fetch(new URL("/v1/realtime/calls", server), { method: "POST", body, headers });
  } catch {
    throw new CallError(`No server answers at ${server}, or it does not let this page in.`);
  }
  const text = await response.text();
  if (response.ok) return text;
  let message = "";
  try {
    message = JSON.parse(text).error.message;
  } catch {
    message = `The server refused the call (${response.status}).`;
  }
  throw new CallError(message);
}
