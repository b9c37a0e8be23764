"""A LiveKit realtime session without a LiveKit server, and everything it was told.

The plugin's `RealtimeModel` and `RealtimeSession` are used as `livekit.agents.AgentSession` uses them: frames of audio in, generations with
their streams of text, audio and function calls out. What the plugin logs as a warning or worse, and every error it emits, makes a scenario
red unless the scenario said that it would come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, llm
from livekit.plugins.openai.realtime import RealtimeModel, RealtimeSession
from scenarios import API_KEY, MODEL, URL, Found, expect, silence, speech, until

PATIENCE_S = 15.0
"""How long to wait for any one thing, in seconds."""

FRAME_MS = 20
RATE_HZ = 24_000


@dataclass
class Message:
    """One message of a generation, as its streams gave it."""

    id: str
    text: str = ""
    audio_samples: int = 0
    modalities: list[str] = field(default_factory=list)

    @property
    def audio_ms(self) -> int:
        """How long it sounds."""
        return self.audio_samples * 1000 // RATE_HZ


@dataclass
class Answer:
    """A generation that has come to its end."""

    response_id: str | None
    user_initiated: bool
    messages: list[Message] = field(default_factory=list)
    calls: list[llm.FunctionCall] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What all its messages say."""
        return " ".join(message.text for message in self.messages)


class Driver:
    """A session, its wire, its events and its microphone."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.received: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.emitted: dict[str, list[Any]] = {}
        self._news = asyncio.Event()
        self._speech = b""
        session.on("openai_server_event_received", self._on_received)
        session.on("openai_client_event_queued", self._on_sent)
        for name in (
            "input_speech_started",
            "input_speech_stopped",
            "input_audio_transcription_completed",
            "generation_created",
            "session_reconnected",
            "metrics_collected",
            "remote_item_added",
            "error",
        ):
            session.on(name, self._recorder(name))

    # --- what came ---------------------------------------------------------------------------------------------------------------

    async def server(self, kind: str, since: int = 0, **fields: Any) -> dict[str, Any]:
        """Wait for an event of the server of that type whose fields have these values; `since` skips what came before."""

        def find() -> dict[str, Any] | None:
            events = self.received[since:]
            return next((e for e in events if e["type"] == kind and all(e.get(k) == v for k, v in fields.items())), None)

        return await self.until(find, f"{kind} {fields or ''}")

    async def event(self, name: str, count: int = 1) -> Any:
        """Wait for the session's `count`-th event of that name."""
        return await self.until(lambda: self._nth(name, count), f"{name} ({count})")

    async def final_transcript(self, count: int = 1) -> llm.InputTranscriptionCompleted:
        """Wait for the `count`-th final transcript of the user's speech."""
        name = "input_audio_transcription_completed"

        def find() -> llm.InputTranscriptionCompleted | None:
            finals = [event for event in self.emitted.get(name, []) if event.is_final]
            return finals[count - 1] if len(finals) >= count else None

        return await self.until(find, f"final transcript ({count})")

    async def until(self, find: Callable[[], Found | None], what: str) -> Found:
        """Wait until `find` finds something."""

        def vain() -> str:
            last = ", ".join(event["type"] for event in self.received[-6:])
            return f"{what}; the last events were {last}"

        return await until(find, self._news, vain, PATIENCE_S)

    def sent_of(self, kind: str) -> list[dict[str, Any]]:
        """Return the client events of that type, in order."""
        return [event for event in self.sent if event["type"] == kind]

    def types(self, since: int = 0) -> list[str]:
        """Return the types of the server's events."""
        return [event["type"] for event in self.received[since:]]

    def _nth(self, name: str, count: int) -> Any:
        events = self.emitted.get(name, [])
        return events[count - 1] if len(events) >= count else None

    def _on_received(self, event: dict[str, Any]) -> None:
        self.received.append(dict(event))
        self._news.set()

    def _on_sent(self, event: dict[str, Any]) -> None:
        self.sent.append(event)
        self._news.set()

    def _recorder(self, name: str) -> Callable[[Any], None]:
        def record(event: Any) -> None:
            self.emitted.setdefault(name, []).append(event)
            self._news.set()

        return record

    # --- what is asked -----------------------------------------------------------------------------------------------------------

    async def ask(self, text: str, **options: Any) -> Answer:
        """Add a user message and have it answered, to the end."""
        await self.add(llm.ChatMessage(role="user", content=[text]))
        return await self.reply(**options)

    async def reply(self, **options: Any) -> Answer:
        """Have a reply generated, to its end."""
        return await collect(await patiently(self.session.generate_reply(**options), "generate_reply"))

    async def add(self, *items: llm.ChatItem) -> None:
        """Append items to the chat context, as the framework does before a reply."""
        context = self.session.chat_ctx.copy()
        context.items.extend(items)
        await self.session.update_chat_ctx(context)

    async def answer(self, count: int = 1) -> Answer:
        """Wait for the session's `count`-th generation, which the server may have begun, to its end."""
        return await collect(await self.event("generation_created", count))

    # --- audio in ----------------------------------------------------------------------------------------------------------------

    def say(self, name: str) -> None:
        """Have the microphone hear a recording of the suite next."""
        self._speech += speech(name)

    def push(self, pcm: bytes) -> None:
        """Push audio at once, in frames."""
        size = 2 * RATE_HZ * FRAME_MS // 1000
        for start in range(0, len(pcm), size):
            chunk = pcm[start : start + size]
            self.session.push_audio(rtc.AudioFrame(chunk, RATE_HZ, 1, len(chunk) // 2))

    async def listen(self) -> None:
        """Push what is said, else silence, in real time; for ever."""
        size = 2 * RATE_HZ * FRAME_MS // 1000
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk, self._speech = self._speech[:size], self._speech[size:]
            self.push(chunk + bytes(size - len(chunk)) if chunk else silence(FRAME_MS))
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))


@asynccontextmanager
async def livekit(
    *,
    microphone: bool = False,
    expects: Iterable[str] = (),
    base_url: str = URL,
    api_key: str = API_KEY,
    max_retry: int = 0,
    **options: Any,
) -> AsyncIterator[Driver]:
    """Open a session with the suite's server, and find fault with anything it complained about.

    Args:
        microphone: keep a microphone open, which hears silence until told otherwise.
        expects: parts of the log lines and errors that are meant to come; each must.
        base_url: where the server is.
        api_key: the key to bring.
        max_retry: how often the plugin may connect again.
        options: of `RealtimeModel`.
    """
    connecting = APIConnectOptions(max_retry=max_retry, retry_interval=0.2, timeout=10.0)
    model = RealtimeModel(base_url=base_url, api_key=api_key, model=MODEL, conn_options=connecting, **options)
    with blameless(expects) as complaints:
        driver = Driver(model.session())
        listening = asyncio.create_task(driver.listen()) if microphone else None
        try:
            yield driver
        finally:
            if listening is not None:
                listening.cancel()
            try:
                await driver.session.aclose()
            finally:
                await model.aclose()
        complaints += [f"error event: {event.error} {event.error.__dict__}" for event in driver.emitted.get("error", [])]


@contextmanager
def blameless(expects: Iterable[str] = ()) -> Iterator[list[str]]:
    """Find fault with anything the plugin complains about while the block runs; whatever else is wrong may be added to the list.

    Args:
        expects: parts of the complaints that are meant to come; each must.
    """
    complaints = _Complaints()
    logging.getLogger("livekit").addHandler(complaints)
    try:
        yield complaints.lines
    finally:
        logging.getLogger("livekit").removeHandler(complaints)
    wanted = tuple(expects)
    unexpected = [fault for fault in complaints.lines if not any(part in fault for part in wanted)]
    expect(not unexpected, f"the plugin complained: {unexpected}")
    missing = [part for part in wanted if not any(part in fault for fault in complaints.lines)]
    expect(not missing, f"the plugin did not complain about {missing}")


async def collect(generation: llm.GenerationCreatedEvent) -> Answer:
    """Read a generation's streams to their ends."""
    answer = Answer(generation.response_id, generation.user_initiated)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(_read_calls(generation, answer))
        async for stream in generation.message_stream:
            message = Message(stream.message_id)
            answer.messages.append(message)
            group.create_task(_read_text(stream, message))
            group.create_task(_read_audio(stream, message))
    return answer


async def patiently(future: Awaitable[Any], what: str) -> Any:
    """Await something for as long as patience lasts."""
    try:
        return await asyncio.wait_for(future, PATIENCE_S)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


async def _read_calls(generation: llm.GenerationCreatedEvent, answer: Answer) -> None:
    async for call in generation.function_stream:
        answer.calls.append(call)


async def _read_text(stream: llm.MessageGeneration, message: Message) -> None:
    async for text in stream.text_stream:
        message.text += text


async def _read_audio(stream: llm.MessageGeneration, message: Message) -> None:
    async for frame in stream.audio_stream:
        message.audio_samples += frame.samples_per_channel
    message.modalities = list(await stream.modalities)


class _Complaints(logging.Handler):
    """The plugin's log lines from warnings upwards."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, with the error behind it."""
        cause = f": {record.exc_info[1]!r}" if record.exc_info and record.exc_info[1] else ""
        extra = {key: record.__dict__[key] for key in ("error", "errors", "lk.pii.event") if key in record.__dict__}
        self.lines.append(f"{record.levelname} {record.getMessage()}{cause} {extra or ''}".strip())
