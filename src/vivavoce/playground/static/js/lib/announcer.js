// What screen readers are told: whole sentences when they are complete, never a word at a time.

import { find, h } from "./dom.js";

const MOST = 20;

/** Say something to those who do not see the page. */
export function announce(text) {
  const place = find("#announcer");
  place.append(h("p", {}, text));
  while (place.childElementCount > MOST) place.firstElementChild.remove();
}
