// The page: who is who, which tab is shown, whether the server is there, and the key.

import { deviceMenu } from "./call/devices.js";
import { Server } from "./call/server.js";
import { asProblem } from "./call/problems.js";
import { Interpret } from "./interpret/interpret.js";
import { find } from "./lib/dom.js";
import { showProblem } from "./lib/notice.js";
import { tabList } from "./lib/tabs.js";
import { startTheme } from "./lib/theme.js";
import { Talk } from "./talk/talk.js";
import { Transcribe } from "./transcribe/transcribe.js";
import { KeyDialog } from "./call/key_dialog.js";

const STATES = { ready: "Ready", waiting: "Warming up…", gone: "Not reachable" };
const LOOK_EVERY_MS = 15_000;
const LOOK_SOON_MS = 2_500;

const server = new Server();
const keyDialog = new KeyDialog(server, () => learn());
const hooks = (name) => ({
  onLive: (live) => find(`#tab-${name}`).toggleAttribute("data-live", live),
  askKey: (then) => keyDialog.ask(then),
});
const talk = new Talk(server, hooks("talk"));
const transcribe = new Transcribe(server, hooks("transcribe"));
const interpret = new Interpret(server, hooks("interpret"));

startTheme(find("#theme-button"));
deviceMenu((direction) => talk.deviceChanged(direction));
startTabs();
startPanes();
start();

function startTabs() {
  const tabs = tabList(find(".bar .tabs"), (tab) => {
    const here = location.hash || "#talk";
    if (here !== `#${tab.dataset.tab}`) history.replaceState(null, "", `#${tab.dataset.tab}`);
  });
  const fromHash = () => {
    const name = ["talk", "transcribe", "interpret"].find((each) => location.hash === `#${each}`) ?? "talk";
    tabs.select(find(`#tab-${name}`));
  };
  window.addEventListener("hashchange", fromHash);
  fromHash();
  tabList(find(".inspector .tabs"), (tab) => talk.showSheet(tab.dataset.sheet));
}

// On narrow screens one of conversation, agent and inspector is shown at a time.
function startPanes() {
  const panel = find("#talk-panel");
  const show = (name) => {
    panel.dataset.pane = name;
    for (const button of panel.querySelectorAll(".panes button")) button.setAttribute("aria-pressed", String(button.dataset.pane === name));
  };
  find(".panes").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) show(button.dataset.pane);
  });
  panel.addEventListener("pane", ({ detail }) => show(detail));
}

async function start() {
  try {
    const about = await server.meet();
    find("#key-button").hidden = !about.keyed;
    find("#key-button").addEventListener("click", () => keyDialog.ask());
    talk.form.showPresets((await server.ask("playground/presets.json")).presets);
    talk.welcome();
    if (about.keyed && !server.key) keyDialog.ask();
    else await learn();
  } catch (error) {
    showProblem(asProblem(error), { retry: start });
  }
  look();
}

// What only those with a key may know: the models.
async function learn() {
  try {
    await server.learnModels();
    talk.form.showModels();
    await Promise.all([transcribe.showModels(), interpret.learn()]);
  } catch (error) {
    const problem = asProblem(error);
    if (problem.action === "key") server.key = null;
    showProblem(problem, { retry: learn, key: () => keyDialog.ask() });
  }
}

let known = "";

async function look() {
  const state = document.hidden ? known : await server.state();
  if (state !== known) {
    find("#server").dataset.state = state;
    find("#server-text").textContent = STATES[state] ?? "";
    // What models can do is known once the engines are warm.
    if (state === "ready" && known !== "" && (!server.about.keyed || server.key)) learn();
    known = state;
  }
  setTimeout(look, state === "ready" ? LOOK_EVERY_MS : LOOK_SOON_MS);
}
