"""Turns and interruptions over WebRTC: what the listener hears, and when, against the same words over the WebSocket."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.client import Line, open_line
from bench.kit import ServerProcess
from bench.speech import RATE_HZ, Clip
from bench.turn import LEAD_S, session
from bench.webrtc_phone import AUDIBLE, Phone, open_phone

SILENCE_MS: Final = 500
ANSWER_WITHIN_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """One turn over one transport, in ms from the true end of speech, the silence waited for taken off; None: it never came."""

    stopped: float | None
    """To the arrival of `speech_stopped`."""
    heard: float | None
    """To the first audible sample of the answer at the listener."""

    @property
    def think(self) -> float | None:
        """`speech_stopped` to the first audible sample."""
        return None if self.stopped is None or self.heard is None else self.heard - self.stopped


@dataclass(frozen=True, slots=True)
class Pair:
    """The same words, at the same place within a chunk, over both."""

    clip: str
    websocket: Spoken
    webrtc: Spoken

    @property
    def more(self) -> float | None:
        """What WebRTC takes longer, mouth to ear."""
        if self.websocket.heard is None or self.webrtc.heard is None:
            return None
        return self.webrtc.heard - self.websocket.heard


@dataclass(frozen=True, slots=True)
class Interrupted:
    """One interruption, in ms from the true onset of the user's speech; None: it did not happen."""

    clip: str
    started: float | None
    """To `speech_started`."""
    silent: float | None
    """To the end of the last audible packet of the answer that was cut."""
    cleared: float | None
    """To `output_audio_buffer.cleared`."""


async def measure_pair(server: ServerProcess, clip: Clip, seed: int) -> Pair:
    """Say a clip over both transports at the same time."""
    websocket, webrtc = await asyncio.gather(_over_websocket(server, clip, seed), _over_webrtc(server, clip, seed))
    return Pair(clip.name, websocket, webrtc)


async def _over_websocket(server: ServerProcess, clip: Clip, seed: int) -> Spoken:
    async with open_line(server.realtime_url, session(SILENCE_MS), seed) as line:
        due_s = await _say(line, clip)
        await line.until(lambda: _first_audible(line, due_s) is not None, ANSWER_WITHIN_S)
        return _spoken(line, due_s, _first_audible(line, due_s))


async def _over_webrtc(server: ServerProcess, clip: Clip, seed: int) -> Spoken:
    async with open_phone(server.http_url, session(SILENCE_MS), seed) as phone:
        due_s = await _say(phone, clip)
        await phone.until(lambda: bool(phone.all("output_audio_buffer.stopped", due_s)), ANSWER_WITHIN_S)
        return _spoken(phone, due_s, next(iter(phone.connection.audible(due_s - 0.4)), None))


async def _say(line: Line, clip: Clip) -> float:
    """Say a clip; return when the answer is due: the silence after its true end."""
    _, end = line.microphone.say(clip.speech, after_s=LEAD_S)
    await asyncio.sleep(LEAD_S + clip.speech_s)
    return line.microphone.moment(end) + SILENCE_MS / 1000


def _spoken(line: Line, due_s: float, heard_s: float | None) -> Spoken:
    stops = [stop.at_s for stop in line.all("input_audio_buffer.speech_stopped", due_s - 0.4)]
    return Spoken(
        None if not stops else (stops[0] - due_s) * 1000,
        None if heard_s is None else (heard_s - due_s) * 1000,
    )


def _first_audible(line: Line, due_s: float) -> float | None:
    """Return when the first audible sample is heard by a client that plays what it gets at once."""
    came, begun_s = 0, 0.0
    for event in line.all("response.output_audio.delta", due_s - 0.4):
        begun_s = begun_s or event.at_s
        samples = np.frombuffer(base64.b64decode(event.body["delta"]), "<i2").astype(np.int32)
        if len(loud := np.flatnonzero(np.abs(samples) > AUDIBLE)):
            return max(event.at_s, begun_s + came / RATE_HZ) + float(loud[0]) / RATE_HZ
        came += len(samples)
    return None


async def measure_interruption(server: ServerProcess, clip: Clip, seed: int) -> Interrupted:
    """Have the agent talk, and talk over it."""
    async with open_phone(server.http_url, session(SILENCE_MS), seed) as phone:
        await phone.send({"type": "response.create"})
        await phone.until(lambda: bool(phone.all("output_audio_buffer.started")), ANSWER_WITHIN_S)
        begin, _ = phone.microphone.say(clip.speech, after_s=1.0)
        onset_s = phone.microphone.moment(begin)
        await phone.until(lambda: bool(phone.all("output_audio_buffer.cleared", onset_s)), 1.0 + clip.speech_s + 2.0)
        await asyncio.sleep(0.3)
    return _interrupted(phone, clip, onset_s)


def _interrupted(phone: Phone, clip: Clip, onset_s: float) -> Interrupted:
    started, cleared = phone.all("input_audio_buffer.speech_started", onset_s), phone.all("output_audio_buffer.cleared", onset_s)
    again = phone.all("output_audio_buffer.started", onset_s)
    sounds = phone.connection.audible(onset_s, again[0].at_s if again else float("inf"))

    def since_onset(at_s: float) -> float:
        return (at_s - onset_s) * 1000

    return Interrupted(
        clip.name,
        started=since_onset(started[0].at_s) if started else None,
        silent=since_onset(sounds[-1]) if sounds and cleared else None,
        cleared=since_onset(cleared[0].at_s) if cleared else None,
    )
