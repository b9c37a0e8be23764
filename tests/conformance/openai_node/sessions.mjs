/* Sessions and what is around them: configuration, items, errors, keys, and the routes beside the WebSocket. */

import { NotFoundError } from "openai";

import { MODEL, expect, expectSame, speech } from "../scenarios.mjs";
import { TRANSCRIPTION, ask, connect, makeClient, next, of, say, textOf } from "./connection.mjs";

export const sessions = {
  "the session is configured": async (scope) => {
    const held = await connect(scope, { session: { instructions: "Be brief.", audio: { output: { voice: "cedar" } } } });
    const { session } = held.events[0];
    expectSame([session.type, session.model], ["realtime", MODEL], "the session at first");
    const updated = of(held, "session.updated")[0].session;
    expectSame([updated.instructions, updated.audio.output.voice], ["Be brief.", "cedar"], "the session then");
  },

  "audio is committed by hand": async (scope) => {
    const held = await connect(scope, { session: { audio: { input: { transcription: TRANSCRIPTION, turn_detection: null } } } });
    say(held, speech("weather"), { silenceMs: 200 });
    held.connection.send({ type: "input_audio_buffer.commit" });
    const { item_id: id } = await next(scope, held, "input_audio_buffer.committed");
    const heard = await next(scope, held, "conversation.item.input_audio_transcription.completed");
    expectSame(heard.item_id, id, "the item that was heard");
    expect(/weather in oslo/i.test(heard.transcript), `heard ${heard.transcript}`);
    expectSame(of(held, "response.created"), [], "answers nobody asked for");
  },

  "items are added, read and deleted": async (scope) => {
    const held = await connect(scope);
    const item = { id: "item_mine", type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] };
    held.connection.send({ type: "conversation.item.create", item });
    await next(scope, held, "conversation.item.added");
    held.connection.send({ type: "conversation.item.retrieve", item_id: "item_mine" });
    const read = await next(scope, held, "conversation.item.retrieved");
    expectSame(read.item.content[0].text, "hello", "the text");
    held.connection.send({ type: "conversation.item.delete", item_id: "item_mine" });
    expectSame((await next(scope, held, "conversation.item.deleted")).item_id, "item_mine", "the deleted item");
  },

  "an answer beside the conversation": async (scope) => {
    const held = await connect(scope);
    const input = [{ type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] }];
    const response = { conversation: "none", metadata: { topic: "greeting" }, output_modalities: ["text"], input };
    held.connection.send({ type: "response.create", response });
    const done = await next(scope, held, "response.done");
    expectSame([done.response.metadata.topic, done.response.conversation_id], ["greeting", null], "the response");
    expect(/Hello/.test(textOf(done.response)), `answered ${textOf(done.response)}`);
    expectSame(of(held, "conversation.item.added"), [], "items of the conversation");
  },

  "an error reaches the listener and the session lives": async (scope) => {
    const held = await connect(scope);
    held.connection.send({ type: "response.cancel", event_id: "mine" });
    await scope.until("the error", () => held.errors.length > 0);
    const [{ error, event_id: id }] = held.errors.splice(0);
    expectSame([error.type, error.code, error.event_id], ["invalid_request_error", "response_cancel_not_active", "mine"], "the error");
    expect(id.startsWith("event_"), "the error event has an id of its own");
    ask(held, "hello", { output_modalities: ["text"] });
    expect(/Hello/.test(textOf((await next(scope, held, "response.done")).response)), "the next answer");
  },

  "a language model that fails fails one response": async (scope) => {
    const held = await connect(scope, { session: { output_modalities: ["text"] } });
    ask(held, "fail");
    const { response } = await next(scope, held, "response.done");
    expectSame([response.status, response.status_details.type], ["failed", "failed"], "the end");
    expect(response.usage.total_tokens >= 0, "a failed response has usage");
    ask(held, "hello");
    expect(/Hello/.test(textOf((await next(scope, held, "response.done", 2)).response)), "the next answer");
  },

  "a wrong key is refused": async (scope) => {
    const refused = connect(scope, { key: "sk-wrong" });
    try {
      await refused;
    } catch (error) {
      expect(/401/.test(error.message), `the refusal names its status: ${error.message}`);
      return;
    }
    throw new Error("a wrong key is taken");
  },

  "a client secret opens the session it was made for": async (scope) => {
    const session = { type: "realtime", model: MODEL, instructions: "You are the front desk.", output_modalities: ["text"] };
    const secret = await makeClient().realtime.clientSecrets.create({ expires_after: { anchor: "created_at", seconds: 60 }, session });
    expect(secret.value.startsWith("ek_"), "it looks like a client secret");
    expect(Math.abs(secret.expires_at - Date.now() / 1000 - 60) < 10, "it expires when it was asked to");
    expectSame(secret.session.instructions, "You are the front desk.", "the session it promises");
    const held = await connect(scope, { key: secret.value });
    expectSame(held.events[0].session.instructions, "You are the front desk.", "the session it opens");
    ask(held, "hello");
    expect(/Hello/.test(textOf((await next(scope, held, "response.done")).response)), "the answer");
  },

  "models are listed": async () => {
    const client = makeClient();
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    expect(names.includes(MODEL), `${MODEL} is among ${names}`);
    expectSame((await client.models.retrieve(MODEL)).id, MODEL, "the model");
    const error = await client.models.retrieve("no-such-model").catch((caught) => caught);
    expect(error instanceof NotFoundError && error.code === "model_not_found", `${error}`);
  },
};
