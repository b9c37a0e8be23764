// What is wrong with the page as it is now: names, roles, references, contrast. A function, for the browser to evaluate.
// Source: WCAG 2.2, success criteria 1.3.1, 1.4.3, 2.4.3, 3.1.1, 4.1.2.
() => {
  const found = [];
  const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const text = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
  const named = (element) => element.getAttribute("aria-label") || (element.getAttribute("aria-labelledby") && text(element.getAttribute("aria-labelledby")))
    || [...(element.labels ?? [])].map((label) => label.textContent.trim()).join(" ")
    || (!element.matches("input, select, textarea") && element.textContent.trim());
  const say = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 120)}`);

  if (document.documentElement.lang === "") found.push("the page has no language");
  for (const [selector, most] of [["main", 1], ["h1", 1], ["header", 1]]) {
    if (document.querySelectorAll(`body > ${selector}, body > header > ${selector}`).length !== most) found.push(`not one ${selector}`);
  }
  for (const element of document.querySelectorAll("button, input, select, textarea, [role=tab], [role=tabpanel], [role=region], [role=group], dialog, aside, form, summary")) {
    if (!named(element)) say("no name", element);
  }
  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) say("id twice", element);
    ids.add(element.id);
  }
  for (const attribute of ["aria-controls", "aria-labelledby", "aria-describedby", "aria-errormessage", "for", "popovertarget"]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      if (element.getAttribute(attribute).split(/\s+/).some((id) => !document.getElementById(id))) say(`${attribute} leads nowhere`, element);
    }
  }
  for (const element of document.querySelectorAll("[tabindex]")) if (element.tabIndex > 0) say("tab order by number", element);
  for (const element of document.querySelectorAll("svg")) if (element.getAttribute("aria-hidden") !== "true") say("icon that is read", element);
  for (const list of document.querySelectorAll("[role=tablist]")) {
    const selected = [...list.querySelectorAll("[role=tab]")].filter((tab) => tab.getAttribute("aria-selected") === "true");
    if (selected.length !== 1 || selected[0].tabIndex !== 0) say("not one selected tab", list);
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((c) => top[c] * top[3] + below[c] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || seen.has(element) || !visible(element) || element.closest(":disabled, .unseen, .skip, noscript, svg, option")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const background = behind(element);
    const ink = over(rgba(style.color), background);
    const [bright, dark] = [light(ink), light(background)].sort((one, other) => other - one);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, element);
  }
  return found;
}
