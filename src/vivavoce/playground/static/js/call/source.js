// Where the sound of captions and interpreters comes from: the microphone, or a file that plays and is heard as it plays.

import { find, h } from "../lib/dom.js";
import { openMicrophone } from "./devices.js";
import { audioContext } from "./levels.js";
import { Problem } from "./problems.js";

/** The microphone as a source. */
export async function microphoneSource() {
  const stream = await openMicrophone();
  return {
    stream,
    track: stream.getAudioTracks()[0],
    setVolume() {},
    start() {},
    close: () => stream.getTracks().forEach((track) => track.stop()),
  };
}

/**
 * A file as a source: a player is shown, its sound goes into the call and, at `setVolume`, to the loudspeaker.
 * `ended` is called when it has played to its end.
 */
export async function fileSource(file, place, ended) {
  const address = URL.createObjectURL(file);
  const element = h(file.type.startsWith("video/") ? "video" : "audio", { controls: true, src: address, preload: "auto", "aria-label": file.name });
  place.replaceChildren(element);
  place.hidden = false;
  try {
    await new Promise((resolve, reject) => {
      element.addEventListener("canplay", resolve, { once: true });
      element.addEventListener("error", reject, { once: true });
    });
  } catch {
    place.replaceChildren();
    place.hidden = true;
    URL.revokeObjectURL(address);
    throw new Problem("file", "This file cannot be played here.", `The browser does not know how to play “${file.name}”. Most take MP3, MP4, WAV, OGG and WebM.`);
  }
  const context = audioContext();
  const source = context.createMediaElementSource(element);
  const call = context.createMediaStreamDestination();
  const aloud = context.createGain();
  source.connect(call);
  source.connect(aloud).connect(context.destination);
  element.addEventListener("ended", ended);
  return {
    stream: call.stream,
    track: call.stream.getAudioTracks()[0],
    element,
    setVolume: (volume) => aloud.gain.setTargetAtTime(volume, context.currentTime, 0.12),
    start: () => element.play(),
    close() {
      element.pause();
      source.disconnect();
      aloud.disconnect();
      place.replaceChildren();
      place.hidden = true;
      URL.revokeObjectURL(address);
    },
  };
}

/** Let the user choose a file; null if they think better of it. */
export function chooseFile() {
  const input = find("#file-input");
  input.value = "";
  return new Promise((resolve) => {
    const settle = () => {
      input.removeEventListener("change", settle);
      input.removeEventListener("cancel", settle);
      resolve(input.files[0] ?? null);
    };
    input.addEventListener("change", settle);
    input.addEventListener("cancel", settle);
    input.click();
  });
}
