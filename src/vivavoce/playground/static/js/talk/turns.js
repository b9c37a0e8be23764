// How long everything takes, turn by turn, as this page sees it: network and browser included.

const MOST_TURNS = 60;

/** What happens in a turn, in order, with the mark each bar begins at: the first of these that is there. */
export const STAGES = [
  { mark: "committed", label: "Turn closed", from: ["start"] },
  { mark: "transcript", label: "Transcript", from: ["committed", "start"] },
  { mark: "created", label: "Answer begun", from: ["committed", "start"] },
  { mark: "call", label: "Tool called", from: ["created"] },
  { mark: "text", label: "First words", from: ["created"] },
  { mark: "playout", label: "First sound", from: ["text", "created"] },
];

/** The turns of a call. Times are ms since the call began. */
export class Turns {
  constructor() {
    this.list = [];
    this.count = 0;
    this.byResponse = new Map();
  }

  /** Take an event, sent or received, at a time; tell whether it changed a turn. */
  take(direction, event, at) {
    return direction === "sent" ? this.#sent(event, at) : this.#received(event, at);
  }

  #sent(event, at) {
    if (event.type === "input_audio_buffer.commit") return this.#begin("spoken", at);
    if (event.type === "conversation.item.create") {
      if (event.item.type === "function_call_output") return this.#begin("tool result", at, "tool");
      return this.#begin("typed", at);
    }
    return false;
  }

  #received(event, at) {
    const last = this.list.at(-1);
    switch (event.type) {
      case "input_audio_buffer.speech_stopped":
        return this.#begin("spoken", at, event.item_id);
      case "input_audio_buffer.committed":
        if (!last || last.marks.committed || last.responseId) this.#begin("spoken", at, event.item_id);
        this.list.at(-1).itemId = event.item_id;
        return this.#mark(this.list.at(-1), "committed", at);
      case "conversation.item.input_audio_transcription.completed":
        return this.#mark(this.list.find((turn) => turn.itemId === event.item_id), "transcript", at);
      case "response.created": {
        if (!last || last.responseId) this.#begin("asked", at);
        const turn = this.list.at(-1);
        turn.responseId = event.response.id;
        this.byResponse.set(event.response.id, turn);
        return this.#mark(turn, "created", at);
      }
      case "response.function_call_arguments.delta":
      case "response.function_call_arguments.done":
        return this.#mark(this.byResponse.get(event.response_id), "call", at);
      case "response.output_text.delta":
      case "response.output_audio_transcript.delta":
        return this.#mark(this.byResponse.get(event.response_id), "text", at);
      case "output_audio_buffer.started":
        return this.#mark(this.byResponse.get(event.response_id), "playout", at);
      case "response.done": {
        const turn = this.byResponse.get(event.response.id);
        if (turn) turn.status = event.response.status;
        return this.#mark(turn, "done", at);
      }
      default:
        return false;
    }
  }

  #begin(trigger, at, itemId = null) {
    const last = this.list.at(-1);
    // Several results of tools make one turn, and so do a message and what is created beside it.
    if (last && !last.responseId && last.trigger === trigger && trigger !== "spoken") return false;
    this.list.push({ number: ++this.count, trigger, itemId, responseId: null, status: "", marks: { start: at } });
    if (this.list.length > MOST_TURNS) this.byResponse.delete(this.list.shift().responseId);
    return true;
  }

  #mark(turn, name, at) {
    if (!turn || turn.marks[name] !== undefined) return false;
    turn.marks[name] = at;
    return true;
  }
}

/** Return a turn's bars: label, offset and length in ms since the turn's start. */
export function bars(turn) {
  const { marks } = turn;
  return STAGES.filter(({ mark }) => marks[mark] !== undefined).map(({ mark, label, from }) => {
    const begin = marks[from.find((name) => marks[name] !== undefined && marks[name] <= marks[mark]) ?? "start"];
    return { mark, label, offset: begin - marks.start, length: marks[mark] - begin };
  });
}

/** Return how long the user waited for the answer: to its first sound, or where there is none to its first words or call. */
export function wait(turn) {
  const { start, playout, text, call } = turn.marks;
  const first = playout ?? text ?? call;
  return first === undefined ? null : first - start;
}
