/**
 * Ask the person, in a dialog no tool can answer: its buttons take only events of a real pointer or keyboard, and what a voice says counts
 * only if `Floor` has heard a plain yes since the dialog opened.
 */

const STYLE = `
  :host { all: initial; --accent: var(--voice-ui-accent, #c2410c); --ink: var(--voice-ui-ink, #fff); }
  dialog { border: 0; border-radius: 16px; padding: 1.5rem; width: min(26rem, 92vw); box-sizing: border-box; font: 16px/1.5 system-ui, sans-serif;
    color: CanvasText; background: Canvas; color-scheme: inherit; box-shadow: 0 20px 60px rgb(0 0 0 / .4); }
  dialog::backdrop { background: rgb(0 0 0 / .55); }
  h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem 1rem; margin: 0 0 1rem; max-height: 40vh; overflow: auto; }
  dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
  p { margin: 0 0 1rem; opacity: .8; font-size: .9rem; }
  div { display: flex; gap: .75rem; justify-content: flex-end; }
  button { font: inherit; font-weight: 600; padding: .55rem 1.2rem; border-radius: 999px; border: 2px solid var(--accent); cursor: pointer;
    background: transparent; color: inherit; }
  button.yes { background: var(--accent); color: var(--ink); }
  button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
`;
const TEXTS = { yes: "Yes", no: "No", how: "Say yes or no, or press a button." };

export class Consent {
  /** @param {(agreed: boolean) => void} answered called when a person has answered with a button or a key */
  constructor(answered, texts = {}) {
    this.answered = answered;
    this.texts = { ...TEXTS, ...texts };
    this.asking = null;
    this.host = document.createElement("voice-ui-consent");
    this.host.setAttribute("data-voice", "off");
    this.root = this.host.attachShadow({ mode: "open" });
    document.body.append(this.host);
  }

  /**
   * Open the dialog.
   *
   * @param {object} action `question`, `facts` (name and value, shown under it), `act` (does it)
   */
  ask(action) {
    this.asking = action;
    const make = (tag, text = "", name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });
    this.dialog = make("dialog");
    const title = make("h2", action.question);
    title.id = "question";
    this.dialog.setAttribute("aria-labelledby", "question");
    const facts = make("dl");
    for (const [name, value] of action.facts) facts.append(make("dt", name), make("dd", value));
    const row = make("div");
    const [no, yes] = [make("button", this.texts.no, "no"), make("button", this.texts.yes, "yes")];
    row.append(no, yes);
    this.dialog.append(title, ...(action.facts.length ? [facts] : []), make("p", this.texts.how), row);
    // A tool can make events, but never trusted ones.
    yes.onclick = (event) => event.isTrusted && this.answered(true);
    no.onclick = () => this.answered(false);
    this.dialog.onclose = () => this.asking === action && this.answered(false);
    this.root.replaceChildren(Object.assign(document.createElement("style"), { textContent: STYLE }), this.dialog);
    this.dialog.showModal();
    no.focus();
  }

  /** Close the dialog; return what it asked about. */
  close() {
    const action = this.asking;
    this.asking = null;
    this.dialog?.close();
    this.root.replaceChildren();
    return action;
  }

  remove() {
    this.close();
    this.host.remove();
  }
}
