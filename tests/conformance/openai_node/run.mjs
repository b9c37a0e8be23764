/* Drive the `openai` package for Node, unmodified, against the server: with the `ws` package, and with the runtime's own WebSocket. */

import { readFileSync } from "node:fs";

import { run } from "../scenarios.mjs";
import { services } from "./services.mjs";
import { sessions } from "./sessions.mjs";
import { turns } from "./turns.mjs";

const { version } = JSON.parse(readFileSync(new URL("node_modules/openai/package.json", import.meta.url), "utf8"));
const native = typeof WebSocket === "function" ? turns("native", ", with the runtime's own WebSocket") : {};
if (typeof WebSocket !== "function") console.error(`Node ${process.version} has no WebSocket of its own: those scenarios are left out`);

await run("openai (Node)", version, { ...sessions, ...turns("ws", ""), ...native, ...services });
