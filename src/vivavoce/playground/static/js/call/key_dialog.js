// Asking for the API key, where the server wants one.

import { find } from "../lib/dom.js";
import { clearProblem } from "../lib/notice.js";

/** The dialog `#key-dialog`. `used` is called when there is a new key. */
export class KeyDialog {
  constructor(server, used) {
    this.server = server;
    this.dialog = find("#key-dialog");
    this.then = null;
    find("#key-form").addEventListener("submit", async () => {
      server.key = find("#key-input").value.trim();
      clearProblem();
      await used();
      const then = this.then;
      this.then = null;
      if (server.key) then?.();
    });
    find("#key-forget").addEventListener("click", () => {
      server.key = null;
      find("#key-input").value = "";
      this.dialog.close();
    });
  }

  /** Ask for the key; `then` is done once there is one that works. */
  ask(then = null) {
    this.then = then;
    find("#key-input").value = this.server.key ?? "";
    find("#key-forget").hidden = !this.server.key;
    if (!this.dialog.open) this.dialog.showModal();
    find("#key-input").focus();
  }
}
