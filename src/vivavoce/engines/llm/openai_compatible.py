"""A brain behind any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, Ollama, hosted services, OpenAI itself.

Speaks streaming Chat Completions through the official client. How the request is written: `messages.py`, `tools.py`,
`chat_options.py`; how the answer is read: `chat_chunks.py`; how failures are worded: `chat_faults.py`. Here: connections,
waiting, and letting go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import openai
from openai import AsyncOpenAI, AsyncStream, Omit
from openai.types.chat import ChatCompletionChunk

from vivavoce.engines.llm.chat_chunks import ChunkReader
from vivavoce.engines.llm.chat_faults import fault_of
from vivavoce.engines.llm.chat_options import REFUSALS, ChatOptions
from vivavoce.engines.llm.messages import chat_messages
from vivavoce.engines.llm.tools import chat_tool_choice, chat_tools
from vivavoce.engines.ports import Capabilities, EngineFault, LlmDelta, LlmRequest

RECONNECT_DELAY_S = 0.1
"""Pause before the one retry after a refused or reset connection; enough for a keep-alive that had just been dropped."""

USAGE_GRACE_S = 2.0
"""How long to wait for the usage and the end of the stream once the backend has said that it finished."""

KEEP_ALIVE_S = 120.0
"""How long an idle connection is kept: turns come seconds apart, and a new TLS handshake would be heard as delay."""

_ANONYMOUS = "none"


class OpenAICompatibleLlm:
    """A `LanguageModel` over Chat Completions.

    Args:
        base_url: the endpoint up to and including `/v1`.
        model: its name there; None asks `GET /models` once and takes the first.
        api_key: sent as bearer token; None sends none. Keys of the environment (`OPENAI_API_KEY`) are never used.
        timeout_s: the longest one answer may keep us waiting, all told. Time the listener takes is not counted.
        first_token_timeout_s: the longest wait for the first text, reasoning or call.
        stall_timeout_s: the longest silence after that.
        extra_body: further fields for every request, such as `{"temperature": 0.3}` or
            `{"chat_template_kwargs": {"enable_thinking": False}}`.
        extra_headers: further headers for every request.

    Source: https://platform.openai.com/docs/api-reference/chat/create for the protocol.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 120.0,
        first_token_timeout_s: float = 20.0,
        stall_timeout_s: float = 15.0,
        images: bool = True,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._model = model
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._first_token_timeout_s = first_token_timeout_s
        self._stall_timeout_s = stall_timeout_s
        self._images = images
        self._extra_body = dict(extra_body or {})
        # The client fills these in from the environment, where they belong to OpenAI, not to this endpoint.
        self._headers: dict[str, str | Omit] = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
        if not api_key:
            self._headers["Authorization"] = Omit()
        self._headers.update(extra_headers or {})
        self._options = ChatOptions(official=urlsplit(base_url).hostname == "api.openai.com")
        self._model_lookup = asyncio.Lock()
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key or _ANONYMOUS, timeout=timeout_s, max_retries=0, http_client=_http_client()
        )

    @property
    def capabilities(self) -> Capabilities:
        """What is known of a model one only has the address of."""
        return Capabilities(
            name=f"openai-compatible ({self._model or 'first model of the endpoint'})",
            licence="that of the model behind the endpoint",
            streaming=True,
            images=self._images,
            quality="good",
        )

    async def warm(self) -> None:
        """Open a connection, find the model if none is configured, and see that the key is taken.

        Raises:
            EngineFault: nobody answers there, the key is refused, or there is no model to be found.
        """
        try:
            first = await self._first_model()
        except EngineFault as fault:
            answered = isinstance(fault.__cause__, openai.APIStatusError) and fault.__cause__.status_code not in (401, 403)
            if not (self._model and answered):
                raise
            return  # no list of models there, but somebody answers, and the model is known
        self._model = self._model or first

    async def prepare(self, instructions: str, tools: tuple[Mapping[str, Any], ...]) -> None:
        """Do nothing: backends fill their prefix caches with the first request."""

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.close()

    async def generate(self, request: LlmRequest) -> AsyncGenerator[LlmDelta, None]:
        """Answer once; see `LanguageModel.generate`.

        Closing the generator closes the HTTP stream, upon which backends stop computing.

        Raises:
            EngineFault: the backend refused, broke off, sent garbage or hung.
        """
        for last_try in (False, True):
            begun = False
            try:
                async with aclosing(self._answer(request)) as deltas:
                    async for delta in deltas:
                        begun = True
                        yield delta
                return
            except EngineFault as fault:
                if begun or last_try or not _lost_connection(fault):
                    raise
            await asyncio.sleep(RECONNECT_DELAY_S)

    async def _answer(self, request: LlmRequest) -> AsyncGenerator[LlmDelta, None]:
        """Ask once and read the answer to its end."""
        patience = _Patience(self._timeout_s, self._first_token_timeout_s)
        body = await self._body(request, patience)
        stream = await self._open(request, body, patience)
        reader = ChunkReader()
        try:
            while True:
                try:
                    chunk = await self._next(stream, patience)
                except EngineFault:
                    if not reader.complete:
                        raise
                    break  # the answer is whole, only the usage or the end of the stream is missing
                if chunk is None:
                    break
                deltas = reader.read(chunk)
                if reader.complete:
                    patience.each_s = min(USAGE_GRACE_S, self._stall_timeout_s)
                elif deltas:
                    patience.each_s = self._stall_timeout_s
                for delta in deltas:
                    yield delta
            for delta in reader.finish():
                yield delta
        finally:
            await stream.close()

    async def _body(self, request: LlmRequest, patience: _Patience) -> dict[str, Any]:
        if self._model is None:
            async with self._model_lookup, patience.waiting():
                self._model = self._model or await self._first_model()
        body: dict[str, Any] = {"model": self._model, "messages": chat_messages(request.messages)}
        tools = chat_tools(request.tools)
        if tools:
            body["tools"] = tools
            choice = chat_tool_choice(request.tool_choice)
            if choice != "auto":  # the default; some backends refuse to be told
                body["tool_choice"] = choice
        return body

    async def _open(self, request: LlmRequest, body: dict[str, Any], patience: _Patience) -> AsyncStream[ChatCompletionChunk]:
        """Send the request; once more without whatever optional parameter the backend refuses."""
        refusal: openai.APIStatusError | None = None
        while True:
            options = self._options.of(request)
            guessing = refusal is not None
            if guessing:
                del options["stream_options"]
            try:
                async with patience.waiting():
                    stream: AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(
                        **body, **options, stream=True, extra_body=self._extra_body, extra_headers=self._headers
                    )
            except openai.APIStatusError as error:
                if refusal is None and error.status_code in REFUSALS:
                    if self._options.learn(options, error):
                        continue
                    if self._options.usage_in_doubt(options):
                        refusal = error  # it does not say why: the usual reason is that it knows no stream_options
                        continue
                raise self._fault(refusal or error) from error
            except openai.APIError as error:
                raise self._fault(error) from error
            if guessing:
                self._options.refuse("stream_options", None)
            self._options.accepted(options)
            return stream

    async def _next(self, stream: AsyncStream[ChatCompletionChunk], patience: _Patience) -> object:
        """Return the next chunk, or None at the end of the stream."""
        try:
            async with patience.waiting():
                return await anext(stream, None)
        except EngineFault:
            raise
        except openai.APIConnectionError as error:
            raise EngineFault("the language model's server broke off the connection") from error
        except openai.APIError as error:
            raise self._fault(error) from error
        except Exception as error:  # the client parses whatever the backend sends, and raises whatever its parsers do
            raise EngineFault("the language model's server sent an answer that cannot be read") from error

    async def _first_model(self) -> str:
        try:
            async with asyncio.timeout(self._first_token_timeout_s):
                page = await self._client.models.list(extra_headers=self._headers)
            names = [model.id for model in page.data]
        except TimeoutError as error:
            raise EngineFault("the language model's server did not answer in time") from error
        except openai.APIError as error:
            raise self._fault(error) from error
        except Exception as error:  # as in _next: anything may come back instead of a list of models
            raise EngineFault("the language model's server sent a list of models that cannot be read") from error
        if not names or not isinstance(names[0], str):
            raise EngineFault("the language model's server has no model; configure one", temporary=False)
        return names[0]

    def _fault(self, error: openai.APIError) -> EngineFault:
        return fault_of(error, secret=self._api_key)


class _Patience:
    """How long to wait for the backend: `each_s` for the next thing, `total_s` over the whole answer.

    Only time inside `waiting()` counts: a slow listener, for whom the session pauses the generation, does not make the backend
    late.
    """

    def __init__(self, total_s: float, each_s: float) -> None:
        self.each_s = each_s
        self._left_s = total_s

    def waiting(self) -> _Wait:
        return _Wait(self, min(self.each_s, self._left_s))

    def spend(self, seconds: float) -> None:
        self._left_s = max(0.0, self._left_s - seconds)


class _Wait:
    """One stretch of waiting; running out of patience raises `EngineFault`."""

    def __init__(self, patience: _Patience, limit_s: float) -> None:
        self._patience = patience
        self._limit_s = limit_s
        self._timeout = asyncio.timeout(limit_s)
        self._since = 0.0

    async def __aenter__(self) -> None:
        self._since = asyncio.get_running_loop().time()
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._patience.spend(asyncio.get_running_loop().time() - self._since)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise EngineFault(f"the language model's server fell silent for {self._limit_s:g} s") from late


def _http_client() -> Any:
    """Return the client's own HTTP client with a longer keep-alive than its default of 5 s.

    The class of `DEFAULT_CONNECTION_LIMITS` is taken rather than imported: which HTTP library it comes from depends on the
    version of the client.
    """
    usual = openai.DEFAULT_CONNECTION_LIMITS
    limits = type(usual)(
        max_connections=usual.max_connections,
        max_keepalive_connections=usual.max_keepalive_connections,
        keepalive_expiry=KEEP_ALIVE_S,
    )
    return openai.DefaultAsyncHttpxClient(limits=limits)


def _lost_connection(fault: EngineFault) -> bool:
    """Tell whether the connection was refused or reset, as against an answer that came late or wrong."""
    return isinstance(fault.__cause__, openai.APIConnectionError) and not isinstance(fault.__cause__, openai.APITimeoutError)
