// The events of a call, both ways, as the inspector shows them: bounded, searchable, and without the weight of audio.

const LONGEST_TEXT = 20_000;

/** Return an event with long texts (audio, images) cut, so that a long call does not fill the memory. */
export function lightened(value) {
  if (typeof value === "string") {
    return value.length <= LONGEST_TEXT ? value : `${value.slice(0, 60)}… (${value.length.toLocaleString("en")} characters)`;
  }
  if (Array.isArray(value)) return value.map(lightened);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, lightened(inner)]));
  }
  return value;
}

/** A log of so many events at most; the oldest go first. */
export class EventLog {
  constructor(most = 2000) {
    this.most = most;
    this.entries = [];
    this.forgotten = 0;
    this.next = 1;
  }

  /** Add an event; `direction` is `sent` or `received`, `at` ms since the call began. Return its entry. */
  add(direction, event, at) {
    const entry = { number: this.next++, direction, at: Math.round(at), type: event.type ?? "?", event: lightened(event) };
    this.entries.push(entry);
    if (this.entries.length > this.most) {
      this.entries.shift();
      this.forgotten += 1;
    }
    return entry;
  }

  /** Forget everything. */
  clear() {
    this.entries = [];
    this.forgotten = 0;
  }

  /** Return the entries that pass a filter, oldest first. */
  matching(filter) {
    return this.entries.filter((entry) => passes(entry, filter));
  }

  /** Return the entries as JSON lines. */
  jsonl(filter = {}) {
    return this.matching(filter)
      .map(({ at, direction, event }) => `${JSON.stringify({ at_ms: at, direction, event })}\n`)
      .join("");
  }
}

/** Tell whether an entry passes: `direction` (`""` both), `deltas` false hides them, every word of `query` is somewhere in it. */
export function passes(entry, { direction = "", deltas = true, query = "" }) {
  if (direction && entry.direction !== direction) return false;
  if (!deltas && entry.type.endsWith(".delta")) return false;
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const text = `${entry.type} ${JSON.stringify(entry.event)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Say in a few words what an event is about. */
export function summary(event) {
  const said = event.delta ?? event.transcript ?? event.text ?? event.error?.message ?? event.arguments;
  if (typeof said === "string") return said;
  if (event.response?.status) return event.response.status;
  if (event.item?.type) return event.item.type === "message" ? event.item.role : `${event.item.type} ${event.item.name ?? ""}`.trim();
  for (const key of ["audio_end_ms", "audio_start_ms"]) if (event[key] !== undefined) return `${event[key]} ms`;
  return "";
}
