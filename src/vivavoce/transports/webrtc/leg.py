"""One call, as the server sees it: what its media process is told, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from vivavoce.transports.webrtc import messages
from vivavoce.transports.webrtc.messages import Message

_log = structlog.get_logger("vivavoce.webrtc")

HIGH_WATER_BYTES: Final = 1024 * 1024
"""Text waiting for the data channel beyond which `Leg.room` waits."""
FLOOD_BYTES: Final = 16 * HIGH_WATER_BYTES
"""Text waiting for the data channel beyond which the peer has stopped reading."""


class LegEvents(Protocol):
    """What happens to a call. Called on the server's loop, in order; nothing is called after `closed`."""

    def opened(self) -> None:
        """Note that the data channel is open or, where there is none, that media flows."""
        ...

    def audio(self, pcm: bytes) -> None:
        """Take audio of the peer's: s16le mono 24 kHz, any whole number of samples."""
        ...

    def message(self, data: str | bytes) -> None:
        """Take a message of the peer's."""
        ...

    def started(self, response_id: str) -> None:
        """Note that the response's first audio is on the track."""
        ...

    def stopped(self, response_id: str) -> None:
        """Note that all audio of the response has been played."""
        ...

    def cut(self, token: int, cuts: Sequence[tuple[str, str, float]]) -> None:
        """Note what a flush cut: response, item, and the ms of the item that had been played, exact to 20."""
        ...

    def closed(self, reason: str) -> None:
        """Note that the call is over. Exactly once, whatever happened."""
        ...


class Leg:
    """A call on one of the media processes.

    Args:
        call: its number there.
        events: what is told of it.
        tell: sends a message to the process.
        forget: called once when the call is over.
    """

    def __init__(self, call: int, events: LegEvents, tell: Callable[[Message], None], forget: Callable[[], None]) -> None:
        self.max_message_bytes = 0
        """What the peer's data channel takes in one message; 0: it has offered none."""
        self._call = call
        self._events = events
        self._tell = tell
        self._forget = forget
        self._queued = 0
        self._room = asyncio.Event()
        self._room.set()
        self._held: int | None = None
        self._closing: str | None = None
        self._over = False

    @property
    def queued(self) -> int:
        """Bytes of text that wait for the data channel."""
        return self._queued

    def send(self, text: str) -> None:
        """Send a text over the data channel; it is queued until the channel is open. A peer that stops reading is hung up on.

        Raises:
            ValueError: it is longer than `max_message_bytes`.
        """
        if self._closing is not None or self._over:
            return
        size = len(text.encode())
        if size > self.max_message_bytes:
            raise ValueError(f"a message of {size} bytes; the peer takes {self.max_message_bytes}")
        self._queued += size
        if self._queued > FLOOD_BYTES:
            self._end("the client does not read its messages")
            return
        if self._queued > HIGH_WATER_BYTES:
            self._room.clear()
        self._tell(messages.Say(self._call, text))

    async def room(self) -> None:
        """Wait until less than `HIGH_WATER_BYTES` wait for the data channel, or the call is over."""
        await self._room.wait()

    def play(self, response_id: str, item_id: str, pcm: bytes) -> None:
        """Queue audio for the track: s16le mono 24 kHz, whole samples."""
        self._say(messages.Play(self._call, response_id, item_id, pcm))

    def end_play(self, response_id: str) -> None:
        """Say that no more audio comes for the response: once what is queued is played, it has stopped."""
        self._say(messages.EndPlay(self._call, response_id))

    def flush(self, token: int) -> None:
        """Throw away what is queued for the track; `LegEvents.cut` comes back under the same token."""
        self._say(messages.Flush(self._call, token))

    def hold(self) -> None:
        """Stop taking the peer's messages: those under way still come, about a megabyte; then the peer has to wait. Idempotent."""
        self._held = self._held or 0

    def resume(self) -> None:
        """Take messages again. Idempotent."""
        held, self._held = self._held, None
        if held:
            self._say(messages.Taken(self._call, held))

    def close(self) -> None:
        """Hang up. `LegEvents.closed` follows, nothing else does. Idempotent."""
        self._end("hung up by the server")

    def _end(self, reason: str) -> None:
        if self._closing is None and not self._over:
            self._closing = reason
            self._room.set()
            self._tell(messages.Close(self._call))

    def _say(self, message: Message) -> None:
        if self._closing is None and not self._over:
            self._tell(message)

    def take(self, message: messages.ToServer) -> None:
        """Pass on what the process says of this call."""
        if self._over:
            return
        if isinstance(message, messages.Closed):
            self.end(self._closing or message.reason)
            return
        if self._closing is not None:
            return
        try:
            self._pass_on(message)
        except Exception:  # noqa: BLE001 - a bug of whoever listens costs this call; the others of the process go on
            _log.exception("a call failed", call=self._call)
            self._end("internal error")

    def _pass_on(self, message: messages.ToServer) -> None:
        match message:
            case messages.Audio(_, pcm):
                self._events.audio(pcm)
            case messages.Told(_, data):
                self._events.message(data)
                size = len(data.encode()) if isinstance(data, str) else len(data)
                if self._held is None:
                    self._say(messages.Taken(self._call, size))
                else:
                    self._held += size
            case messages.Sent(_, size):
                self._queued -= size
                if self._queued < HIGH_WATER_BYTES:
                    self._room.set()
            case messages.Opened():
                self._events.opened()
            case messages.Started(_, response_id):
                self._events.started(response_id)
            case messages.Stopped(_, response_id):
                self._events.stopped(response_id)
            case messages.Cut(_, token, cuts):
                self._events.cut(token, cuts)
            case _:
                pass  # what concerns the process, not this call

    def end(self, reason: str) -> None:
        """Note that the call is over, whatever ended it. Idempotent."""
        if self._over:
            return
        self._over = True
        self._room.set()
        self._forget()
        try:
            self._events.closed(reason)
        except Exception:  # noqa: BLE001 - as above: others end at the same time and must hear of it
            _log.exception("a call failed to end", call=self._call)
