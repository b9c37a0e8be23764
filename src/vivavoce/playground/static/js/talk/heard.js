// How far the listener has got. The server tells when its voice began and when it ended, not where it is, so in between we reckon:
// by how long such a text takes to say, corrected by every answer that was heard to its end, and by the audio's true length once
// the usage of the response tells it.

/** Milliseconds a text of this weight takes at an ordinary pace; only the first answer is reckoned with it. */
const MS_PER_WEIGHT = 64;

const AUDIO_TOKENS_PER_SECOND = 20;

/** How long a text takes to say, in letters: digits are words, and marks are pauses. */
export function weight(text) {
  let sum = 0;
  for (const letter of text) {
    if (/\p{L}/u.test(letter)) sum += /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/.test(letter) ? 3 : 1;
    else if (/\d/.test(letter)) sum += 4;
    else if (/[.!?…:;]/.test(letter)) sum += 5;
    else if (letter === ",") sum += 3;
    else if (/\s/.test(letter)) sum += 0.6;
  }
  return sum;
}

/** Return how many characters of a text have been said when this much of its weight has, to the end of the word begun. */
export function reached(text, spent) {
  if (spent <= 0) return 0;
  let sum = 0;
  let at = 0;
  for (const letter of text) {
    if (sum >= spent && /\s/.test(letter)) return at;
    sum += weight(letter);
    at += letter.length;
  }
  return text.length;
}

/** The playout of a call's responses. Times are ms of any one clock. */
export class Playout {
  constructor(pace = MS_PER_WEIGHT) {
    this.pace = pace;
    this.responses = new Map();
  }

  /** Note the text of a message so far. */
  said(responseId, itemId, text) {
    this.#response(responseId).texts.set(itemId, text);
  }

  /** Note that its sound has begun. */
  started(responseId, now) {
    const response = this.#response(responseId);
    response.start ??= now;
  }

  /** Note how much sound it has, from the usage of `response.done`. */
  measured(responseId, audioTokens) {
    if (audioTokens > 0) this.#response(responseId).length = (audioTokens / AUDIO_TOKENS_PER_SECOND) * 1000;
  }

  /** Note that all of it was played, and learn how fast this voice speaks. */
  stopped(responseId, now) {
    const response = this.#response(responseId);
    const total = this.#weight(response);
    if (response.start !== null && total > 20) this.pace = 0.5 * this.pace + (0.5 * (now - response.start)) / total;
    response.end = "stopped";
  }

  /** Note that it was cut. */
  cleared(responseId, now) {
    const response = this.#response(responseId);
    response.spent = this.#spent(response, now);
    response.end ??= "cleared";
  }

  /** Whether anything is being played. */
  get playing() {
    return [...this.responses.values()].some((response) => response.start !== null && response.end === null);
  }

  /** Return the characters heard of every message of a response. */
  heard(responseId, now) {
    const response = this.responses.get(responseId);
    if (!response) return new Map();
    let left = response.end === "stopped" ? Infinity : this.#spent(response, now);
    const found = new Map();
    for (const [itemId, text] of response.texts) {
      found.set(itemId, left === Infinity ? text.length : reached(text, left));
      left -= weight(text);
    }
    return found;
  }

  /** Return the responses that are being played. */
  current() {
    return [...this.responses].filter(([, response]) => response.start !== null && response.end === null).map(([id]) => id);
  }

  #response(id) {
    let response = this.responses.get(id);
    if (!response) {
      response = { texts: new Map(), start: null, length: null, end: null, spent: 0 };
      this.responses.set(id, response);
      if (this.responses.size > 50) this.responses.delete(this.responses.keys().next().value);
    }
    return response;
  }

  #weight(response) {
    return [...response.texts.values()].reduce((sum, text) => sum + weight(text), 0);
  }

  #spent(response, now) {
    if (response.start === null) return 0;
    if (response.end === "cleared") return response.spent;
    const total = this.#weight(response);
    const pace = response.length !== null && total > 0 ? response.length / total : this.pace;
    return (now - response.start) / pace;
  }
}
