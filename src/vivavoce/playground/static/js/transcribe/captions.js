// Captions, made from the events of a transcription session: lines with a beginning and an end, in ms since the call began.
//
// Where the server finds the turns, it tells when speech began and ended. Where it listens without turns, a line ends with a sentence, with
// a pause, or when it is long; its times are those at which its words came.

const LONGEST_LINE = 90;
const PAUSE_MS = 1800;

/** The captions of one call. */
export class Captions {
  constructor() {
    this.lines = [];
    this.items = new Map();
  }

  /** Take a server event that came at a time; tell whether anything changed. */
  take(event, at) {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#item(event.item_id, at).begin = event.audio_start_ms;
        return false;
      case "input_audio_buffer.speech_stopped": {
        const item = this.#item(event.item_id, at);
        item.turns = true;
        item.end = event.audio_end_ms;
        const line = item.lines.at(-1);
        if (line) line.end = Math.max(line.begin + 1, event.audio_end_ms);
        return Boolean(line);
      }
      case "conversation.item.input_audio_transcription.delta":
        this.#write(this.#item(event.item_id, at), event.delta, at);
        return true;
      case "conversation.item.input_audio_transcription.completed":
        return this.#complete(this.#item(event.item_id, at), event.transcript, at);
      case "conversation.item.input_audio_transcription.failed":
        return this.#complete(this.#item(event.item_id, at), null, at);
      default:
        return false;
    }
  }

  /** Whether words have come that no completed passage holds yet. */
  get open() {
    return this.lines.some((line) => !line.done && line.text.trim());
  }

  /** Return the lines that say something. */
  spoken() {
    return this.lines.filter((line) => line.text.trim());
  }

  #item(id, at) {
    let item = this.items.get(id);
    if (!item) {
      item = { id, begin: null, end: null, turns: false, lines: [], heard: "", last: at };
      this.items.set(id, item);
    }
    return item;
  }

  #write(item, text, at) {
    item.heard += text;
    let line = item.lines.at(-1);
    const full = line && (line.text.length > LONGEST_LINE || /[.!?…]["”]?\s*$/.test(line.text) || at - item.last > PAUSE_MS);
    if (!line || (full && /^\s/.test(text)) || (full && at - item.last > PAUSE_MS)) {
      line = { itemId: item.id, text: "", begin: line || item.begin === null ? at : item.begin, end: at, done: false };
      item.lines.push(line);
      this.lines.push(line);
    }
    line.text += text;
    line.end = Math.max(at, line.begin + 1);
    item.last = at;
  }

  #complete(item, transcript, at) {
    if (transcript !== null && transcript.trim() !== item.heard.trim()) {
      const rest = transcript.startsWith(item.heard) ? transcript.slice(item.heard.length) : null;
      if (rest !== null) this.#write(item, rest, at);
      else this.#replace(item, transcript, at);
    }
    if (item.turns) this.#spread(item);
    for (const line of item.lines) line.done = true;
    this.items.delete(item.id);
    return true;
  }

  #replace(item, transcript, at) {
    const [first, ...others] = item.lines;
    this.lines = this.lines.filter((line) => !others.includes(line));
    item.lines = first ? [first] : [];
    if (first) first.text = "";
    this.#write(item, transcript, at);
  }

  // A turn's lines share its time by their letters: it is known exactly, theirs only by when the words came.
  #spread(item) {
    if (item.begin === null || item.end === null) return;
    const letters = item.lines.reduce((sum, line) => sum + line.text.length, 0) || 1;
    let at = item.begin;
    for (const line of item.lines) {
      line.begin = Math.round(at);
      at += ((item.end - item.begin) * line.text.length) / letters;
      line.end = Math.max(line.begin + 1, Math.round(at));
    }
  }
}
