// What an interpreter hears and says, as paragraphs in two columns.

const LONG = 220;
const PAUSE_MS = 4000;

/** One column: text that grows, in paragraphs that end with a sentence once they are long, or where there is a pause. */
export class Column {
  constructor() {
    this.paragraphs = [];
    this.last = 0;
  }

  /** Add text that came at a time, in ms; tell whether a new paragraph began. */
  add(text, at) {
    const current = this.paragraphs.at(-1);
    const ended = current && ((current.text.length > LONG && /[.!?…。！？]["”»]?\s*$/.test(current.text)) || at - this.last > PAUSE_MS);
    this.last = at;
    if (current && !ended) {
      current.text += text;
      return false;
    }
    if (!text.trim()) return false;
    this.paragraphs.push({ at, text: text.trimStart() });
    return true;
  }

  /** All of it, a paragraph a line. */
  text() {
    return this.paragraphs.map((paragraph) => `${paragraph.text.trim()}\n`).join("");
  }
}
