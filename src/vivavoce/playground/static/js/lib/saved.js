// What the page remembers of its settings between visits. Keys are never among them.

const PREFIX = "vivavoce.";

/** Return what was saved under a name, over the defaults; a browser that keeps nothing, or something else, gives the defaults. */
export function load(name, defaults) {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + name) ?? "{}");
    const known = Object.entries(kept).filter(([key, value]) => key in defaults && typeof value === typeof defaults[key]);
    return { ...defaults, ...Object.fromEntries(known) };
  } catch {
    return { ...defaults };
  }
}

/** Save an object under a name, where the browser lets us. */
export function save(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows may refuse: the page works the same, and forgets.
  }
}
