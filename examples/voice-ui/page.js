/** The restaurant's page: tabs, menu, summary and booking. It knows nothing of voices. */

const MENU = {
  Starters: [
    ["Tomato soup", "roasted tomatoes, basil oil", 7],
    ["Green salad", "what the garden gives, lemon dressing", 8],
    ["Smoked salmon", "rye bread, pickled cucumber", 11],
    ["Garlic bread", "from the stone oven, for the table", 6],
    ["Mushroom toast", "brown butter, thyme", 9],
  ],
  Mains: [
    ["Roast chicken", "lemon potatoes, gravy", 19],
    ["Grilled fish", "the catch of the day, fennel", 23],
    ["Lamb stew", "cooked since this morning", 22],
    ["Mushroom rice", "mountain cheese, parsley", 17],
    ["Bean chili", "smoked pepper, sour cream", 15],
    ["Spinach pie", "feta, pine nuts, yoghurt", 16],
  ],
  Desserts: [
    ["Lemon cake", "candied peel, cream", 8],
    ["Apple pie", "warm, with vanilla ice cream", 8],
    ["Chocolate mousse", "dark, with sea salt", 9],
    ["Cheese plate", "three kinds, fig bread", 12],
  ],
  Drinks: [
    ["Apple juice", "pressed in the village", 4],
    ["Ginger lemonade", "made here, not too sweet", 5],
    ["House red", "a glass", 6],
    ["House white", "a glass", 6],
    ["Coffee", "after dinner, or before", 3],
  ],
};

const by = (id) => document.getElementById(id);
const make = (tag, props = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
};
const form = by("form");
const dishes = new Map();

// --- tabs ---------------------------------------------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll("[role=tab]")];

function open(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    by(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
}

for (const [index, tab] of tabs.entries()) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(index + step + tabs.length) % tabs.length];
    next.focus();
    open(next);
  });
}

// --- menu ---------------------------------------------------------------------------------------------------------------------------

for (const [course, entries] of Object.entries(MENU)) {
  const items = entries.map(([name, about, price]) => {
    const add = make("button", { type: "button", className: "add", textContent: "Add" });
    add.addEventListener("click", () => {
      dishes.set(name, (dishes.get(name) ?? 0) + 1);
      summarize();
    });
    const what = make("span", { className: "about" }, make("strong", { textContent: name }), make("span", { textContent: about }));
    return make("li", {}, what, make("span", { className: "price", textContent: `$${price}` }), add);
  });
  by("menu").append(make("section", {}, make("h2", { textContent: course }), make("ul", { className: "dishes" }, ...items)));
}

// --- summary ------------------------------------------------------------------------------------------------------------------------

function day(iso) {
  return iso ? new Date(`${iso}T12:00`).toLocaleDateString("en", { weekday: "long", month: "long", day: "numeric" }) : "";
}

function summarize() {
  const data = new FormData(form);
  by("count").textContent = data.get("guests");
  const wishes = [...form.querySelectorAll("fieldset input[type=checkbox]:checked")].map((box) => box.parentElement.textContent.trim());
  const facts = {
    Guests: data.get("guests"),
    When: [day(data.get("date")), data.get("time")].filter(Boolean).join(", "),
    Seating: data.get("seating"),
    Occasion: data.get("occasion"),
    Wishes: wishes.join(", "),
    Name: data.get("name"),
  };
  const shown = Object.entries(facts).filter(([, value]) => value);
  by("facts").replaceChildren(...shown.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
  const rows = [...dishes].map(([name, number]) => {
    const remove = make("button", { type: "button", className: "remove", ariaLabel: `Remove ${name}`, textContent: "×" });
    remove.addEventListener("click", () => {
      dishes.delete(name);
      summarize();
    });
    return make("li", {}, make("span", { textContent: `${number} ${name}` }), remove);
  });
  by("dishes").replaceChildren(...(rows.length ? [make("h3", { textContent: "Ready for you" }), make("ul", {}, ...rows)] : []));
}

// --- booking ------------------------------------------------------------------------------------------------------------------------

form.addEventListener("input", summarize);
form.addEventListener("reset", () => {
  dishes.clear();
  setTimeout(summarize);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const text = `Booked: a table for ${data.get("guests")} on ${day(data.get("date"))} at ${data.get("time")}, for ${data.get("name")}. See you soon!`;
  by("booked").replaceChildren(make("p", { textContent: text }));
});

const today = new Date();
form.elements.date.min = new Date(today.getTime() - today.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
summarize();
