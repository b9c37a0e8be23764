"""What `POST /v1/responses` reads, and what it refuses: every refusal in the official words, and nothing accepted that is not done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from kit import MODEL, Serving, scripted, serving
from vivavoce.engines.ports import Capabilities, Message, ToolCall
from vivavoce.testing.brain import ScriptedBrain

KEY = "sk-test-1234567890"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True}
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "done"}


class Blind(ScriptedBrain):
    """A brain that sees nothing."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("blind brain", "Apache-2.0")


class Desk:
    """Where requests are handed in.

    Attributes:
        brain: who answers them.
    """

    def __init__(self, running: Serving, brain: ScriptedBrain, http: httpx.AsyncClient) -> None:
        self.running = running
        self.brain = brain
        self.http = http

    async def post(self, body: Any) -> httpx.Response:
        return await self.http.post("/v1/responses", json=body)

    async def read(self, given: Any, **body: Any) -> tuple[Message, ...]:
        """Return what the brain reads of an input."""
        answer = await self.post({"model": MODEL, "input": given, **body})
        assert answer.status_code == 200, answer.text
        return self.brain.requests[-1].messages

    async def refused(self, status: int = 400, **body: Any) -> tuple[str | None, str | None, str]:
        """Return the code, the parameter and the message of a refusal; the brain was not asked."""
        asked = len(self.brain.requests)
        answer = await self.post({"model": MODEL, "input": "hi", **body})
        error = answer.json()["error"]
        assert answer.status_code == status and error["type"] == "invalid_request_error", answer.text
        assert len(self.brain.requests) == asked
        return error["code"], error["param"], error["message"]


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    brain = ScriptedBrain("Yes.", repeat=True)
    headers = {"Authorization": f"Bearer {KEY}"}
    stacks = {"": scripted(brain=brain), "gpt-audio": scripted(brain=Blind("Yes.", repeat=True))}
    async with serving(stacks, keys=(KEY,)) as running, httpx.AsyncClient(base_url=running.url, headers=headers) as http:
        yield Desk(running, brain, http)


# --- what is read ---------------------------------------------------------------------------------------------------------------


async def test_messages_of_every_role_are_read_with_and_without_a_type(desk: Desk) -> None:
    given = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}], "status": "completed"},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "phase": "final_answer",
            "content": [{"type": "output_text", "text": "Hello.", "annotations": [], "logprobs": []}],
        },
        {"role": "system", "content": [{"type": "input_text", "text": "Speak French."}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not."}]},
        {"role": "assistant", "content": []},
        {"role": "user", "content": "Why?"},
    ]
    assert await desk.read(given, instructions="You help.") == (
        Message("system", "You help."),
        Message("system", "Be brief."),
        Message("user", "Hi."),
        Message("assistant", "Hello."),
        Message("system", "Speak French."),
        Message("assistant", "I will not."),
        Message("user", "Why?"),
    )


async def test_calls_are_followed_by_their_outputs_and_thoughts_are_left_out(desk: Desk) -> None:
    given = [
        {"role": "user", "content": "Go."},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "…"},
        CALL,
        {**CALL, "call_id": "call_2", "arguments": '{"a": 1}', "id": "fc_2", "status": "completed"},
        {"role": "user", "content": "And?"},
        {**OUTPUT, "call_id": "call_2", "output": [{"type": "input_text", "text": "two"}]},
        OUTPUT,
    ]
    assert await desk.read(given) == (
        Message("user", "Go."),
        Message("assistant", tool_calls=(ToolCall("call_1", "f", "{}"), ToolCall("call_2", "f", '{"a": 1}'))),
        Message("tool", "done", call_id="call_1"),
        Message("tool", "two", call_id="call_2"),
        Message("user", "And?"),
    )


async def test_images_are_shown_to_a_brain_that_sees(desk: Desk) -> None:
    parts = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": PIXEL, "detail": "original"},
    ]
    given = [{"role": "user", "content": parts}]
    assert await desk.read(given) == (Message("user", "What is it?", (PIXEL,)),)
    code, param, _ = await desk.refused(model="gpt-audio", input=given)
    assert (code, param) == ("invalid_value", "input[0].content[1]")


async def test_what_changes_nothing_here_is_accepted(desk: Desk) -> None:
    harmless = {
        "background": False,
        "store": False,
        "truncation": "disabled",
        "temperature": 1,
        "top_p": 1.0,
        "top_logprobs": 0,
        "service_tier": "auto",
        "include": ["reasoning.encrypted_content", "file_search_call.results"],
        "reasoning": {"effort": "none", "summary": "auto", "mode": "standard"},
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "prompt_cache_retention": "24h",
        "max_tool_calls": 3,
        "safety_identifier": "somebody",
        "previous_response_id": None,
        "conversation": None,
        "prompt": None,
        "tools": [],
        "stream": False,
    }
    assert await desk.read("hi", **harmless) == (Message("user", "hi"),)


# --- what is refused ------------------------------------------------------------------------------------------------------------


def said(role: str, *parts: Any) -> list[Any]:
    return [{"role": role, "content": list(parts)}]


WRONG: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"model": None}, "invalid_type", "model"),
    ({"input": None}, "missing_required_parameter", "input"),
    ({"input": 7}, "invalid_type", "input"),
    ({"input": []}, "empty_array", "input"),
    ({"input": ["hi"]}, "invalid_type", "input[0]"),
    ({"input": [{"role": "narrator", "content": "hi"}]}, "invalid_value", "input[0].role"),
    ({"input": [{"role": "user"}]}, "missing_required_parameter", "input[0].content"),
    ({"input": [{"role": "user", "content": {}}]}, "invalid_type", "input[0].content"),
    ({"input": said("user", {"type": "output_text", "text": "hi"})}, "invalid_value", "input[0].content[0].type"),
    ({"input": said("user", {"type": "input_file", "file_id": "f"})}, "invalid_value", "input[0].content[0].type"),
    ({"input": said("assistant", {"type": "input_text", "text": "hi"})}, "invalid_value", "input[0].content[0].type"),
    ({"input": said("user", {"type": "input_text"})}, "missing_required_parameter", "input[0].content[0].text"),
    (
        {"input": said("user", {"type": "input_image", "file_id": "file_1"})},
        "invalid_type",
        "input[0].content[0].image_url",
    ),
    (
        {"input": said("user", {"type": "input_image", "image_url": "https://example.com/cat.png"})},
        "invalid_image_url",
        "input[0].content[0].image_url",
    ),
    ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "invalid_value", "input[0].type"),
    ({"input": [CALL]}, None, "input"),
    ({"input": [OUTPUT]}, None, "input"),
    ({"input": [OUTPUT, CALL]}, None, "input"),
    ({"input": [CALL, {**OUTPUT, "output": 7}]}, "invalid_type", "input[1].output"),
    ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
    ({"tools": [{"type": "mcp", "server_label": "x"}]}, "invalid_value", "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].name"),
    ({"tools": [{**TOOL, "defer_loading": True}]}, "invalid_value", "tools[0].defer_loading"),
    ({"tools": [{**TOOL, "meta": 1}]}, "unknown_parameter", "tools[0].meta"),
    ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
    ({"tool_choice": "maybe"}, "invalid_value", "tool_choice"),
    ({"tool_choice": {"type": "function", "name": "g"}, "tools": [TOOL]}, "invalid_value", "tool_choice"),
    ({"tool_choice": {"type": "web_search"}, "tools": [TOOL]}, "invalid_value", "tool_choice.type"),
    (
        {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": []}, "tools": [TOOL]},
        "invalid_value",
        "tool_choice",
    ),
    ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {}}}}, "invalid_value", "text.format.type"),
    ({"text": {"format": {"type": "json_object"}}}, "invalid_value", "text.format.type"),
    ({"max_output_tokens": 15}, "integer_below_min_value", "max_output_tokens"),
    ({"reasoning": {"effort": "huge"}}, "invalid_value", "reasoning.effort"),
    ({"reasoning": {"mode": "pro"}}, "invalid_value", "reasoning.mode"),
    ({"include": ["message.output_text.logprobs"]}, "invalid_value", "include[0]"),
    ({"include": ["everything"]}, "invalid_value", "include[0]"),
    ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
    ({"temperature": 0.2}, "unsupported_parameter", "temperature"),
    ({"temperature": 3}, "decimal_above_max_value", "temperature"),
    ({"top_p": 0.5}, "unsupported_parameter", "top_p"),
    ({"truncation": "auto"}, "invalid_value", "truncation"),
    ({"background": True}, "invalid_value", "background"),
    ({"store": True}, "invalid_value", "store"),
    ({"service_tier": "priority"}, "invalid_value", "service_tier"),
    ({"stream_options": {"include_obfuscation": True}}, None, "stream_options"),
    ({"previous_response_id": "resp_1"}, "previous_response_not_found", "previous_response_id"),
    ({"prompt": {"id": "pmpt_1"}}, "unsupported_parameter", "prompt"),
    ({"moderation": {"model": "omni-moderation-latest"}}, "unsupported_parameter", "moderation"),
    ({"context_management": [{"type": "compaction"}]}, "unsupported_parameter", "context_management"),
    ({"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
    ({"max_tokens": 16}, "unknown_parameter", "max_tokens"),
]


@pytest.mark.parametrize(("body", "code", "param"), WRONG, ids=lambda value: str(value)[:60])
async def test_what_is_wrong_or_not_done_is_refused_by_name(desk: Desk, body: Any, code: str | None, param: str | None) -> None:
    assert (await desk.refused(**body))[:2] == (code, param)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found."),
        ({"input": [CALL]}, "No tool output found for function call call_1."),
        ({"input": [OUTPUT]}, "No tool call found for function call output with call_id call_1."),
        ({"temperature": 0.2}, "Unsupported parameter: 'temperature' is not supported with this model."),
        ({"tools": [{"type": "web_search"}]}, "Invalid value: 'web_search'. Supported values are: 'function'."),
        ({"text": {"format": {"type": "json_object"}}}, "Invalid value: 'json_object'. Supported values are: 'text'."),
    ],
)
async def test_refusals_are_worded_as_the_service_words_them(desk: Desk, body: Any, words: str) -> None:
    assert (await desk.refused(**body))[2] == words


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
async def test_what_was_never_kept_is_not_found(desk: Desk, conversation: Any) -> None:
    assert (await desk.refused(404, conversation=conversation))[2] == "Conversation with id 'conv_1' not found."
    item = [{"type": "item_reference", "id": "msg_1"}]
    assert (await desk.refused(404, input=item))[2] == "Item with id 'msg_1' not found."
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
        answer = await desk.http.request(method, f"/v1/responses/resp_1{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "Response with id 'resp_1' not found."


async def test_models_that_do_not_answer_in_text_are_refused(desk: Desk) -> None:
    assert (await desk.refused(404, model="gpt-9"))[0] == "model_not_found"
    assert (await desk.refused(model="whisper-1"))[:2] == ("invalid_model", "model")
    assert (await desk.refused(model="gpt-4o-mini-tts"))[:2] == ("invalid_model", "model")


async def test_a_key_is_needed_and_a_client_secret_is_none(desk: Desk) -> None:
    body = {"model": MODEL, "input": "hi"}
    wrong = await desk.http.post("/v1/responses", json=body, headers={"Authorization": "Bearer sk-wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    secret = (await desk.http.post("/v1/realtime/client_secrets", json={})).json()["value"]
    opened = await desk.http.post("/v1/responses", json=body, headers={"Authorization": f"Bearer {secret}"})
    assert opened.status_code == 403


async def test_a_body_that_is_no_object_is_refused(desk: Desk) -> None:
    broken = await desk.http.post("/v1/responses", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_json")
    assert (await desk.post([])).json()["error"]["code"] == "invalid_json"
