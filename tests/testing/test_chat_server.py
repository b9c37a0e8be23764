"""The scripted chat server, as the official client sees it, and the files it reads."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.script import CallTool, Count, Cut, Fail, Garbage, Hang, Say, ScriptError, Step, Think, Together, Wait
from vivavoce.testing.script_file import load_script, parse_script


@asynccontextmanager
async def client_of(server: ChatServer, api_key: str = "k") -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key=api_key, max_retries=0) as client:
        yield client


async def ask(client: openai.AsyncOpenAI, text: str = "hello") -> Any:
    return await client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])


async def test_whole_answers_are_given_to_clients_that_do_not_stream() -> None:
    calls = Together((CallTool("a", {"x": 1}, pieces=3), CallTool("b")))
    async with ChatServer([Think("Hm."), Say("Well, look."), calls]) as server, client_of(server) as client:
        answer = await ask(client)
    message = answer.choices[0].message
    assert (message.content, answer.choices[0].finish_reason) == ("Well, look.", "tool_calls")
    assert [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls] == [
        ("call_1", "a", '{"x": 1}'),
        ("call_2", "b", "{}"),
    ]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens_details.reasoning_tokens) == (1, 1)


async def test_usage_is_streamed_only_if_asked_for() -> None:
    async with ChatServer("Hi.", repeat=True) as server, client_of(server) as client:
        for wanted in (False, True):
            stream = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "hello"}],
                stream=True,
                stream_options={"include_usage": wanted},
            )
            usages = [chunk.usage async for chunk in stream if chunk.usage]
            assert len(usages) == wanted


async def test_models_are_listed() -> None:
    async with ChatServer(model="m1") as server, client_of(server) as client:
        assert [model.id async for model in client.models.list()] == ["m1"]


async def test_a_wrong_key_is_refused() -> None:
    async with ChatServer("Hi.", api_key="right") as server, client_of(server, api_key="wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await ask(client)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Fail("no", status=503), openai.InternalServerError),
        (Cut(), openai.APIConnectionError),
        (Garbage("{"), Exception),
    ],
)
async def test_it_breaks_for_clients_that_do_not_stream_too(step: Step, error: type[Exception]) -> None:
    async with ChatServer(step) as server, client_of(server) as client:
        with pytest.raises(error):
            await ask(client)


async def test_an_unexpected_request_is_answered_with_a_failure() -> None:
    async with ChatServer() as server, client_of(server) as client:
        with pytest.raises(openai.InternalServerError, match="no answer left for 'hello'"):
            await ask(client)


async def test_leaving_the_block_lets_nobody_wait() -> None:
    async with ChatServer(Hang()) as server, client_of(server) as client:
        asking = asyncio.create_task(ask(client))
        await server.asked.wait()
        await server.__aexit__()
        with pytest.raises(openai.APIError):
            await asking


SCRIPT = """
repeat = true

[[answer]]
say = "Hello there."

[[answer]]
when = "weather"
steps = [
    { think = "Hm.", delay_s = 0.5 },
    { say = "Let me look.", phase = "commentary" },
    { call = "get_weather", arguments = { city = "Oslo" }, pieces = 3, call_id = "c1" },
]

[[answer]]
steps = [
    { together = [{ call = "a" }, { call = "b", arguments = "not json" }] },
    { wait = 1 },
    { count = { input_tokens = 5, cached_tokens = 2 } },
]

[[answer]]
hang = true

[[answer]]
fail = "no capacity"
status = 503

[[answer]]
garbage = "{"

[[answer]]
cut = "politely"
"""


def test_a_script_file_holds_every_step() -> None:
    script = parse_script(SCRIPT)
    assert script.pick("what weather") == (
        Think("Hm.", 0.5),
        Say("Let me look.", "commentary"),
        CallTool("get_weather", {"city": "Oslo"}, "c1", 3),
    )
    in_order = [script.pick("") for _ in range(7)]
    assert in_order == [
        (Say("Hello there."),),
        (Together((CallTool("a"), CallTool("b", "not json"))), Wait(1), Count(5, 0, 2)),
        (Hang(),),
        (Fail("no capacity", 503),),
        (Garbage("{"),),
        (Cut(politely=True),),
        (Say("Hello there."),),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("answers = []", "unknown key 'answers'; known are repeat, answer"),
        ("[[answer]]", "answer 1: needs exactly one of say, think"),
        ('[[answer]]\nsay = "a"\nthink = "b"', "has say, think"),
        ("[[answer]]\nsay = 5", "answer 1: say: 5 should be str"),
        ('[[answer]]\nsay = "a"\npieces = 2', "unknown key 'pieces'"),
        (
            '[[answer]]\nsteps = [{ say = "a" }, { cut = "gently" }]',
            "answer 1, step 2: cut: 'gently' should be one of rudely, politely",
        ),
        ("[[answer]]\nhang = false", "should be one of True"),
        ("[[answer]]\nwait = true", "should be int or float"),
        ('[[answer]]\ntogether = [{ say = "a" }]', "only calls"),
        ("[[answer]]\ncount = { tokens = 1 }", "unknown key 'tokens'"),
        ('[[answer]]\nsay = "a"\nwhen = "("', "no regular expression"),
        ("[[answer", "not TOML"),
        ("repeat = 1", "repeat: 1 should be bool"),
    ],
)
def test_a_wrong_script_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(text)
    assert message in str(caught.value)


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        load_script(tmp_path / "none.toml")


async def test_it_runs_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text('[[answer]]\nsay = "Hello from afar."\n', encoding="utf-8")
    arguments = ["-m", "vivavoce.testing.brain", str(path), "--port", "0"]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().split()[-1]
        async with openai.AsyncOpenAI(base_url=address, api_key="k") as client:
            answer = await ask(client)
        assert answer.choices[0].message.content == "Hello from afar."
    finally:
        process.terminate()
        await process.communicate()


def test_yaml_has_the_same_vocabulary() -> None:
    text = """
repeat: true
answer:
  - say: Hello there.
  - when: weather
    steps:
      - {say: Let me look., delay_s: 0.5}
      - {call: get_weather, arguments: {city: Oslo}, pieces: 3}
"""
    script = parse_script(text, "yaml")
    assert script.pick("weather") == (Say("Let me look.", None, 0.5), CallTool("get_weather", {"city": "Oslo"}, pieces=3))
    assert [script.pick(""), script.pick("")] == [(Say("Hello there."),)] * 2


@pytest.mark.parametrize(("name", "message"), [("a.yaml", "not YAML"), ("a.YML", "not YAML"), ("a.toml", "not TOML")])
def test_the_ending_of_a_file_says_its_language(tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / name
    path.write_text("answer: [", encoding="utf-8")
    with pytest.raises(ScriptError, match=message) as caught:
        load_script(path)
    assert "\n" not in str(caught.value)


def test_a_script_that_is_no_table_is_refused() -> None:
    with pytest.raises(ScriptError, match="should be dict"):
        parse_script("- say: a", "yaml")


def test_without_pyyaml_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ScriptError, match=r"pip install 'vivavoce\[testing\]'"):
        parse_script("repeat: true", "yaml")


async def test_what_it_was_asked_can_be_read_from_outside() -> None:
    async with ChatServer("Hi.", api_key="k") as server, client_of(server) as client, httpx.AsyncClient() as web:
        await ask(client, "who is there?")
        url, key = f"{server.base_url}/requests", {"authorization": "Bearer k"}
        assert (await web.get(url)).status_code == 401
        assert (await web.get(url, headers=key)).json()["data"] == server.requests
        assert server.requests[0]["messages"] == [{"role": "user", "content": "who is there?"}]
        assert (await web.delete(url, headers=key)).status_code == 204
        assert (await web.get(url, headers=key)).json()["data"] == []
