"""What to hear when: RTP packets in, in whatever order and however late, audio out in order, every sample of the sender's clock accounted
for.

Pure: no sockets, no clock of its own, no codec. A packet that is next is handed on at once; nothing is buffered ahead. A packet that is
missing is waited for `PATIENCE_S`, then what it held is `Lost`. Where the sender was silent on purpose (discontinuous transmission:
timestamps go on, sequence numbers do not skip) there is `Silence`. When nothing comes at all for `QUIET_S`, silence goes on in real time,
so that a turn can end; what was added this way counts against the silence the sender's clock shows afterwards. So the time heard is the
sender's clock plus what was added beyond it, never less.

Source: RFC 3550 appendix A.1 for sequence numbers; the times are our own, from loopback, Wi-Fi and mobile traces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 0.06
"""How long a packet may be late when later ones have come: three packets of 20 ms."""
QUIET_S: Final = 0.2
"""After so long without a packet silence goes on in real time."""
MOST_HELD: Final = 64
"""Packets kept behind a gap."""
LONGEST_GAP_S: Final = 2.0
"""A longer step of the sender's clock than this, beyond the silence already added, is no pause but another clock."""
MOST_AHEAD_S: Final = 5.0
"""Audio that runs further ahead of the wall clock than this comes from no microphone: it is dropped."""
MOST_DROPOUT: Final = 3_000
"""A step of sequence numbers as large as this is another numbering. Source: RFC 3550 appendix A.1."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet: its numbers as they came, and how many samples of the stream's clock its payload holds."""

    sequence: int
    timestamp: int
    payload: bytes
    samples: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A payload to decode."""

    payload: bytes
    samples: int


@dataclass(frozen=True, slots=True)
class Lost:
    """So many samples never came."""

    samples: int


@dataclass(frozen=True, slots=True)
class Silence:
    """So many samples of silence."""

    samples: int


Step = Heard | Lost | Silence


class Reception:
    """One RTP stream.

    Args:
        clock_hz: rate of its timestamps.
    """

    def __init__(self, clock_hz: int) -> None:
        self._hz = clock_hz
        self._sequence: int | None = None
        """The next expected, unwrapped."""
        self._time = 0
        """Where the sender's clock stands at the end of what was handed on, unwrapped; less than zero after steps back is as good."""
        self._added = 0
        """Samples of silence added since the last packet."""
        self._last_s = 0.0
        """When the last packet came."""
        self._quiet_to_s = 0.0
        """Until when silence was added."""
        self._held: dict[int, Packet] = {}
        self._waiting_since_s = 0.0
        self._begun_s = 0.0
        self._total = 0
        """Samples handed on, of whatever kind."""
        self.late = 0
        """Packets that came when they had been given up, or twice, or faster than they can have been recorded."""
        self.lost = 0
        """Packets given up."""

    def receive(self, packet: Packet, now_s: float) -> list[Step]:
        """Take a packet and return what can be heard now.

        Args:
            packet: the packet.
            now_s: a clock that never goes back.
        """
        if self._sequence is None:
            self._sequence, self._time = packet.sequence, packet.timestamp
            self._begun_s = now_s
        if self._budget(now_s) < packet.samples:
            self.late += 1
            return []
        number = self._sequence + _signed(packet.sequence - self._sequence, 16)
        ahead = number - self._sequence
        steps: list[Step] = []
        if abs(ahead) >= MOST_DROPOUT:
            steps = self._give_up()
            self._sequence = number = packet.sequence
            self._time = packet.timestamp - self._added  # another numbering has a clock of its own
            ahead = 0
        if ahead < 0 or number in self._held:
            self.late += 1
            return steps
        self._last_s = self._quiet_to_s = now_s
        if ahead > 0:
            if not self._held:
                self._waiting_since_s = now_s
            self._held[number] = packet
            if len(self._held) >= MOST_HELD or now_s - self._waiting_since_s >= PATIENCE_S:
                steps += self._skip(now_s)
            return steps
        steps += self._hand_on(packet, now_s)
        return steps + self._drain(now_s)

    def wait(self, now_s: float) -> list[Step]:
        """Return what can be heard because time has passed. Call it every 20 ms or so."""
        if self._sequence is None:
            return []
        if self._held and now_s - self._waiting_since_s >= PATIENCE_S:
            return self._skip(now_s)
        since = max(self._last_s + QUIET_S, self._quiet_to_s)
        frame = self._hz // 50
        samples = int((now_s - since) * self._hz) // frame * frame
        if samples <= 0:
            return []
        self._quiet_to_s = since + samples / self._hz
        self._added += samples
        self._total += samples
        return [Silence(samples)]

    def end(self) -> list[Step]:
        """Return what is still to be heard: no packet of this stream comes any more."""
        return self._give_up()

    def _skip(self, now_s: float) -> list[Step]:
        """Give up what is missing before the first packet held."""
        if self._sequence is None or not self._held:
            return []
        first = min(self._held)
        missing, self._sequence = first - self._sequence, first
        self.lost += missing
        steps = self._hand_on(self._held.pop(first), now_s, missing)
        return steps + self._drain(now_s)

    def _give_up(self) -> list[Step]:
        steps: list[Step] = []
        while self._held:
            steps += self._skip(self._last_s)
        return steps

    def _drain(self, now_s: float) -> list[Step]:
        steps: list[Step] = []
        while self._held and self._sequence in self._held:
            steps += self._hand_on(self._held.pop(self._sequence), now_s)
        if self._held:
            self._waiting_since_s = now_s  # the next gap is a new one
        return steps

    def _hand_on(self, packet: Packet, now_s: float, missing: int = 0) -> list[Step]:
        """Return a packet's audio, after whatever the sender's clock says lies between it and what was handed on before."""
        steps: list[Step] = []
        gap = _signed(packet.timestamp - self._time, 32) - self._added
        if 0 < gap <= min(LONGEST_GAP_S * self._hz, self._budget(now_s)):
            self._total += gap
            steps.append(Lost(gap) if missing else Silence(gap))
        if packet.samples:
            steps.append(Heard(packet.payload, packet.samples))
        self._added = 0
        self._total += packet.samples
        self._time = packet.timestamp + packet.samples
        if self._sequence is not None:
            self._sequence += 1
        return steps

    def _budget(self, now_s: float) -> float:
        """Return how many more samples can have been recorded by now."""
        return (now_s - self._begun_s + MOST_AHEAD_S) * self._hz - self._total


def _signed(difference: int, bits: int) -> int:
    """Return a difference of two counters of so many bits as the nearest signed number."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
