/* Drive @openai/agents-realtime, unmodified, against the server, over its WebSocket transport. */

import { readFileSync } from "node:fs";

import { run } from "../scenarios.mjs";
import { acting } from "./acting.mjs";
import { talking } from "./talking.mjs";

const NAME = "@openai/agents-realtime";
const { version } = JSON.parse(readFileSync(new URL(`node_modules/${NAME}/package.json`, import.meta.url), "utf8"));

await run(NAME, version, { ...talking, ...acting });
