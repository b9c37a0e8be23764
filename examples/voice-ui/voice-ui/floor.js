/**
 * Whose turn it is to speak: when `response.create` may be sent, and whether the person has plainly said yes since the page asked.
 *
 * Pure: server events in, decisions out. A response asked for while another is under way would be refused, and one asked for while the
 * person speaks would talk over them; the server answers their turn by itself, and sees the outputs then. One asked for while calls are
 * still being run would not know what came of them.
 */

/** What counts as a plain yes and as its opposite, in English. Give `VoiceUi` your own for another language. */
export const ENGLISH = {
  yes: /\b(yes|yeah|yep|yup|sure|okay|ok|go ahead|do it|please do|confirm|correct|of course|absolutely)\b/i,
  no: /\b(no|nope|not|don'?t|never|stop|wait|cancel|hold on|maybe)\b/i,
};

export class Floor {
  /** @param {{yes: RegExp, no: RegExp}} words what agrees and what does not */
  constructor(words = ENGLISH) {
    this.words = words;
    this.responding = null;
    this.speaking = false;
    this.working = 0;
    this.owed = false;
    this.begun = new Set();
    this.heard = null;
  }

  /** Take in a server event; return whether the answer that is owed can be asked for now. */
  take(event) {
    switch (event.type) {
      case "response.created":
        if (event.response.conversation_id === null) break;
        this.responding = event.response.id;
        this.speaking = this.owed = false;
        break;
      case "response.done":
        if (event.response.id !== this.responding) break;
        this.responding = null;
        break;
      case "input_audio_buffer.speech_started":
        this.speaking = true;
        this.begun.add(event.item_id);
        break;
      case "input_audio_buffer.cleared":
        this.speaking = false;
        break;
      case "conversation.item.input_audio_transcription.completed":
        if (this.begun.delete(event.item_id)) this.said(event.transcript);
        break;
      case "error":
        if (event.error?.code === "conversation_already_has_active_response") this.owed = true;
    }
    return event.type === "response.done" && this.#settle();
  }

  /** Ask for an answer; return whether `response.create` is to be sent at once. */
  owe() {
    this.owed = true;
    return this.#settle();
  }

  /** Calls are being run: no answer is asked for until their outputs are there. */
  begin() {
    this.working++;
  }

  /** They have been run; return whether `response.create` is to be sent at once. */
  end(owed) {
    this.working--;
    this.owed ||= owed;
    return this.#settle();
  }

  /** Begin to listen for an answer: only what is begun to be said from now on counts. */
  ask() {
    this.begun.clear();
    this.heard = "";
  }

  /** Take in what the person has said or typed. */
  said(text) {
    if (this.heard !== null && text?.trim()) this.heard = text;
  }

  /** Stop listening for an answer. */
  answered() {
    this.heard = null;
  }

  /** Whether what the person said last since `ask` is a yes and nothing else. */
  get agreed() {
    return Boolean(this.heard) && this.words.yes.test(this.heard) && !this.words.no.test(this.heard);
  }

  #settle() {
    const now = this.owed && !this.responding && !this.speaking && !this.working;
    if (now) this.owed = false;
    return now;
  }
}
