/**
 * Show what the agent does: an outline around the control, a bubble that says it, and the same words for screen readers.
 *
 * All of it lives in one shadow root on top of the page, which the page's styles do not reach. Colours follow `--voice-ui-accent` and
 * `--voice-ui-ink` where the page sets them. Nothing moves for those who asked for less motion.
 */

const STYLE = `
  :host { all: initial; --accent: var(--voice-ui-accent, #c2410c); --ink: var(--voice-ui-ink, #fff); }
  .ring { position: fixed; z-index: 2147483000; pointer-events: none; border: 3px solid var(--accent); border-radius: 10px; opacity: 0;
    box-shadow: 0 0 0 3px color-mix(in srgb, var(--ink) 85%, transparent), 0 0 24px color-mix(in srgb, var(--accent) 55%, transparent);
    transition: opacity .18s, left .18s, top .18s, width .18s, height .18s; }
  .bubble { position: fixed; z-index: 2147483001; pointer-events: none; max-width: min(22rem, 92vw); box-sizing: border-box; opacity: 0;
    padding: .3em .75em; border-radius: 1em; background: var(--accent); color: var(--ink); font: 600 14px/1.4 system-ui, sans-serif;
    transition: opacity .18s; }
  .on { opacity: 1; }
  .said { position: fixed; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  @media (prefers-reduced-motion: reduce) { .ring, .bubble { transition: none; } }
  @media (forced-colors: active) { .ring { border-color: Highlight; } .bubble { border: 2px solid Highlight; } }
`;
const SHOWN_MS = 1800;
const GAP = 5;
const STILL_MS = 250;
const LONGEST_SCROLL_MS = 1500;

export class Lights {
  constructor() {
    this.host = document.createElement("voice-ui-lights");
    this.host.setAttribute("data-voice", "off");
    this.root = this.host.attachShadow({ mode: "open" });
    this.root.innerHTML = `<style>${STYLE}</style><div class="ring"></div><div class="bubble"></div><div class="said" role="status"></div>`;
    [, this.ring, this.bubble, this.status] = this.root.children;
    document.body.append(this.host);
    this.until = 0;
  }

  /** Say it to screen readers, and in a bubble at the element if there is one, for a moment. */
  show(text, element = null) {
    this.status.textContent = text;
    this.bubble.textContent = text;
    this.until = performance.now() + SHOWN_MS;
    this.element = element && seen(element);
    if (this.frame === undefined) this.#follow();
  }

  /** Bring an element into view, at once for those who asked for less motion; return when it is there. */
  async reach(element, block = "center") {
    if (block !== "center" || !inSight(seen(element))) await settled(() => seen(element).scrollIntoView({ behavior: motion(), block }));
  }

  remove() {
    cancelAnimationFrame(this.frame);
    this.host.remove();
  }

  #follow() {
    const on = performance.now() < this.until;
    const box = on && this.element?.isConnected ? this.element.getBoundingClientRect() : null;
    this.ring.classList.toggle("on", Boolean(box));
    this.bubble.classList.toggle("on", on);
    if (box) {
      const radius = parseFloat(getComputedStyle(this.element).borderRadius) || 4;
      const [left, top, width, height] = [box.left - GAP, box.top - GAP, box.width + 2 * GAP - 6, box.height + 2 * GAP - 6];
      const style = { left, top, width, height, borderRadius: Math.min(radius, box.height / 2) + GAP };
      for (const [name, length] of Object.entries(style)) this.ring.style[name] = `${length}px`;
    }
    const above = box && box.top > 56;
    const left = box ? box.right - this.bubble.offsetWidth + GAP : innerWidth / 2 - this.bubble.offsetWidth / 2;
    const top = !box ? 16 : above ? box.top - this.bubble.offsetHeight - 12 : Math.min(box.bottom + 12, innerHeight - 48);
    this.bubble.style.left = `${Math.max(8, Math.min(left, innerWidth - this.bubble.offsetWidth - 8))}px`;
    this.bubble.style.top = `${top}px`;
    this.frame = on ? requestAnimationFrame(() => this.#follow()) : undefined;
  }
}

/** Return what people see of a control: of a box to tick its label. */
function seen(element) {
  return (element.matches("input[type=checkbox], input[type=radio]") && element.labels?.[0]) || element;
}

/** Whether the middle of an element is in the window, with nothing on top of it. */
function inSight(element) {
  const box = element.getBoundingClientRect();
  if (box.top < 0 || box.bottom > innerHeight) return false;
  const top = element.getRootNode().elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return Boolean(top) && (element.contains(top) || top.contains(element));
}

/** Return how to scroll. */
export function motion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
}

/** Scroll, and return when the page has come to rest: at the end of the scrolling, or soon if none begins. */
export function settled(scroll) {
  return new Promise((resolve) => {
    const late = setTimeout(end, LONGEST_SCROLL_MS);
    const unmoved = setTimeout(end, STILL_MS);
    const moved = () => clearTimeout(unmoved);
    function end() {
      removeEventListener("scrollend", end, true);
      removeEventListener("scroll", moved, true);
      [late, unmoved].forEach(clearTimeout);
      resolve();
    }
    addEventListener("scrollend", end, true);
    addEventListener("scroll", moved, true);
    scroll();
  });
}
