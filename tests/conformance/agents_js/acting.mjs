/* Tools, approval, handoffs, guardrails, and a history that the client rewrites. */

import { tool } from "@openai/agents-realtime";
import { z } from "zod";

import { expect, expectSame, lastContext } from "../scenarios.mjs";
import { hears, history, makeAgent, nth, open, seen, troubles, weatherTool } from "./session.mjs";

/** A red dot, one pixel wide. */
const IMAGE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

export const acting = {
  "two tools run at once and one answer follows": async (scope) => {
    const calls = [];
    const held = await open(scope, { agent: makeAgent({ tools: [weatherTool(calls)] }) });
    held.session.sendMessage("compare two cities");
    await hears(scope, held, /sunny/);
    expectSame(calls.sort(), ["Oslo", "Paris"], "calls of the tool");
    expectSame(seen(held, "response.done")[0].response.output.map((item) => item.type), ["function_call", "function_call"], "output");
    const outputs = held.session.history.filter((item) => item.type === "function_call").map((item) => item.output);
    expectSame(outputs.sort(), ["It is sunny in Oslo.", "It is sunny in Paris."], "outputs in the history");
    expectSame(troubles(held), [], "troubles");
  },

  "a handoff changes the agent": async (scope) => {
    const billing = makeAgent({ name: "billing", instructions: "You are billing." });
    const held = await open(scope, { agent: makeAgent({ handoffs: [billing] }) });
    const first = seen(held, "session.updated").at(-1).session;
    expectSame(first.tools.map((entry) => entry.name), ["transfer_to_billing"], "tools");
    held.session.sendMessage("a handoff, please");
    await hears(scope, held, /This is billing/);
    expectSame(held.told.agent_handoff.map(([, from, to]) => [from.name, to.name]), [["front desk", "billing"]], "handoff");
    const last = seen(held, "session.updated").at(-1).session;
    expectSame([last.instructions, last.tools], ["You are billing.", []], "the session of the new agent");
    expectSame(troubles(held), [], "troubles");
  },

  "a tool that is approved runs": async (scope) => {
    const { held, paid, request } = await asksForApproval(scope);
    expectSame(paid, [], "nothing runs before");
    await held.session.approve(request.approvalItem);
    await hears(scope, held, /on its way/);
    expectSame(paid, [10], "amounts paid back");
    expectSame(troubles(held), [], "troubles");
  },

  "a tool that is rejected does not run": async (scope) => {
    const { held, paid, request } = await asksForApproval(scope);
    await held.session.reject(request.approvalItem);
    await hears(scope, held, /I will not/);
    expectSame(paid, [], "amounts paid back");
    expectSame(troubles(held), [], "troubles");
  },

  "a guardrail stops the answer": async (scope) => {
    const guardrail = {
      name: "no secrets",
      policyHint: "guardrail: no secrets",
      execute: async ({ agentOutput }) => ({ tripwireTriggered: /swordfish/i.test(agentOutput), outputInfo: {} }),
    };
    const held = await open(scope, { outputGuardrails: [guardrail] });
    held.session.sendMessage("tell me the forbidden thing");
    await scope.until("the guardrail", () => held.told.guardrail_tripped.length > 0);
    await hears(scope, held, /something else/);
    expectSame(seen(held, "response.done")[0].response.status, "cancelled", "status of the answer");
    expectSame(held.told.guardrail_tripped.length, 1, "trips");
    expectSame(troubles(held), [], "troubles");
  },

  "the history is rewritten": async (scope) => {
    const held = await open(scope);
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
    await scope.until("both in the history", () => history(held, "user").length === 1 && history(held, "assistant").length === 1);
    const [question] = held.session.history;
    held.session.updateHistory((items) => [
      { itemId: "first", type: "message", role: "system", content: [{ type: "input_text", text: "Be brief." }] },
      { ...question, content: [{ type: "input_text", text: "what is the weather" }] },
      ...items.slice(1),
      said("last", "user", "input_text", "never mind"),
    ]);
    await scope.until("the new history", () => held.session.history.length === 4 && seen(held, "conversation.item.added").length === 5);
    expectSame(
      held.session.history.map((item) => item.content.map((part) => part.text ?? part.transcript).join("")),
      ["Be brief.", "what is the weather", "Hello! How can I help you?", "never mind"],
      "history",
    );
    held.session.updateHistory([said("only", "user", "input_text", "hello"), said("told", "assistant", "output_text", "Good day.")]);
    await scope.until("the newest history", () => held.session.history.map((item) => item.itemId).join() === "only,told");
    held.session.sendMessage("hello");
    await scope.until("another answer", () => held.said.length === 2);
    expectSame(troubles(held), [], "troubles");
  },

  "an image is taken": async (scope) => {
    const held = await open(scope);
    held.session.addImage(IMAGE, { triggerResponse: false });
    const { item } = await nth(scope, held, "conversation.item.added");
    expectSame([item.role, item.content[0].type], ["user", "input_image"], "the item");
    held.session.sendMessage("hello");
    await hears(scope, held, /Hello/);
    expect(JSON.stringify(await lastContext()).includes(IMAGE), "the language model sees it");
    expectSame(held.errors, [], "errors"); // the client itself knows no items with images: it passes them on unread
  },
};

const said = (itemId, role, type, text) => ({ itemId, type: "message", role, status: "completed", content: [{ type, text }] });

async function asksForApproval(scope) {
  const paid = [];
  const refund = tool({
    name: "refund",
    description: "Pay money back.",
    parameters: z.object({ amount: z.number() }),
    needsApproval: true,
    execute: async ({ amount }) => {
      paid.push(amount);
      return `${amount} euros were paid back.`;
    },
  });
  const held = await open(scope, { agent: makeAgent({ tools: [refund] }) });
  const requests = [];
  held.session.on("tool_approval_requested", (_context, _agent, request) => requests.push(request));
  held.session.sendMessage("refund me");
  const request = await scope.until("the question for approval", () => requests[0]);
  expect(request.tool.name === "refund", `approval of ${request.tool.name}`);
  return { held, paid, request };
}
