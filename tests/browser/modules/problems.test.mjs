import assert from "node:assert/strict";
import test from "node:test";
import { JS } from "./page.mjs";

const problems = await import(new URL("call/problems.js", JS));

test("every refusal of the microphone says what to do", () => {
  const ids = { NotAllowedError: "mic-denied", SecurityError: "mic-denied", NotFoundError: "mic-missing", NotReadableError: "mic-busy", OverconstrainedError: "mic-gone", AbortError: "mic" };
  for (const [name, id] of Object.entries(ids)) {
    const problem = problems.microphoneProblem({ name, message: "why" });
    assert.equal(problem.id, id);
    assert.ok(problem.text.length > 20);
  }
});

test("answers of the server are told apart, in its own words where it has some", () => {
  const id = (status, error, options) => problems.refusalProblem(status, error, options).id;
  assert.equal(id(401, null, { keyed: true }), "key-wrong");
  assert.equal(id(401, { message: "expired" }), "secret-refused");
  assert.equal(id(429, { message: "slow down" }), "limit");
  assert.equal(id(503, null), "busy");
  assert.equal(id(500, null), "server");
  const refused = problems.refusalProblem(400, { message: "Too loud.", param: "session.audio" });
  assert.deepEqual([refused.id, refused.text, refused.param], ["refused", "Too loud.", "session.audio"]);
});

test("the end of a call is told by its reason", () => {
  assert.equal(problems.lostProblem({ expired: "Your session hit its limit." }).id, "session-over");
  assert.equal(problems.lostProblem({ reachable: false }).id, "server-gone");
  assert.equal(problems.lostProblem({}).id, "call-lost");
});

test("a page opened from a LAN address is told why it has no microphone", () => {
  assert.match(problems.insecureProblem("http://192.168.1.4:8000").text, /192\.168\.1\.4.*https/s);
});

test("anything else is shown as it is", () => {
  const problem = problems.noPathProblem();
  assert.equal(problems.asProblem(problem), problem);
  assert.match(problems.asProblem(new TypeError("odd")).text, /odd/);
});
