// From the settings of the page to the session object of the protocol, and from a change of settings to the smallest update.

/** What an agent starts with. Texts are as typed; `tools` and `results` are JSON. */
export const AGENT_DEFAULTS = {
  preset: "",
  model: "gpt-realtime-2",
  voice: "",
  instructions: "",
  effort: "",
  detection: "server_vad",
  threshold: 0.5,
  silence: 500,
  prefix: 300,
  eagerness: "auto",
  noise: "",
  transcriber: "gpt-realtime-whisper",
  tools: "[]",
  results: "{}",
  byHand: false,
};

/** Read a JSON text that must be an array of tools, or say what is wrong with it. */
export function readTools(text) {
  const tools = readJson(text, "The tools");
  if (!Array.isArray(tools)) throw new Error("The tools must be a JSON array: [ … ].");
  tools.forEach((tool, index) => {
    if (!tool || typeof tool !== "object" || typeof tool.name !== "string") throw new Error(`Tool ${index + 1} needs a "name".`);
  });
  return tools.map((tool) => ({ type: "function", ...tool }));
}

/** Read a JSON text that must be an object of results by tool. */
export function readResults(text) {
  const results = readJson(text, "The results");
  if (!results || typeof results !== "object" || Array.isArray(results)) throw new Error('The results must be a JSON object: { "tool": … }.');
  return results;
}

function readJson(text, what) {
  try {
    return JSON.parse(text.trim() || "null") ?? (what === "The tools" ? [] : {});
  } catch (error) {
    throw new Error(`${what} are not JSON: ${error.message}.`);
  }
}

/** Return the turn detection the settings ask for. */
export function turnDetection({ detection, threshold, silence, prefix, eagerness }) {
  if (detection === "none") return null;
  if (detection === "semantic_vad") return { type: "semantic_vad", eagerness };
  return { type: "server_vad", threshold: Number(threshold), silence_duration_ms: Number(silence), prefix_padding_ms: Number(prefix) };
}

/** Return the session object of an agent. `reasoning` tells whether its model takes an effort. Raises where tools are no tools. */
export function agentSession(settings, { reasoning = true } = {}) {
  const session = {
    type: "realtime",
    model: settings.model,
    instructions: settings.instructions,
    audio: {
      input: {
        transcription: { model: settings.transcriber },
        turn_detection: turnDetection(settings),
        noise_reduction: settings.noise ? { type: settings.noise } : null,
      },
    },
    tools: readTools(settings.tools),
  };
  if (settings.voice) session.audio.output = { voice: settings.voice };
  if (settings.effort && reasoning) session.reasoning = { effort: settings.effort };
  return session;
}

/** Return what has to be updated to get from one session to another; null if nothing. The model stays: it cannot change in a call. */
export function sessionChanges(before, after) {
  const changes = difference(before, after);
  if (changes) delete changes.model;
  return changes && Object.keys(changes).length ? { type: "realtime", ...changes } : null;
}

// Of these the protocol wants the whole, not the keys that differ.
const WHOLE = new Set(["turn_detection", "noise_reduction", "transcription", "tools", "reasoning"]);

function difference(before, after) {
  const changes = {};
  for (const [key, value] of Object.entries(after)) {
    if (JSON.stringify(value) === JSON.stringify(before?.[key])) continue;
    const nested = value && typeof value === "object" && !Array.isArray(value) && !WHOLE.has(key);
    changes[key] = nested ? difference(before?.[key], value) : value;
  }
  return Object.keys(changes).length ? changes : null;
}
