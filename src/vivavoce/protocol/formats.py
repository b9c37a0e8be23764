"""Audio formats of the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

TICKS_PER_SECOND: Final = 24_000
"""The session's clock: positions count samples at 24 kHz, whatever the wire's format. 8 kHz samples are three ticks long."""

TICKS_PER_MS: Final = TICKS_PER_SECOND // 1000


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One wire format: its name, rate in Hz, and bytes per sample."""

    type: str
    rate_hz: int
    width: int

    @property
    def ticks_per_sample(self) -> int:
        """Return how many clock ticks one sample of a wire format lasts."""
        return TICKS_PER_SECOND // self.rate_hz

    @property
    def bytes_per_ms(self) -> int:
        """Return how many bytes one millisecond takes."""
        return self.rate_hz * self.width // 1000

    def ticks(self, size: int) -> int:
        """Return how long `size` bytes last, in ticks."""
        return size // self.width * TICKS_PER_SECOND // self.rate_hz

    def ms(self, size: int) -> float:
        """Return how long `size` bytes last, in ms."""
        return size / self.bytes_per_ms

    def wire(self) -> dict[str, Any]:
        """Return the format object of the wire."""
        return {"type": self.type, "rate": self.rate_hz} if self.type == "audio/pcm" else {"type": self.type}


PCM: Final = AudioFormat("audio/pcm", 24_000, 2)
PCMU: Final = AudioFormat("audio/pcmu", 8_000, 1)
PCMA: Final = AudioFormat("audio/pcma", 8_000, 1)

SPEECH: Final = AudioFormat("audio/pcm", 16_000, 2)
"""What recognizers take; never on the wire."""

BY_TYPE: Final = {fmt.type: fmt for fmt in (PCM, PCMU, PCMA)}
