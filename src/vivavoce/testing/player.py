"""A loudspeaker that exists in time only: what the listener of a call has heard, and when.

A client's player decides what was heard of an answer, and the server believes it (`conversation.item.truncate`). To test an app or a
server without a sound card, give every server event to a `PlayerModel`; when the user speaks, stop it and send what it says:

    player = PlayerModel()
    async for event in connection:
        player.take(event)
        if event["type"] == "input_audio_buffer.speech_started":
            for cut in player.interrupt()[:1]:
                await connection.send(cut.truncate())

Nothing sounds and nothing waits: where the player stands follows from the clock alone, so that a virtual clock serves as well.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.protocol.formats import BY_TYPE, PCM, AudioFormat

GATHER_MS: Final = 120.0
"""Audio a player waits for before it starts. Source: the `openai-agents` package's example `realtime/cli/demo.py`, three chunks of 40 ms."""

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where playing stopped, or stands: an item's content part and the ms of its audio that were heard."""

    item_id: str
    content_index: int
    audio_end_ms: int

    def truncate(self) -> dict[str, Any]:
        """Return the client event that tells the server."""
        return {
            "type": "conversation.item.truncate",
            "item_id": self.item_id,
            "content_index": self.content_index,
            "audio_end_ms": self.audio_end_ms,
        }


@dataclass(frozen=True, slots=True)
class _Piece:
    response_id: str
    part: tuple[str, int]
    audio: bytes
    format: AudioFormat
    start_ms: float
    """When it begins to sound, by the player's clock."""

    @property
    def end_ms(self) -> float:
        return self.start_ms + self.format.ms(len(self.audio))

    def sounded(self, now_ms: float) -> bytes:
        """Return what of it has sounded, in whole ms."""
        ms = int(min(max(now_ms - self.start_ms, 0.0), self.format.ms(len(self.audio))))
        return self.audio if now_ms >= self.end_ms else self.audio[: ms * self.format.bytes_per_ms]


class PlayerModel:
    """Plays `response.output_audio.delta` events in real time, one after the other, as the official clients do.

    Args:
        clock: seconds, never going backwards; give your own for a virtual clock.
        gather_ms: audio to wait for before playing starts, at the beginning and whenever the player has run dry; it starts with less
            where `response.output_audio.done` says that no more comes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, gather_ms: float = GATHER_MS) -> None:
        self._clock = clock
        self._gather_ms = gather_ms
        self._format = PCM
        self._formats: dict[str, AudioFormat] = {}
        self._pieces: list[_Piece] = []
        self._gathered: list[tuple[str, tuple[str, int], bytes]] = []
        self._muted: set[str] = set()

    # --- the server's side ------------------------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Take the next server event; those that say nothing of audio are ignored."""
        match event["type"]:
            case "session.created" | "session.updated":
                self._format = _format(event["session"]) or self._format
            case "response.created":
                self._formats[event["response"]["id"]] = _format(event["response"]) or self._format
            case "response.output_audio.delta":
                self._gather(event)
            case "response.output_audio.done" | "response.done":
                self._play()

    # --- the listener's side ----------------------------------------------------------------------------------------------------

    def now(self) -> Cut | None:
        """Return what is sounding now and how much of it has, or None in silence."""
        now_ms = self._now_ms()
        sounding = next((piece.part for piece in self._pieces if piece.start_ms <= now_ms < piece.end_ms), None)
        return None if sounding is None else self._cut(sounding, now_ms)

    def heard(self, item_id: str, content_index: int = 0) -> bytes:
        """Return the audio of an item that has been heard, in its wire format."""
        return self._sounded((item_id, content_index), self._now_ms())

    def heard_ms(self, item_id: str, content_index: int = 0) -> int:
        """Return how much audio of an item has been heard."""
        return self._cut((item_id, content_index), self._now_ms()).audio_end_ms

    def left_ms(self) -> float:
        """Return for how long what is queued will still sound."""
        return max(0.0, self._end_ms() - self._now_ms())

    def interrupt(self) -> tuple[Cut, ...]:
        """Fall silent now: forget what has not sounded, and play no more of the responses it belongs to.

        Returns:
            The parts that were not heard to their end, the one that was sounding first. Official SDKs tell the server of that one
            alone: the later ones of its response were not heard at all.
        """
        now_ms = self._now_ms()
        unheard = [(piece.response_id, piece.part) for piece in self._pieces if piece.end_ms > now_ms]
        unheard += [(response_id, part) for response_id, part, _ in self._gathered]
        cuts = tuple(self._cut(part, now_ms) for part in dict.fromkeys(part for _, part in unheard))
        self._muted.update(response_id for response_id, _ in unheard)
        self._gathered.clear()
        kept = [(piece, piece.sounded(now_ms)) for piece in self._pieces]
        self._pieces = [
            _Piece(piece.response_id, piece.part, audio, piece.format, piece.start_ms) for piece, audio in kept if audio
        ]
        return cuts

    # --- inside -----------------------------------------------------------------------------------------------------------------

    def _gather(self, event: Event) -> None:
        response_id = event["response_id"]
        if response_id in self._muted:
            return
        audio = binascii.a2b_base64(event["delta"])
        self._gathered.append((response_id, (event["item_id"], event["content_index"]), audio))
        waiting_ms = sum(self._format_of(response).ms(len(audio)) for response, _, audio in self._gathered)
        if waiting_ms >= self._gather_ms or self._end_ms() > self._now_ms():
            self._play()

    def _play(self) -> None:
        for response_id, part, audio in self._gathered:
            start_ms = max(self._now_ms(), self._end_ms())
            self._pieces.append(_Piece(response_id, part, audio, self._format_of(response_id), start_ms))
        self._gathered.clear()

    def _format_of(self, response_id: str) -> AudioFormat:
        return self._formats.get(response_id, self._format)

    def _cut(self, part: tuple[str, int], now_ms: float) -> Cut:
        pieces = [piece for piece in self._pieces if piece.part == part]
        heard_ms = sum(piece.format.ms(len(piece.sounded(now_ms))) for piece in pieces)
        return Cut(*part, int(heard_ms))

    def _sounded(self, part: tuple[str, int], now_ms: float) -> bytes:
        return b"".join(piece.sounded(now_ms) for piece in self._pieces if piece.part == part)

    def _end_ms(self) -> float:
        return self._pieces[-1].end_ms if self._pieces else 0.0

    def _now_ms(self) -> float:
        return self._clock() * 1000


def _format(holder: Event) -> AudioFormat | None:
    """Return the output format that a session or response names."""
    output = (holder.get("audio") or {}).get("output") or {}
    return BY_TYPE.get((output.get("format") or {}).get("type", ""))
