"""The client owns the playout clock, as on a WebSocket: it is sent the audio, and the ledger estimates when it plays.

What was sent is taken to play from then on, or from when what came before it ends; the client falls silent when it is told of a barge-in or
of a cancelled response, and corrects the estimate with `conversation.item.truncate`.
"""

from __future__ import annotations

import binascii
from typing import Final

from vivavoce.core.playout import Config, Place, Report, Rooms
from vivavoce.protocol import errors, translation_events
from vivavoce.protocol import server_events as events
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.session import AgentConfig

CHUNK_MS: Final = 200
"""Audio in one `response.output_audio.delta`. Source: wire reference G.7 (100 to 200 ms)."""


class ClientClock:
    """The playout of a client that plays the audio itself."""

    def __init__(self) -> None:
        self._rooms: Rooms

    def attach(self, rooms: Rooms) -> None:
        """Learn what to work with."""
        self._rooms = rooms

    def listening(self, config: Config) -> Config:
        """Return the configuration: audio comes as the client says it does."""
        return config

    def speaking(self, config: AgentConfig) -> AgentConfig:
        """Return the configuration: audio goes as the client wants it."""
        return config

    def check_append(self, event_type: str) -> None:
        """Let audio come in events."""

    def takes(self, response_id: str) -> bool:
        """Tell that audio is always wanted: what of it plays is the client's affair."""
        return True

    def play(self, place: Place, audio: bytes, fmt: AudioFormat) -> None:
        """Send audio in pieces of `CHUNK_MS`."""
        part = events.PartEvents(place.response_id, place.item_id, place.output_index)
        step = CHUNK_MS * fmt.bytes_per_ms
        for start in range(0, len(audio), step):
            self._rooms.send(part.audio_delta(_base64(audio[start : start + step])))

    def end(self, response_id: str) -> None:
        """Do nothing: `response.output_audio.done` has told the client."""

    def interpret(self, audio: bytes, elapsed_ms: int) -> None:
        """Send what an interpreter says."""
        self._rooms.send(translation_events.output_audio_delta(_base64(audio), elapsed_ms))

    def interpreted(self) -> bool:
        """Tell that the session may end: the client has it all."""
        return True

    def cancelled(self, now_ms: float) -> None:
        """Take it that the client falls silent."""
        self._rooms.ledger.stop(now_ms)

    def interrupted(self, now_ms: float) -> None:
        """Take it that the client falls silent."""
        self._rooms.ledger.stop(now_ms)

    def clear(self, now_ms: float) -> None:
        """Refuse: nothing is queued here.

        Raises:
            ClientFault: always.
        """
        raise errors.not_on_websocket("output_audio_buffer.clear")

    def left_ms(self, now_ms: float) -> float | None:
        """Return how much longer the client plays, by the estimate."""
        return self._rooms.ledger.playing_ms(now_ms)

    def handle(self, report: Report) -> None:
        """Do nothing: nobody reports."""


def _base64(audio: bytes) -> str:
    return binascii.b2a_base64(audio, newline=False).decode()
