// Playing the server's voice.

import { useLoudspeaker } from "./devices.js";

/** Play a stream; browsers want an element for it, which nobody needs to see. */
export async function playStream(stream) {
  const player = new Audio();
  player.autoplay = true;
  player.srcObject = stream;
  await useLoudspeaker(player);
  player.play().catch(() => {}); // where a browser wants another press first, the next press on the page starts it
  return player;
}

/** Stop playing. */
export function stopPlaying(player) {
  if (!player) return;
  player.pause();
  player.srcObject = null;
}
