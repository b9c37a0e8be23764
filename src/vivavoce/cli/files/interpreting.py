"""A recording interpreted by a server: a realtime translation session, heard at the pace of the recording."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final, cast

import numpy as np
import soxr
from openai import AsyncOpenAI
from openai.resources.realtime.translations.translations import AsyncTranslationsConnection
from openai.types.realtime import RealtimeTranslationClientEventParam
from websockets.exceptions import ConnectionClosed

from vivavoce.cli.call.call import hung_up
from vivavoce.cli.call.connect import plain_refusals
from vivavoce.cli.errors import FAILED, MISUSED, Trouble
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.sound import SOUND_HZ, Voiced
from vivavoce.engines.ports import SPEECH_RATE_HZ
from vivavoce.sessions.closing import closing

PATIENCE_S: Final = 120.0
"""How long the last words may take once all has been heard."""

_FRAME_BYTES: Final = SOUND_HZ * 2 // 5
"""200 ms: the natural unit. Source: wire reference D.2."""

_SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")
_PAUSE_MS: Final = 2_000
_LONGEST: Final = 200
"""What ends a line besides the end of a sentence: silence in ms, and letters."""


async def interpreted(
    address: str, api_key: str, audio: AsyncIterator[bytes], model: str, target: str
) -> AsyncGenerator[Piece | Voiced]:
    """Yield what is said in another language, written and spoken.

    Args:
        address: the server's base address.
        api_key: the key.
        audio: 16 kHz s16le, as fast as it is spoken.
        model: a public model name.
        target: the language wanted.

    Raises:
        Trouble: the server cannot be reached, refuses, or hung up.
    """
    async with AsyncOpenAI(base_url=address, api_key=api_key, max_retries=0) as client:
        with plain_refusals(address):
            connection = await client.realtime.translations.connect(model=model).enter()
        sending = asyncio.create_task(_speak(connection, audio, target))
        try:
            async with closing(_listen(connection, sending)) as parts:
                async for part in parts:
                    yield part
            await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await connection.close()


async def _speak(connection: AsyncTranslationsConnection, audio: AsyncIterator[bytes], target: str) -> None:
    await _send(connection, {"type": "session.update", "session": {"audio": {"output": {"language": target}}}})
    wire = soxr.ResampleStream(SPEECH_RATE_HZ, SOUND_HZ, 1, dtype="int16")
    held = b""
    async with closing(audio) as chunks:
        async for chunk in chunks:
            held += wire.resample_chunk(np.frombuffer(chunk, "<i2")).astype("<i2").tobytes()
            while len(held) >= _FRAME_BYTES:
                await _append(connection, held[:_FRAME_BYTES])
                held = held[_FRAME_BYTES:]
    held += wire.resample_chunk(np.empty(0, np.int16), last=True).astype("<i2").tobytes()
    if held:
        await _append(connection, held)
    await _send(connection, {"type": "session.close"})


async def _append(connection: AsyncTranslationsConnection, pcm: bytes) -> None:
    audio = base64.b64encode(pcm).decode()
    await _send(connection, {"type": "session.input_audio_buffer.append", "audio": audio})


async def _send(connection: AsyncTranslationsConnection, event: Mapping[str, Any]) -> None:
    try:
        await connection.send(cast(RealtimeTranslationClientEventParam, event))
    except ConnectionClosed as closed:
        raise hung_up(closed) from closed


async def _listen(connection: AsyncTranslationsConnection, sending: asyncio.Task[None]) -> AsyncGenerator[Piece | Voiced]:
    """Yield what comes until the session is closed.

    Raises:
        Trouble: the server says that something is wrong, left something out, or hung up, or the sending failed.
    """
    lines, left_out, begun = Lines(), [], False
    while True:
        event = await _next(connection, sending)
        match event["type"]:
            case "session.output_transcript.delta":
                for piece in lines.add(str(event["delta"]), int(event.get("elapsed_ms") or 0)):
                    yield piece
            case "session.output_audio.delta":
                pcm = np.frombuffer(base64.b64decode(event["delta"]), "<i2")
                at_ms = int(event.get("elapsed_ms") or 0)
                lines.heard(at_ms + len(pcm) * 1000 // SOUND_HZ)
                yield Voiced(at_ms, pcm)
            case "session.updated":
                begun = True
            case "error" if begun:  # costs the stretch it is about; the session goes on
                left_out.append(str(event["error"].get("message")))
            case "error":
                raise Trouble(f"the server refuses: {event['error'].get('message')}", MISUSED)
            case "session.closed":
                for piece in lines.end():
                    yield piece
                if left_out:
                    raise Trouble(f"{len(left_out)} stretches are missing. The first because: {left_out[0]}", FAILED)
                return
            case _:
                pass


async def _next(connection: AsyncTranslationsConnection, sending: asyncio.Task[None]) -> Mapping[str, Any]:
    """Return the next event; once everything has been sent it has to come soon."""
    receiving = asyncio.create_task(connection.recv())
    try:
        if not sending.done():
            await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
            await asyncio.wait({receiving}, timeout=PATIENCE_S)
        if not receiving.done():
            raise Trouble(f"the server did not say the last words within {PATIENCE_S:.0f} s", FAILED)
        return receiving.result().to_dict(mode="json")
    except ConnectionClosed as closed:
        raise hung_up(closed) from closed
    finally:
        if not receiving.done():
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)


class Lines:
    """Makes lines of deltas: a sentence each, with the time it is spoken by the interpreter."""

    def __init__(self) -> None:
        self._text = ""
        self._start_ms = 0
        self._end_ms = 0

    def heard(self, until_ms: int) -> None:
        """Take note of how far the voice has come."""
        self._end_ms = max(self._end_ms, until_ms)

    def add(self, delta: str, at_ms: int) -> list[Piece]:
        """Take more text, said from `at_ms` on; return what can be written of it now."""
        pieces = []
        full = self._text.rstrip().endswith(_SENTENCE_ENDS) or len(self._text) > _LONGEST or at_ms - self._end_ms > _PAUSE_MS
        if self._text.strip() and full:
            pieces += self.end()
        if not self._text:
            self._start_ms = at_ms
        self._text += delta
        self._end_ms = max(self._end_ms, at_ms)
        return [*pieces, Piece(delta)]

    def end(self) -> list[Piece]:
        """Return the end of the line at hand, if there is one."""
        text, self._text = self._text.strip(), ""
        return [Piece("", Line(self._start_ms, max(self._end_ms, self._start_ms), text))] if text else []
