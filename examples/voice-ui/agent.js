/** The voice of the page: who the agent is, and the strip at the foot of the page in which the call is begun and followed. */

import { openCall } from "./voice-ui/call.js";
import { VoiceUi } from "./voice-ui/voice-ui.js";

const MODEL = "gpt-realtime-2";
const INSTRUCTIONS = `
# Role
You are the host at The Green Door, a small restaurant. You help guests to book a table on its page, and to find their way around the page.
Speak warmly and very briefly: one short sentence.

# Greeting
Greet the guest with: "Hello, this is The Green Door. What can I do for you?"

# Booking
A booking needs the number of guests, a date, a time and a name. Fill in what the guest says as they say it.
If something is missing when the guest wants to book, ask for it, one thing at a time. When all is there, call submit.
Dishes of the menu can be added for the evening; open the menu first.
`;
const TRIES = ["Open the menu", "A table for four next friday at half past seven", "We need a high chair", "The garden please", "Read me your booking"];
const MOST_LINES = 40;

const by = (id) => document.getElementById(id);
const asked = new URL(location.href).searchParams;

export const voice = new VoiceUi({ instructions: INSTRUCTIONS });

let call = null;

by("server").value = asked.get("server") ?? "http://127.0.0.1:8000";
by("talk").addEventListener("click", () => (call ? call.close() : begin()));
by("mute").addEventListener("click", () => {
  const muted = by("mute").getAttribute("aria-pressed") !== "true";
  by("mute").setAttribute("aria-pressed", String(muted));
  by("mute").textContent = muted ? "Unmute" : "Mute";
  call?.mute(muted);
});
by("typing").addEventListener("submit", (event) => {
  event.preventDefault();
  type(by("typed").value.trim());
  by("typed").value = "";
});
for (const text of TRIES) {
  const chip = Object.assign(document.createElement("button"), { type: "button", textContent: `“${text}”` });
  chip.addEventListener("click", () => type(text));
  by("tries").append(chip);
}
voice.addEventListener("action", ({ detail }) => detail.result.done && log("done", detail.result.message));
voice.addEventListener("asking", ({ detail }) => state(detail ? "Waiting for your yes or no" : ready()));

async function begin() {
  state("Connecting…");
  by("talk").disabled = true;
  try {
    const session = { ...voice.session(), model: MODEL, audio: { input: { transcription: { model: "gpt-4o-mini-transcribe", language: "en" } } } };
    call = await openCall({ server: by("server").value, key: by("key").value, session, microphone: !asked.has("type"), onEvent, onEnd });
  } catch (problem) {
    state(problem.message);
    return;
  } finally {
    by("talk").disabled = false;
  }
  voice.attach(call.send);
  live(true);
  state(ready());
  call.send({ type: "response.create" });
}

function onEnd() {
  if (!call) return;
  call = null;
  voice.detach();
  live(false);
  state("The call is over");
}

function ready() {
  if (!call) return "Say what you want done: the page does it.";
  return call.microphone ? "Listening" : "No microphone: type what you want done";
}

function live(on) {
  document.body.classList.toggle("live", on);
  by("talk").lastElementChild.textContent = on ? "Hang up" : "Talk to the page";
  by("mute").hidden = !on || !call.microphone;
  by("typing").hidden = !on;
}

async function type(text) {
  if (!text) return;
  if (!call) await begin();
  if (!call) return;
  log("you", text);
  voice.say(text);
}

function onEvent(event) {
  voice.receive(event);
  if (event.type === "conversation.item.input_audio_transcription.completed") log("you", event.transcript);
  else if (event.type === "response.output_audio_transcript.done") log("agent", event.transcript);
  else if (event.type === "response.output_text.done") log("agent", event.text);
  else if (event.type === "output_audio_buffer.started") state("Speaking");
  else if (event.type === "input_audio_buffer.speech_started") state("You speak…");
  else if (event.type === "input_audio_buffer.speech_stopped") state("Thinking…");
  else if (/^output_audio_buffer\.(stopped|cleared)$/.test(event.type)) state(ready());
  else if (event.type === "error" && event.error.code !== "conversation_already_has_active_response") log("problem", event.error.message);
  else if (event.type === "response.done" && event.response.status === "failed") log("problem", event.response.status_details?.error?.message ?? "No answer came.");
}

function log(who, text) {
  if (!text?.trim()) return;
  const row = Object.assign(document.createElement("li"), { className: who, textContent: text });
  by("log").append(row);
  while (by("log").children.length > MOST_LINES) by("log").firstElementChild.remove();
  by("log").scrollTop = by("log").scrollHeight;
}

function state(text) {
  by("state").textContent = text;
}
