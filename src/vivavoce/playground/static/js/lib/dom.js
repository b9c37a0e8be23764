// Building elements without ever parsing markup: what people and models say is text, and stays text.

const SVG = "http://www.w3.org/2000/svg";

/** Return the element a selector names; a missing one is a bug of the page, said at once. */
export function find(selector, root = document) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`no element ${selector}`);
  return found;
}

/** Make an element: properties, `data-…`, `aria-…` and `role` attributes, `on…` listeners, then children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (/^(data-|aria-|role$|for$|list$)/.test(name)) element.setAttribute(name, value);
    else if (name === "class") element.className = value;
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an icon out of the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Fill a select with `[value, label]` pairs, keeping what was chosen if it is still there. */
export function fillSelect(select, options, chosen = select.value) {
  select.replaceChildren(...options.map(([value, label]) => h("option", { value }, label)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** Tell whether an element takes typed text, so that keys belong to it. */
export function takesText(element) {
  return element instanceof HTMLElement && element.matches("input, textarea, select, [contenteditable]");
}

/** Scroll a container to its end, unless its reader has scrolled up to read. */
export function follow(container, change) {
  const atEnd = container.scrollHeight - container.scrollTop - container.clientHeight < 80;
  change();
  if (atEnd) container.scrollTop = container.scrollHeight;
}
