// Microphones and loudspeakers: what there is, which are chosen, and opening them.

import { fillSelect, find } from "../lib/dom.js";
import { load, save } from "../lib/saved.js";
import { insecureProblem, microphoneProblem } from "./problems.js";

const chosen = load("devices", { input: "", output: "" });

/** Open the chosen microphone; throws a `Problem` where there is none to be had. */
export async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw insecureProblem(location.origin);
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  if (chosen.input) audio.deviceId = { exact: chosen.input };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    if (error.name === "OverconstrainedError" && chosen.input) {
      chosen.input = ""; // it was unplugged: whatever is there now will do
      save("devices", chosen);
      return openMicrophone();
    }
    throw microphoneProblem(error);
  }
}

/** Let a player play on the chosen loudspeaker, where the browser offers the choice. */
export async function useLoudspeaker(player) {
  if (!("setSinkId" in player)) return;
  try {
    await player.setSinkId(chosen.output);
  } catch {
    await player.setSinkId("").catch(() => {}); // it was unplugged: the system's own
  }
}

/** Fill the lists of devices and call back with `input` or `output` when another one is chosen. */
export function deviceMenu(changed) {
  const lists = { input: find("#device-in"), output: find("#device-out") };
  const canChooseOutput = "setSinkId" in HTMLMediaElement.prototype;
  lists.output.disabled = !canChooseOutput;
  if (!canChooseOutput) find("#device-hint").textContent = "This browser plays on the system's loudspeaker.";

  const refresh = async () => {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    for (const direction of ["input", "output"]) {
      const found = devices.filter((device) => device.kind === `audio${direction}` && device.deviceId && device.deviceId !== "default");
      const options = found.map((device, index) => [device.deviceId, device.label || `${direction === "input" ? "Microphone" : "Loudspeaker"} ${index + 1}`]);
      fillSelect(lists[direction], [["", "As the system says"], ...options], chosen[direction]);
    }
  };
  for (const direction of ["input", "output"]) {
    lists[direction].addEventListener("change", () => {
      chosen[direction] = lists[direction].value;
      save("devices", chosen);
      changed(direction);
    });
  }
  const menu = find("#devices");
  menu.addEventListener("beforetoggle", () => {
    // Above the button that opens it, and never beyond the edge.
    const button = find("[popovertarget=devices]").getBoundingClientRect();
    menu.style.setProperty("--left", `${Math.max(16, Math.min(button.left, window.innerWidth - 356))}px`);
    menu.style.setProperty("--bottom", `${window.innerHeight - button.top + 8}px`);
  });
  menu.addEventListener("toggle", refresh);
  navigator.mediaDevices?.addEventListener?.("devicechange", refresh);
}
