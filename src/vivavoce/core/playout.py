"""Who owns the playout clock: the one who knows when a sample sounds, and therefore what the listener has heard.

A session is given one of these. On a WebSocket it is the client (`client_clock.py`): it is sent the audio, plays it when it likes, and
tells where it stopped; until it does, the ledger estimates. On a call it is the server (`server_clock.py`), which paces every frame: the
audio goes to the playout, the reports of the playout are the truth, and the client is told of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from vivavoce.core.effects import Effect
from vivavoce.core.inputs import PlaybackCut, PlaybackStarted, PlaybackStopped
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.listening import ListeningConfig
from vivavoce.protocol.session import AgentConfig

Config = TypeVar("Config", bound=ListeningConfig)

Report = PlaybackStarted | PlaybackStopped | PlaybackCut


@dataclass(frozen=True, slots=True)
class Place:
    """Where audio belongs: an output item of a response."""

    response_id: str
    item_id: str
    output_index: int


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the owner of the clock works with in its session."""

    out: list[Effect]
    """The list effects are put into, shared with the session."""
    send: Callable[[dict[str, Any]], None]
    """Tells every client."""
    ledger: PlaybackLedger = field(default_factory=PlaybackLedger)
    cut: Callable[[str, float], int | None] = lambda item_id, heard_ms: None
    """Cuts an item to what was heard of it; returns where, in ms, or None where the conversation has no such item."""
    fell_silent: Callable[[], None] = lambda: None
    """Called when playback is over whose end could not be told before (see `Playout.left_ms`)."""


class Playout(Protocol):
    """The owner of one session's playout clock."""

    def attach(self, rooms: Rooms) -> None:
        """Learn what to work with."""
        ...

    # --- formats, and audio in --------------------------------------------------------------------------------------------------

    def listening(self, config: Config) -> Config:
        """Return a configuration with the format that the input really has."""
        ...

    def speaking(self, config: AgentConfig) -> AgentConfig:
        """Return a response's configuration with the format that its audio is wanted in."""
        ...

    def check_append(self, event_type: str) -> None:
        """Check that audio comes in events.

        Raises:
            ClientFault: it comes over the media track.
        """
        ...

    # --- audio out --------------------------------------------------------------------------------------------------------------

    def takes(self, response_id: str) -> bool:
        """Tell whether more audio of this response is wanted."""
        ...

    def play(self, place: Place, audio: bytes, fmt: AudioFormat) -> None:
        """Take more audio of a response."""
        ...

    def end(self, response_id: str) -> None:
        """Take note that no more audio of a response comes: its `response.done` has been sent."""
        ...

    def interpret(self, audio: bytes, elapsed_ms: int) -> None:
        """Take more of what an interpreter says, PCM16 mono at 24 kHz; `elapsed_ms` is where it stands on the session's timeline."""
        ...

    def interpreted(self) -> bool:
        """Take note that the interpreter has said everything; tell whether the session may end now."""
        ...

    # --- what is heard of it ----------------------------------------------------------------------------------------------------

    def cancelled(self, now_ms: float) -> None:
        """Take note that the active response is being cancelled."""
        ...

    def interrupted(self, now_ms: float) -> None:
        """Let there be silence, because the user speaks; what had to be cancelled has been."""
        ...

    def clear(self, now_ms: float) -> None:
        """Let there be silence, because a client says so.

        Raises:
            ClientFault: it plays the audio itself, or there never was any.
        """
        ...

    def left_ms(self, now_ms: float) -> float | None:
        """Return how much longer something plays; None where that will be told (`Rooms.fell_silent`)."""
        ...

    def handle(self, report: Report) -> None:
        """Take a report of the playout."""
        ...
