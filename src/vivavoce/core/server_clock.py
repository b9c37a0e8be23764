"""The server owns the playout clock, as on a call: it paces the audio, so what was heard is known to a frame.

Audio goes to the playout, which reports when it starts with a response, when it has played all of it, and, asked to fall silent, what it
had not played yet. Clients are told the same: `output_audio_buffer.started`, then either `.stopped` or `.cleared`, and a
`conversation.item.truncated` for each item that was cut. The playout is a process boundary away: until its report comes, the ledger's
estimate holds.

One response sounds after the other. A playout is a queue, so one that speaks beside another waits here until the other has said
everything. A response that is still being made when silence is asked for stays silent: its text goes on, its voice is not heard again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from vivavoce.core import effects
from vivavoce.core.inputs import PlaybackCut, PlaybackStarted
from vivavoce.core.playout import Config, Place, Report, Rooms
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.formats import PCM, AudioFormat
from vivavoce.protocol.session import AgentConfig

INTERPRETER: Final = ""
"""The response and the item of what an interpreter says, which has neither."""


@dataclass(slots=True)
class _Sound:
    """A response that has audio, until all of it has been played or thrown away."""

    items: list[str] = field(default_factory=list)
    """Its items that have audio, in order."""
    started: bool = False
    ended: bool = False
    """Whether no more audio comes."""


@dataclass(frozen=True, slots=True)
class _Flush:
    """A flush under way."""

    asked: bool
    """Whether a client asked for it, and wants an answer."""
    sounding: tuple[str, ...]
    """The responses it concerns."""
    last: str
    """The last one that had audio."""
    silenced: frozenset[str]
    """Responses of which the playout will not say that they were played, whatever it says now: more of them was to come."""
    unplayed: tuple[tuple[str, str], ...]
    """(response, item) of audio that had not got to the playout."""


class ServerClock:
    """The playout of a call."""

    def __init__(self) -> None:
        self._rooms: Rooms
        self._sounds: dict[str, _Sound] = {}
        self._voice: str | None = None
        """The response whose audio the playout is being given."""
        self._held: dict[str, list[effects.Play]] = {}
        """Audio of the responses that wait for it to end."""
        self._muted: set[str] = set()
        """Responses that are still being made, and will not be heard any more."""
        self._last = ""
        """The last response that had audio."""
        self._flushes: dict[int, _Flush] = {}
        self._token = 0
        self._interpreting = False
        """Whether some of what an interpreter says may still have to be played."""
        self._waiting = False
        """Whether the playout was asked to tell when it has been."""

    def attach(self, rooms: Rooms) -> None:
        """Learn what to work with."""
        self._rooms = rooms

    # --- formats, and audio in --------------------------------------------------------------------------------------------------

    def listening(self, config: Config) -> Config:
        """Return the configuration with the format of media tracks."""
        return replace(config, input_format=PCM)

    def speaking(self, config: AgentConfig) -> AgentConfig:
        """Return the configuration with the format of media tracks."""
        return replace(config, output_format=PCM)

    def check_append(self, event_type: str) -> None:
        """Refuse audio in events.

        Raises:
            ClientFault: always.
        """
        raise errors.not_on_calls(event_type)

    # --- audio out --------------------------------------------------------------------------------------------------------------

    def takes(self, response_id: str) -> bool:
        """Tell whether the response may be heard."""
        return response_id not in self._muted

    def play(self, place: Place, audio: bytes, fmt: AudioFormat) -> None:
        """Queue audio at the playout, or here while another response speaks."""
        if not audio:
            return
        sound = self._sounds.setdefault(place.response_id, _Sound())
        if place.item_id not in sound.items:
            sound.items.append(place.item_id)
        self._last = place.response_id
        self._voice = self._voice or place.response_id
        play = effects.Play(place.response_id, place.item_id, audio)
        if self._voice == place.response_id:
            self._rooms.out.append(play)
        else:
            self._held.setdefault(place.response_id, []).append(play)

    def end(self, response_id: str) -> None:
        """Let the playout know that this is all, and the next response speak."""
        self._muted.discard(response_id)
        sound = self._sounds.get(response_id)
        if sound is None or sound.ended:
            return
        sound.ended = True
        if self._voice == response_id:
            self._rooms.out.append(effects.EndPlay(response_id))
            self._pass_on()

    def interpret(self, audio: bytes, elapsed_ms: int) -> None:
        """Queue what an interpreter says."""
        self._interpreting = True
        self._rooms.out.append(effects.Play(INTERPRETER, INTERPRETER, audio))

    def interpreted(self) -> bool:
        """Tell whether everything has been played; the session may not end before."""
        if self._interpreting and not self._waiting:
            self._waiting = True
            self._rooms.out.append(effects.EndPlay(INTERPRETER))
        return not self._interpreting

    def _pass_on(self) -> None:
        self._voice = None
        while self._held and self._voice is None:
            response_id = next(iter(self._held))
            self._rooms.out.extend(self._held.pop(response_id))
            if self._sounds[response_id].ended:
                self._rooms.out.append(effects.EndPlay(response_id))
            else:
                self._voice = response_id

    # --- what is heard of it ----------------------------------------------------------------------------------------------------

    def cancelled(self, now_ms: float) -> None:
        """Do nothing: what is queued plays on."""

    def interrupted(self, now_ms: float) -> None:
        """Throw away what is queued."""
        if self._sounds:
            self._flush(now_ms, asked=False)

    def clear(self, now_ms: float) -> None:
        """Throw away what is queued, and tell the client.

        Raises:
            ClientFault: there never was any audio.
        """
        if self._sounds:
            self._flush(now_ms, asked=True)
        elif self._last:
            self._rooms.send(events.output_audio_cleared(self._last))
        else:
            raise errors.nothing_played()

    def left_ms(self, now_ms: float) -> float | None:
        """Return None while something plays: the playout will tell when that is over."""
        return None if self._sounds else 0.0

    def handle(self, report: Report) -> None:
        """Take a report of the playout; one on what is over already changes nothing."""
        if isinstance(report, PlaybackCut):
            self._on_cut(report)
        elif isinstance(report, PlaybackStarted):
            self._on_started(report.response_id)
        else:
            self._on_stopped(report.response_id)

    def _flush(self, now_ms: float, *, asked: bool) -> None:
        self._rooms.ledger.stop(now_ms)
        self._token += 1
        self._rooms.out.append(effects.FlushPlayback(self._token))
        if self._voice is not None:
            self._rooms.out.append(effects.EndPlay(self._voice))
        more = {response_id for response_id, sound in self._sounds.items() if not sound.ended}
        self._muted |= more
        unplayed = dict.fromkeys((play.response_id, play.item_id) for plays in self._held.values() for play in plays)
        silenced = frozenset(more | self._held.keys())
        self._flushes[self._token] = _Flush(asked, tuple(self._sounds), self._last, silenced, tuple(unplayed))
        self._held.clear()
        self._voice = None
        for sound in self._sounds.values():
            sound.ended = True

    def _on_started(self, response_id: str) -> None:
        sound = self._sounds.get(response_id)
        if sound is not None and not sound.started:
            sound.started = True
            self._rooms.send(events.output_audio_started(response_id))

    def _on_stopped(self, response_id: str) -> None:
        if response_id == INTERPRETER:
            self._interpreting = False
        sound = self._sounds.get(response_id)
        if sound is None or not sound.ended:
            return
        del self._sounds[response_id]
        for item_id in sound.items:
            self._rooms.ledger.lift(item_id)
        self._rooms.send(events.output_audio_stopped(response_id))
        self._look_for_silence()

    def _on_cut(self, report: PlaybackCut) -> None:
        flush = self._flushes.pop(report.token, None)
        if flush is None:
            return
        heard = dict.fromkeys(flush.unplayed, 0.0)
        heard |= {(cut.response_id, cut.item_id): cut.heard_ms for cut in report.cuts}
        cut = {response_id for response_id, _ in heard} | flush.silenced
        sounding = [response_id for response_id in flush.sounding if response_id in self._sounds]
        # What was played to its end just then is no more to be cleared: that it was is on its way to be told.
        over = [response_id for response_id in sounding if flush.asked or response_id in cut]
        for response_id in over:
            self._clear(response_id, heard)
        if flush.asked and not over:
            self._rooms.send(events.output_audio_cleared(flush.last))
        if over:
            self._look_for_silence()

    def _clear(self, response_id: str, heard: dict[tuple[str, str], float]) -> None:
        sound = self._sounds.pop(response_id)
        self._rooms.send(events.output_audio_cleared(response_id))
        for item_id in sound.items:
            heard_ms = heard.get((response_id, item_id))
            if heard_ms is None:
                self._rooms.ledger.lift(item_id)
                continue
            at_ms = self._rooms.cut(item_id, heard_ms)
            if at_ms is not None:
                self._rooms.send(events.item_truncated(item_id, 0, at_ms))

    def _look_for_silence(self) -> None:
        if not self._sounds:
            self._rooms.fell_silent()
