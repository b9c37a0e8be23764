/*
 * Run a client's scenarios and write down how each went: what every Node client of the conformance suite shares.
 *
 * A client's `run.mjs` imports this as `../scenarios.mjs` and calls `run` with its scenarios by name:
 *
 *     await run("openai (Node)", "7.55.0", { "a written turn": async (scope) => { … } });
 *
 * A scenario that returns is green (a text it returns is kept as detail); one that throws, or takes longer than `LIMIT_MS`, is red.
 * Node's own modules alone are used here.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How long one scenario may take. */
export const LIMIT_MS = 20_000;

/** The base address of the server, up to `/v1`. */
export const URL_BASE = process.env.CONFORMANCE_URL ?? "https://127.0.0.1:8000/v1";

/** The API key the server wants. */
export const API_KEY = process.env.CONFORMANCE_API_KEY ?? "unused";

/** The model to ask for. */
export const MODEL = process.env.CONFORMANCE_MODEL ?? "gpt-realtime-2.1";

/** Samples per second of the recordings and of `audio/pcm` on the wire; 16 bits each. */
export const RATE_HZ = 24_000;

/** The address of the Realtime WebSocket, with the model in the query. */
export const SOCKET_URL = `${URL_BASE.replace(/^http/, "ws")}/realtime?model=${MODEL}`;

/** Return a recording of the suite (`hello`, `weather`, `stop`) as 16-bit little-endian mono PCM. */
export function speech(name) {
  const file = readFileSync(join(process.env.CONFORMANCE_SPEECH, `${name}.wav`));
  for (let at = 12; at + 8 <= file.length; at += 8 + file.readUInt32LE(at + 4)) {
    if (file.toString("latin1", at, at + 4) === "data") return file.subarray(at + 8, at + 8 + file.readUInt32LE(at + 4));
  }
  throw new Error(`${name}.wav holds no audio`);
}

/** Return that many milliseconds of silence as 16-bit PCM. */
export const silence = (ms) => Buffer.alloc((2 * RATE_HZ * ms) / 1000);

/** Return a copy of its own of a buffer's bytes, as clients want audio. */
export const arrayBuffer = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

/** Wait for a while. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Fail the scenario unless something holds. */
export function expect(holds, what) {
  if (!holds) throw new Error(what);
}

/** Fail the scenario unless two values are the same, as JSON. */
export function expectSame(seen, wanted, what) {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: ${left}, not ${right}`);
}

/** Return the messages of the last request that the language model got. */
export async function lastContext() {
  const answer = await fetch(`${process.env.CONFORMANCE_BRAIN}/requests`);
  return (await answer.json()).data.at(-1).messages;
}

/** What a scenario holds while it runs: what it waits for, and what to close after it. */
export class Scope {
  #over = false;
  #closers = [];
  waiting = "";

  /** Close something once the scenario is over, however it ends. */
  after(close) {
    this.#closers.unshift(close);
  }

  /** Wait until `look` returns something true, and return that; the scenario's own limit ends the wait. */
  async until(what, look) {
    this.waiting = what;
    for (;;) {
      const found = await look();
      if (found) return found;
      if (this.#over) throw new Error(`gave up waiting: ${what}`);
      await pause(10);
    }
  }

  /** Close what was opened. */
  async end() {
    this.#over = true;
    for (const close of this.#closers) await close();
  }
}

/**
 * Run the scenarios one after the other, write `CONFORMANCE_OUT`, and leave the process: 0 if all are green, else 1.
 *
 * Arguments on the command line choose scenarios by a part of their name.
 */
export async function run(client, version, scenarios) {
  const wanted = process.argv.slice(2);
  const results = [];
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted.length === 0 || wanted.some((part) => name.includes(part))) results.push(await runOne(name, scenario));
  }
  if (process.env.CONFORMANCE_OUT) {
    writeFileSync(process.env.CONFORMANCE_OUT, JSON.stringify({ client, version, scenarios: results }, null, 1));
  }
  process.exit(results.every((result) => result.ok) ? 0 : 1);
}

async function runOne(name, scenario) {
  const began = Date.now() / 1000;
  const scope = new Scope();
  let outcome;
  try {
    outcome = { ok: true, detail: (await Promise.race([scenario(scope), strayFailure(scope), overTime(scope)])) ?? "" };
  } catch (error) {
    console.error(error);
    outcome = { ok: false, detail: `${error?.name ?? "Error"}: ${error?.message ?? error}` };
  }
  try {
    await scope.end();
  } catch (error) {
    outcome = { ok: false, detail: `closing failed: ${error?.message ?? error}` };
  }
  const ended = Date.now() / 1000;
  console.error(`${outcome.ok ? "ok " : "RED"} ${(ended - began).toFixed(1).padStart(5)} s  ${name}  ${outcome.detail}`);
  return { name, ...outcome, began, ended };
}

/** Fail with what nobody caught: clients call listeners of theirs where a throw leads nowhere else. */
function strayFailure(scope) {
  return new Promise((_, reject) => {
    for (const event of ["uncaughtException", "unhandledRejection"]) {
      process.on(event, reject);
      scope.after(() => process.off(event, reject));
    }
  });
}

function overTime(scope) {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`took longer than ${LIMIT_MS / 1000} s${scope.waiting && `, waiting: ${scope.waiting}`}`));
    }, LIMIT_MS);
    scope.after(() => clearTimeout(timer));
  });
}
