// The one place where the page says that something is wrong, and offers what helps.

import { find, h, icon } from "./dom.js";

const LABELS = { retry: "Try again", reconnect: "Reconnect", key: "Enter a key", text: "Go on by typing" };

/** Show a problem. `actions` maps the names of helps to what they do; the problem's own is shown if it is among them. */
export function showProblem(problem, actions = {}) {
  const place = find("#notice");
  const buttons = Object.entries(actions)
    .filter(([name]) => name === problem.action || (problem.action === "retry" && name === "reconnect") || (problem.action === "text" && name === "retry"))
    .map(([name, act], index) => h("button", { class: index ? "secondary" : "primary", "data-action": name, onclick: () => { clearProblem(); act(); } }, LABELS[name]));
  place.replaceChildren(
    icon("alert"),
    h("div", {}, h("strong", {}, problem.title), h("span", {}, problem.text), h("div", { class: "row notice-buttons" }, ...buttons)),
    h("button", { class: "round", "aria-label": "Dismiss", title: "Dismiss", onclick: clearProblem }, icon("close")),
  );
  place.dataset.problem = problem.id;
  place.hidden = false;
}

/** Take the notice away. */
export function clearProblem() {
  const place = find("#notice");
  place.hidden = true;
  place.replaceChildren();
  delete place.dataset.problem;
}
