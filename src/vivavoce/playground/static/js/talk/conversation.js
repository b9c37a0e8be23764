// The conversation as it is shown, made from the server's events alone. No DOM in here: `take` returns the ids of what changed.

/** What was said or done, in order. Entries: `user`, `assistant`, `system`, `call` (of a tool), `note` (of the page). */
export class Conversation {
  constructor() {
    this.entries = [];
    this.byId = new Map();
    this.byCall = new Map();
    this.notes = 0;
  }

  /** Return an entry. */
  get(id) {
    return this.byId.get(id);
  }

  /** Add a line of the page's own; return its id. */
  note(text, tone = "plain") {
    const id = `note-${++this.notes}`;
    this.#append({ id, kind: "note", text, tone });
    return id;
  }

  /** Take a server event; return the ids of the entries it changed. */
  take(event) {
    const handler = HANDLERS[event.type];
    return handler ? handler(this, event) : [];
  }

  /** Note what a tool returned, before the server has echoed it. */
  answered(callId, output) {
    const entry = this.byCall.get(callId);
    if (!entry) return [];
    entry.output = output;
    return [entry.id];
  }

  /** Note that an item's text was cut to what was heard; `kept` is what the server has kept of it. */
  cutTo(id, kept) {
    const entry = this.byId.get(id);
    if (!entry?.cut) return [];
    entry.cut.kept = keptLength(entry.text, kept);
    return [id];
  }

  #append(entry) {
    this.entries.push(entry);
    this.byId.set(entry.id, entry);
    return entry;
  }

  /** Return the entry of an item, made if it is new. */
  _entry(id, kind, fields = {}) {
    let entry = this.byId.get(id);
    if (!entry) entry = this.#append({ id, kind, text: "", state: "", cut: null, responseId: null, ...fields });
    return entry;
  }

  /** Put an entry behind its predecessor, if it is not there already: notes may stand in between. */
  _place(entry, previousId) {
    const previous = previousId ? this.byId.get(previousId) : null;
    if (!previous || previous === entry) return;
    const here = this.entries.indexOf(entry);
    let there = this.entries.indexOf(previous);
    const between = this.entries.slice(there + 1, here);
    if (there < here && between.every((other) => other.kind === "note")) return;
    this.entries.splice(here, 1);
    there = this.entries.indexOf(previous);
    this.entries.splice(there + 1, 0, entry);
  }

  _drop(id) {
    const entry = this.byId.get(id);
    if (!entry) return [];
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.byId.delete(id);
    return [id];
  }
}

const HANDLERS = {
  "input_audio_buffer.speech_started": (talk, event) => {
    const entry = talk._entry(event.item_id, "user", { spoken: true });
    entry.state = "speaking";
    return [entry.id];
  },
  "input_audio_buffer.speech_stopped": (talk, event) => changed(talk, event.item_id, { state: "recognizing" }),
  "input_audio_buffer.committed": (talk, event) => {
    const entry = talk._entry(event.item_id, "user", { spoken: true });
    if (entry.state !== "done") entry.state = "recognizing";
    talk._place(entry, event.previous_item_id);
    return [entry.id];
  },
  "input_audio_buffer.cleared": (talk) => talk.entries.filter((entry) => entry.state === "speaking").flatMap((entry) => talk._drop(entry.id)),
  "conversation.item.added": (talk, event) => added(talk, event.item, event.previous_item_id),
  "conversation.item.done": (talk, event) => finished(talk, event.item),
  "conversation.item.deleted": (talk, event) => talk._drop(event.item_id),
  "conversation.item.input_audio_transcription.delta": (talk, event) => {
    const entry = talk._entry(event.item_id, "user", { spoken: true });
    entry.text += event.delta;
    return [entry.id];
  },
  "conversation.item.input_audio_transcription.completed": (talk, event) =>
    changed(talk, event.item_id, { text: event.transcript, state: "done", empty: !event.transcript.trim() }),
  "conversation.item.input_audio_transcription.failed": (talk, event) =>
    changed(talk, event.item_id, { state: "failed", trouble: event.error?.message ?? "It could not be understood." }),
  "response.output_item.added": (talk, event) => added(talk, event.item, undefined, event.response_id),
  "response.output_text.delta": said,
  "response.output_audio_transcript.delta": (talk, event) => said(talk, event, true),
  "response.output_text.done": (talk, event) => changed(talk, event.item_id, { text: event.text }),
  "response.output_audio_transcript.done": (talk, event) => changed(talk, event.item_id, { text: event.transcript, spoken: true }),
  "response.function_call_arguments.delta": (talk, event) => {
    const entry = talk._entry(event.item_id, "call", { args: "", output: null });
    entry.args += event.delta;
    return [entry.id];
  },
  "response.function_call_arguments.done": (talk, event) => changed(talk, event.item_id, { args: event.arguments }),
  "conversation.item.truncated": (talk, event) => {
    const entry = talk.get(event.item_id);
    if (!entry) return [];
    entry.cut = { ms: event.audio_end_ms, kept: event.audio_end_ms === 0 ? 0 : null };
    return [entry.id];
  },
  "conversation.item.retrieved": (talk, event) => {
    const part = event.item.content?.find((content) => content.transcript !== undefined || content.text !== undefined);
    return talk.cutTo(event.item.id, part?.transcript ?? part?.text ?? "");
  },
  "response.done": (talk, event) => {
    const { response } = event;
    const details = response.status_details;
    if (response.status === "failed") return [talk.note(`The answer failed: ${details?.error?.message ?? "no reason was given."}`, "bad")];
    if (response.status === "incomplete") return [talk.note(`The answer was cut short: ${words(details?.reason)}.`, "plain")];
    return [];
  },
};

function words(reason) {
  return { max_output_tokens: "it reached the most tokens it may have", content_filter: "it was filtered" }[reason] ?? reason ?? "no reason was given";
}

function changed(talk, id, fields) {
  const entry = talk.get(id);
  if (!entry) return [];
  Object.assign(entry, fields);
  return [id];
}

function said(talk, event, spoken = false) {
  const entry = talk._entry(event.item_id, "assistant", { responseId: event.response_id });
  entry.text += event.delta;
  entry.spoken ||= spoken;
  return [entry.id];
}

function added(talk, item, previousId, responseId = null) {
  if (item.type === "function_call_output") return talk.answered(item.call_id, item.output);
  let entry;
  if (item.type === "function_call") {
    entry = talk._entry(item.id, "call", { args: item.arguments ?? "", output: null });
    Object.assign(entry, { name: item.name, callId: item.call_id });
    talk.byCall.set(item.call_id, entry);
  } else if (item.type === "message") {
    const content = item.content ?? [];
    entry = talk._entry(item.id, item.role, { spoken: content.some((part) => part.type.endsWith("_audio")) });
    entry.text ||= content.map((part) => part.text ?? part.transcript ?? "").join("");
    if (item.role !== "assistant" && !entry.spoken) entry.state = "done";
  } else {
    return [];
  }
  if (item.phase) entry.phase = item.phase;
  if (responseId) entry.responseId = responseId;
  if (previousId !== undefined) talk._place(entry, previousId);
  return [entry.id];
}

function finished(talk, item) {
  const entry = talk.get(item.id);
  if (!entry) return added(talk, item);
  if (item.phase) entry.phase = item.phase;
  if (entry.kind === "assistant" || entry.kind === "call") entry.state = item.status ?? "completed";
  if (entry.kind === "call") entry.args = item.arguments ?? entry.args;
  return [entry.id];
}

/** Return how many characters of a text stay when this much of it was kept: compared word by word, since spaces may differ. */
export function keptLength(text, kept) {
  if (text.startsWith(kept)) return kept.length;
  const wanted = kept.split(/\s+/).filter(Boolean).length;
  let count = 0;
  for (const match of text.matchAll(/\S+/g)) {
    count += 1;
    if (count === wanted) return match.index + match[0].length;
  }
  return wanted === 0 ? 0 : text.length;
}
