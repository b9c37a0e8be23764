"""Captions by a server while somebody speaks: a realtime transcription session, in which this side says where a turn ends."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import soxr
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeClientEventParam
from websockets.exceptions import ConnectionClosed

from vivavoce.cli.call.call import hung_up
from vivavoce.cli.call.clock import SAMPLE_RATE_HZ
from vivavoce.cli.call.connect import connected
from vivavoce.cli.errors import FAILED, MISUSED, Trouble
from vivavoce.cli.files.hints import Hints
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.turns import Turn, turns
from vivavoce.engines.ports import SPEECH_RATE_HZ
from vivavoce.sessions.closing import closing

PATIENCE_S: Final = 60.0
"""How long the last words may take once all has been said."""

_PROMPTLESS: Final = frozenset({"gpt-realtime-whisper"})
"""Models that take no prompt. Source: wire reference C.6."""

_HARMLESS: Final = frozenset({"input_audio_buffer_commit_empty"})
_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription."


async def captioned(address: str, api_key: str, audio: AsyncIterator[bytes], model: str, hints: Hints) -> AsyncGenerator[Piece]:
    """Yield what is said while it is said.

    Args:
        address: the server's base address.
        api_key: the key.
        audio: 16 kHz s16le, as fast as it is spoken.
        model: a public model name.
        hints: what is known beforehand.

    Raises:
        Trouble: the server cannot be reached, refuses, or hung up.
        EngineFault: the detector of pauses failed.
    """
    captions = Captions()
    async with connected(address, model, api_key, intent="transcription") as connection:
        await _send(connection, {"type": "session.update", "session": _session(model, hints)})
        tasks = {
            asyncio.create_task(_speak(connection, audio, captions)),
            asyncio.create_task(_listen(connection, captions)),
        }
        try:
            while (piece := await captions.next(tasks)) is not None:
                yield piece
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _session(model: str, hints: Hints) -> Mapping[str, Any]:
    fields = hints.fields(model)
    if model in _PROMPTLESS and "prompt" in fields:
        raise Trouble(
            f"{model} takes neither --prompt nor --keywords on a server: leave them out, or name another --model", MISUSED
        )
    listening = {
        "format": {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ},
        "transcription": {"model": model, **fields},
        "turn_detection": None,
    }
    return {"type": "transcription", "audio": {"input": listening}}


async def _speak(connection: AsyncRealtimeConnection, audio: AsyncIterator[bytes], captions: Captions) -> None:
    """Send the speech, and commit each turn at its end. The silence between is not sent: nobody has to listen to it."""
    wire = soxr.ResampleStream(SPEECH_RATE_HZ, SAMPLE_RATE_HZ, 1, dtype="int16")
    async with closing(turns(audio)) as speech:
        async for part in speech:
            if isinstance(part, Turn):
                captions.committed(part)
                await _send(connection, {"type": "input_audio_buffer.commit"})
            else:
                pcm = wire.resample_chunk(np.frombuffer(part, "<i2"))
                if len(pcm):
                    data = base64.b64encode(pcm.astype("<i2").tobytes()).decode()
                    await _send(connection, {"type": "input_audio_buffer.append", "audio": data})
    await captions.all_told(PATIENCE_S)


async def _listen(connection: AsyncRealtimeConnection, captions: Captions) -> None:
    try:
        async for received in connection:
            captions.received(received.to_dict(mode="json"))
    except ConnectionClosed as closed:
        raise hung_up(closed) from closed
    raise Trouble("the server closed the connection: its log says why")


async def _send(connection: AsyncRealtimeConnection, event: Mapping[str, Any]) -> None:
    try:
        await connection.send(cast(RealtimeClientEventParam, event))
    except ConnectionClosed as closed:
        raise hung_up(closed) from closed


@dataclass(slots=True)
class _Item:
    """A turn on the server: what has been told of it and not been passed on, and how it ended."""

    waiting: str = ""
    told: str = ""
    transcript: str | None = None
    over: bool = False


class Captions:
    """Puts a session's events in order: one turn after the other, however they overlap."""

    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}
        self._order: deque[str] = deque()
        self._turns: deque[Turn] = deque()
        self._pieces: asyncio.Queue[Piece] = asyncio.Queue()
        self._failures: list[str] = []
        self._spoken = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    def committed(self, turn: Turn) -> None:
        """Take note of a turn whose end has been sent."""
        self._turns.append(turn)
        self._quiet.clear()

    async def all_told(self, patience_s: float) -> None:
        """Wait until every turn has been told.

        Raises:
            Trouble: that took too long, or something could not be understood.
        """
        try:
            async with asyncio.timeout(patience_s):
                await self._quiet.wait()
        except TimeoutError as error:
            raise Trouble(f"the server did not tell the last words within {patience_s:.0f} s", FAILED) from error
        if self._failures:
            raise Trouble(f"{len(self._failures)} stretches are missing. The first because: {self._failures[0]}", FAILED)

    def received(self, event: Mapping[str, Any]) -> None:
        """Take an event of the server.

        Raises:
            Trouble: it says that something is wrong.
        """
        kind = str(event["type"])
        if kind == "error":
            fault = event["error"]
            if fault.get("code") not in _HARMLESS:
                raise Trouble(f"the server refuses: {fault.get('message')}", FAILED)
        elif kind == "input_audio_buffer.committed":
            self._item(event)
        elif kind.startswith(_TRANSCRIPTION):
            self._transcribed(kind.removeprefix(_TRANSCRIPTION), event)
        self._pass_on()

    def _transcribed(self, kind: str, event: Mapping[str, Any]) -> None:
        item = self._item(event)
        match kind:
            case "delta":
                item.waiting += event["delta"]
            case "completed":
                item.over, item.transcript = True, str(event["transcript"])
            case "failed":
                item.over = True
                self._failures.append(str((event.get("error") or {}).get("message")))
            case _:
                pass

    def _item(self, event: Mapping[str, Any]) -> _Item:
        name = str(event["item_id"])
        if name not in self._items:
            self._items[name] = _Item()
            self._order.append(name)
        return self._items[name]

    def _pass_on(self) -> None:
        while self._order:
            item = self._items[self._order[0]]
            if item.waiting:
                self._say(item, item.waiting)
                item.waiting = ""
            if not item.over or not self._turns:
                return
            turn = self._turns.popleft()
            self._order.popleft()
            text = (item.told if item.transcript is None else item.transcript).strip()
            if item.transcript is not None and item.transcript.startswith(item.told):
                self._say(item, item.transcript[len(item.told) :])
            if text:
                self._pieces.put_nowait(Piece("", Line(turn.start_ms, turn.end_ms, text)))
            if not self._turns:
                self._quiet.set()

    def _say(self, item: _Item, text: str) -> None:
        if not text:
            return
        between = " " if self._spoken and not item.told and not text[0].isspace() else ""
        item.told += text
        self._spoken = True
        self._pieces.put_nowait(Piece(between + text))

    async def next(self, tasks: set[asyncio.Task[None]]) -> Piece | None:
        """Return the next piece, None when the speaking is over and everything has been told; raises what a task raised."""
        if not self._pieces.empty():
            return self._pieces.get_nowait()
        getting = asyncio.create_task(self._pieces.get())
        done, _ = await asyncio.wait({getting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if getting in done:
            return getting.result()
        getting.cancel()
        for task in done - {getting}:
            task.result()
        return None
