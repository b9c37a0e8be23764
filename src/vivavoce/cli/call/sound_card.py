"""This machine's microphone and loudspeaker, through the extra `mic`."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.cli.call.clock import SAMPLE_RATE_HZ, SAMPLES_PER_MS
from vivavoce.cli.call.speaker import Cut, Part
from vivavoce.cli.errors import Trouble

Samples = NDArray[np.int16]

BLOCK_SAMPLES: Final = 20 * SAMPLES_PER_MS

_MOST_WAITING: Final = 250
"""Captured blocks kept for a slow connection: five seconds; older ones are dropped."""


class SoundCard:
    """A `Microphone` and a `Speaker` in one, so that both run on the card's clock. Use it as a context, inside the event loop.

    Args:
        instead: what its user can do without one, for the message.

    Raises:
        Trouble: the extra is not installed, or there is no device.
    """

    def __init__(self, instead: str = "use --in and --out") -> None:
        self._lock = threading.Lock()
        self._queue: deque[tuple[Part, Samples]] = deque()
        self._played: dict[Part, int] = {}
        self._captured: asyncio.Queue[Samples] = asyncio.Queue(_MOST_WAITING)
        self._loop = asyncio.get_running_loop()
        self._stream = _open(self._on_block, instead)
        self._delay_ms = 1000 * float(self._stream.latency[1])

    def __enter__(self) -> SoundCard:
        self._stream.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.stop()
        self._stream.close()

    # --- microphone -------------------------------------------------------------------------------------------------------------

    async def chunks(self) -> AsyncIterator[Samples]:
        """Yield 20 ms blocks as the card captures them."""
        while True:
            yield await self._captured.get()

    # --- speaker ----------------------------------------------------------------------------------------------------------------

    def play(self, part: Part, pcm: Samples) -> None:
        """Queue samples."""
        with self._lock:
            self._queue.append((part, pcm))

    def cut(self) -> list[Cut]:
        """Forget what the card has not been given yet; what it was given but has not sounded yet counts as not heard."""
        with self._lock:
            parts = list(dict.fromkeys(part for part, _ in self._queue))
            self._queue.clear()
            heard = {part: self._played.get(part, 0) / SAMPLES_PER_MS - self._delay_ms for part in parts}
        return [Cut(part, max(0, int(heard_ms))) for part, heard_ms in heard.items()]

    def left_ms(self) -> float:
        """Return how long what is queued will still sound."""
        with self._lock:
            queued = sum(len(pcm) for _, pcm in self._queue)
        return queued / SAMPLES_PER_MS + (self._delay_ms if queued else 0.0)

    # --- the card's thread ------------------------------------------------------------------------------------------------------

    def _on_block(self, captured: Samples, played: Samples, frames: int, time: Any, status: Any) -> None:
        """Take a captured block and fill one to be played; both of shape (frames, 1)."""
        self._loop.call_soon_threadsafe(self._take, captured[:, 0].copy())
        played[:, 0] = self._next(frames)

    def _take(self, block: Samples) -> None:
        if self._captured.full():
            self._captured.get_nowait()
        self._captured.put_nowait(block)

    def _next(self, frames: int) -> Samples:
        block = np.zeros(frames, np.int16)
        filled = 0
        with self._lock:
            while self._queue and filled < frames:
                part, pcm = self._queue.popleft()
                now, later = pcm[: frames - filled], pcm[frames - filled :]
                block[filled : filled + len(now)] = now
                filled += len(now)
                self._played[part] = self._played.get(part, 0) + len(now)
                if len(later):
                    self._queue.appendleft((part, later))
        return block


def _open(callback: Any, instead: str) -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise Trouble(f"there is no sound without the extra `mic`: pip install 'vivavoce[mic]', or {instead}") from error
    except OSError as error:  # its wheel for Linux brings no PortAudio
        raise Trouble(f"{error}: apt install libportaudio2, or {instead}") from error
    try:
        return sounddevice.Stream(
            samplerate=SAMPLE_RATE_HZ, blocksize=BLOCK_SAMPLES, channels=1, dtype="int16", latency="low", callback=callback
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise Trouble(f"no microphone and loudspeaker can be used ({error}): plug them in, or {instead}") from error
