"""A brain that follows a script: the fake behind every test of a conversation.

In process it is a `LanguageModel`. From a shell it is a server of Chat Completions, for a real server of ours or anybody else's:

    python -m vivavoce.testing.brain script.yaml --port 9000
    VIVAVOCE_LLM_BASE_URL=http://127.0.0.1:9000/v1 vivavoce serve
    curl http://127.0.0.1:9000/v1/requests          # what it was asked: the contexts

`vivavoce.testing.script_file` describes the script, in YAML or TOML; `vivavoce.testing.chat_server` the server.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from vivavoce.engines.ports import Capabilities, EngineFault, LlmDelta, LlmFinish, LlmRequest
from vivavoce.testing.script import AnswerLike, Cut, Fail, Garbage, Incident, Script, ScriptError, Sleep, count_words


class ScriptedBrain:
    """A `LanguageModel` that answers by script and records what it was asked.

        brain = ScriptedBrain("Hello!", [Say("One moment."), CallTool("get_weather", {"city": "Oslo"})])

    Args:
        answers: see `vivavoce.testing.script`.
        script: a script made or loaded elsewhere, in place of `answers`.
        repeat: begin again after the last answer.
        sleep: how to wait; give your own for a virtual clock.

    Attributes:
        requests: every request, in order.
        finished: how many answers were read to their end.
        cancelled: how many were closed before it.
        closed: whether `close` has been called.
    """

    def __init__(
        self, *answers: AnswerLike, script: Script | None = None, repeat: bool = False, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._script = script or Script(*answers, repeat=repeat)
        self._sleep = sleep
        self.requests: list[LlmRequest] = []
        self.finished = 0
        self.cancelled = 0
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says."""
        return Capabilities("scripted brain", "Apache-2.0", streaming=True, images=True, quality="null")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def prepare(self, instructions: str, tools: tuple[Mapping[str, Any], ...]) -> None:
        """Do nothing: there is nothing to get ready."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    async def generate(self, request: LlmRequest) -> AsyncGenerator[LlmDelta, None]:
        """Follow the script for one request.

        Raises:
            EngineFault: the script says so, or it has no answer left.
        """
        self.requests.append(request)
        heard = next((m.text for m in reversed(request.messages) if m.role in ("user", "tool")), "")
        try:
            steps = self._script.pick(heard)
        except ScriptError as error:
            raise EngineFault(str(error), temporary=False) from error
        input_tokens = count_words(message.text for message in request.messages)
        try:
            async with aclosing(self._script.play(steps, input_tokens=input_tokens, sleep=self._sleep)) as happenings:
                async for happening in happenings:
                    if isinstance(happening, Fail | Garbage | Cut):
                        raise fault_of_incident(happening)
                    if isinstance(happening, LlmFinish):
                        self.finished += 1
                    yield happening
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise


def fault_of_incident(incident: Incident) -> EngineFault:
    """Say what a session gets to see of an incident."""
    match incident:
        case Fail(message, status, code):
            return EngineFault(message, code=code, temporary=status >= 500 or status == 429)
        case Garbage():
            return EngineFault("the language model's server sent an answer that cannot be read")
        case Cut():
            return EngineFault("the language model's answer broke off before its end")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a script over Chat Completions from the command line."""
    import uvicorn

    from vivavoce.testing.chat_server import ChatServer
    from vivavoce.testing.script_file import load_script

    parser = argparse.ArgumentParser(prog="python -m vivavoce.testing.brain", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("script", help="a YAML or TOML file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free one; 9000 if not given")
    parser.add_argument("--api-key", help="the key clients must give")
    parser.add_argument("--refuse", action="append", default=[], metavar="NAME", help="a request parameter to refuse")
    options = parser.parse_args(arguments)
    try:
        server = ChatServer(script=load_script(options.script), api_key=options.api_key, refuses=options.refuse)
        listener = socket.create_server((options.host, options.port))
    except (ScriptError, OSError) as error:
        parser.error(str(error))
    print(f"answering at http://{options.host}:{listener.getsockname()[1]}/v1", flush=True)
    uvicorn.Server(uvicorn.Config(server.app, lifespan="off", log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
