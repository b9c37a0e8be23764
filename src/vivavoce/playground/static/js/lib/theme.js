// Light, dark, or like the system.

import { load, save } from "./saved.js";

const NAMES = ["system", "light", "dark"];
const WORDS = { system: "like the system", light: "light", dark: "dark" };

/** Let a button go through the themes, and remember the one chosen. */
export function startTheme(button) {
  const chosen = load("theme", { name: "system" });
  const show = () => {
    if (chosen.name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen.name;
    button.title = `Theme: ${WORDS[chosen.name]}`;
    button.setAttribute("aria-label", button.title);
  };
  button.addEventListener("click", () => {
    chosen.name = NAMES[(NAMES.indexOf(chosen.name) + 1) % NAMES.length];
    save("theme", chosen);
    show();
  });
  if (!NAMES.includes(chosen.name)) chosen.name = "system";
  show();
}
