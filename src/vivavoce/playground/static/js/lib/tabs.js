// Tab lists that work with the keyboard: arrows move, Home and End jump, one stop for the Tab key.
// Source: WAI-ARIA Authoring Practices, "Tabs", with automatic activation.

/** Make a tab list work. `chosen` is called with the tab whenever another one is selected, by its user or by `select`. */
export function tabList(list, chosen) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];

  const select = (tab) => {
    for (const other of tabs) {
      const on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !on;
    }
    chosen(tab);
  };

  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) select(tab);
  });
  list.addEventListener("keydown", (event) => {
    const here = tabs.indexOf(document.activeElement);
    const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (there === undefined || here < 0) return;
    event.preventDefault();
    const tab = tabs[(there + tabs.length) % tabs.length];
    tab.focus();
    select(tab);
  });
  return { select };
}
