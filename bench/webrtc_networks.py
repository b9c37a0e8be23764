"""Calls over bad networks: do they come about and end as they should, how late are answers, and what is left of what was said.

What the server heard is asked for afterwards, over a sideband that no datagram of the bad network touches, and laid beside what was said.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.kit import ServerProcess
from bench.speech import RATE_HZ, Clip, Samples
from bench.turn import LEAD_S, session
from bench.webrtc_phone import Phone, open_phone
from bench.webrtc_relay import Network
from bench.webrtc_turns import SILENCE_MS

GOOD: Final = Network("good")
NETWORKS: Final = (
    GOOD,
    Network("2 % lost", loss=0.02),
    Network("5 % lost", loss=0.05),
    Network("10 % lost", loss=0.10),
    Network("80 ms jitter", jitter_ms=80.0),
    Network("5 % lost, 80 ms jitter", loss=0.05, jitter_ms=80.0),
)

LATE_MS: Final = 300.0
"""How much later the median answer may come than over the good network: jitter both ways, and a gap waited for."""
GROWTH_MS: Final = 300.0
"""How much the last answers of a call may be later than its first ones, beyond what the good network shows."""

_WITHIN_S: Final = 20.0
"""Events are repeated after a second or more where their datagram is lost (RFC 9260 section 6.3.1)."""
_GONE_S: Final = 30.0
"""Where the caller's goodbye is lost, the server knows after so long without an answer to its checks (RFC 7675)."""
_FRAME: Final = RATE_HZ // 50
_HOP: Final = RATE_HZ // 100
_ROOM: Final = 1_000.0
"""Power of a quiet room, -60 dBFS: what is fainter fits anything."""
_SPEECH_DB, _NEAR_DB = 25.0, 10.0
_ENDED: Final = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call over one network. Times in ms, shares from 0 to 1."""

    network: str
    said: int
    answered: int
    """Turns answered audibly."""
    heard: tuple[float, ...]
    """True end of speech to the first audible sample, the silence waited for taken off; in order."""
    kept: float
    """Of the 20 ms frames of speech, those the server heard within 10 dB of how they were said."""
    received: float
    """Of the server's packets, those that came."""
    ended: bool
    """Whether the server knew in time that the caller had hung up."""

    @property
    def growth(self) -> float:
        """How much later the last third of the answers came than the first."""
        third = max(1, len(self.heard) // 3)
        return float(np.median(self.heard[-third:]) - np.median(self.heard[:third])) if self.heard else float("nan")


async def measure_network(server: ServerProcess, network: Network, clips: Sequence[Clip], seed: int) -> Outcome:
    """Hold a conversation over a network: each clip is answered before the next one is said."""
    heard: list[float] = []
    async with open_phone(server.http_url, session(SILENCE_MS), seed, network) as phone:
        sideband = await connect(f"{server.realtime_url.partition('?')[0]}?call_id={phone.call_id}", max_size=None)
        for clip in clips:
            due_s = await _say(phone, clip)
            if (first := await _answer(phone, due_s)) is not None:
                heard.append((first - due_s) * 1000)
        kept = await _kept(phone, sideband, clips)
        received = _received(phone)
    try:
        async with asyncio.timeout(_GONE_S):
            while True:
                await sideband.recv()
    except ConnectionClosed as end:
        ended = end.rcvd is not None and end.rcvd.code == _ENDED
    except TimeoutError:
        ended = False
        await sideband.close()
    return Outcome(network.name, len(clips), len(heard), tuple(heard), kept, received, ended)


async def _say(phone: Phone, clip: Clip) -> float:
    _, end = phone.microphone.say(clip.speech, after_s=LEAD_S)
    await asyncio.sleep(LEAD_S + clip.speech_s)
    return phone.microphone.moment(end) + SILENCE_MS / 1000


async def _answer(phone: Phone, due_s: float) -> float | None:
    """Hear the answer out; return when it began."""
    await phone.until(lambda: bool(phone.all("output_audio_buffer.stopped", due_s)), _WITHIN_S)
    return next(iter(phone.connection.audible(due_s - 0.4)), None)


def _received(phone: Phone) -> float:
    numbers = np.unwrap([packet.sequence for packet in phone.connection.heard], period=1 << 16)
    return len(np.unique(numbers)) / float(numbers.max() - numbers.min() + 1) if len(numbers) else 0.0


async def _kept(phone: Phone, sideband: ClientConnection, clips: Sequence[Clip]) -> float:
    """Return the share of frames of speech that the server heard about as they were said."""
    items = [event.body["item_id"] for event in phone.all("input_audio_buffer.committed")]
    turns = [await _retrieve(sideband, item) for item in items]
    pairs = [(clip.speech, turn) for clip, turn in zip(clips, turns, strict=False)]
    found = np.concatenate([_alike(said, turn) for said, turn in pairs]) if pairs else np.zeros(1)
    return float(found.mean()) * len(pairs) / len(clips)


async def _retrieve(sideband: ClientConnection, item_id: str) -> Samples:
    await sideband.send(json.dumps({"type": "conversation.item.retrieve", "item_id": item_id}))
    async with asyncio.timeout(_WITHIN_S):
        while True:
            event: dict[str, Any] = json.loads(await sideband.recv())
            if event["type"] == "conversation.item.retrieved" and event["item"]["id"] == item_id:
                return np.frombuffer(base64.b64decode(event["item"]["content"][0]["audio"]), "<i2")


def _alike(said: Samples, heard: Samples) -> NDArray[np.bool_]:
    """Return for each 20 ms of speech whether it was heard within 10 dB, both laid over each other where they fit best."""
    ours, theirs = _loudness(said), _loudness(heard)
    if len(theirs) < len(ours):
        theirs = np.pad(theirs, (0, len(ours) - len(theirs)), constant_values=theirs.min(initial=0.0))
    misfit = np.convolve(np.square(theirs), np.ones(len(ours)), "valid") - 2 * np.correlate(theirs, ours, "valid")
    place = int(np.argmin(misfit))
    there = theirs[place : place + len(ours)]
    found: NDArray[np.bool_] = (there >= ours - _NEAR_DB)[ours >= ours.max() - _SPEECH_DB]
    return found


def _loudness(samples: Samples) -> NDArray[np.float64]:
    """Return the level in dB of 20 ms every 10 ms, no less than a room's."""
    power = np.square(samples.astype(np.float64))
    summed = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, max(1, len(samples) - _FRAME + 1), _HOP)
    ends = np.minimum(starts + _FRAME, len(samples))
    level: NDArray[np.float64] = 10 * np.log10((summed[ends] - summed[starts]) / _FRAME + _ROOM)
    return level
