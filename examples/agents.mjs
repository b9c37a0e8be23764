// The official JavaScript agents SDK against a Vivavoce server: npm install @openai/agents, then node examples/agents.mjs
import { RealtimeAgent, RealtimeSession } from "@openai/agents/realtime";

const session = new RealtimeSession(new RealtimeAgent({ name: "host", instructions: "Greet the guest." }), { transport: "websocket" });
session.on("history_updated", (history) => {
  const text = history.at(-1)?.content?.[0]?.transcript;
  if (text) console.log(`${history.at(-1).role}: ${text}`);
});
await session.connect({ apiKey: "none", url: "ws://127.0.0.1:8000/v1/realtime?model=gpt-realtime-2" });
session.sendMessage("Hello!");
setTimeout(() => process.exit(0), 5000);
