"""The ear of a session: wire audio in, detector frames and recognizer feeds out.

Audio is decoded and resampled once, to 16 kHz, freed of noise where the session wants that, and written to a tape. The detector gets it
in frames; recognitions get it from the tape up to the last frame the core has handled, never beyond: a client that sends a minute at
once is heard turn by turn like any other. Positions are ticks since the listening epoch began.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.codec import decode, to_float, to_int16
from vivavoce.audio.resample import Resampler, to_speech_rate
from vivavoce.audio.tape import Tape
from vivavoce.engines.ports import (
    SPEECH_RATE_HZ,
    VAD_FRAME_SAMPLES,
    EngineFault,
    NoiseFilter,
    VadStream,
    VoiceActivityDetector,
)
from vivavoce.protocol.formats import TICKS_PER_SECOND, AudioFormat
from vivavoce.sessions.feed import Feed

JUDGED_MS: Final = 8_000
"""How much of a turn the endpointer looks at."""

_JUDGED_SAMPLES: Final = JUDGED_MS * SPEECH_RATE_HZ // 1000


def samples(tick: int) -> int:
    """Return the 16 kHz sample a tick of the epoch falls on."""
    return tick * SPEECH_RATE_HZ // TICKS_PER_SECOND


class Ear:
    """Listening for one session.

    Args:
        vad: the detector shared by all.
        on_frame: called with (epoch, probability) per frame.
        on_fault: called with (epoch, message) when the detector dies.
        judged: whether an endpointer will want the last seconds of turns.
        denoise: opens a noise filter for an epoch, if there is to be one.
    """

    def __init__(
        self,
        vad: VoiceActivityDetector,
        on_frame: Callable[[int, float], None],
        on_fault: Callable[[int, str], None],
        *,
        judged: bool,
        denoise: Callable[[], NoiseFilter | None] = lambda: None,
    ) -> None:
        self._vad = vad
        self._on_frame = on_frame
        self._on_fault = on_fault
        self._judged = judged
        self._denoise = denoise
        self._filter: NoiseFilter | None = None
        self._epoch = 0
        self._stream: VadStream | None = None
        self._format: AudioFormat | None = None
        self._resampler: Resampler = to_speech_rate(SPEECH_RATE_HZ)
        self._partial = np.empty(0, dtype=np.float32)
        self._tape = Tape()
        self._keep = 0
        self._handled = 0
        self._feeds: dict[int, Feed] = {}

    @property
    def narrow_band(self) -> bool:
        """Tell whether the epoch's audio came at 8 kHz."""
        return self._format is not None and self._format.rate_hz < SPEECH_RATE_HZ

    @property
    def unheard(self) -> int:
        """Return the 16 kHz samples that the core has not heard of yet."""
        return max(0, self._tape.end - self._handled - len(self._partial))

    def start(self, epoch: int, fmt: AudioFormat, keep_ms: int) -> None:
        """Start an epoch: forget what was; recognitions may go back `keep_ms` from the frame at hand."""
        self.stop()
        self._epoch = epoch
        self._format = fmt
        self._resampler = to_speech_rate(fmt.rate_hz)
        self._partial = np.empty(0, dtype=np.float32)
        self._tape = Tape()
        self._keep = max(keep_ms * SPEECH_RATE_HZ // 1000, _JUDGED_SAMPLES if self._judged else 0)
        self._handled = 0

        def fault(error: EngineFault) -> None:
            self._on_fault(epoch, error.message)

        try:
            self._filter = self._denoise()
            self._stream = self._vad.open(lambda probability: self._on_frame(epoch, probability), fault)
        except EngineFault as error:
            fault(error)

    def stop(self) -> None:
        """Stop listening."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._format = None
        self._filter = None
        self._tape = Tape()
        for feed in self._feeds.values():
            feed.end()
        self._feeds.clear()

    def hear(self, audio: bytes) -> None:
        """Take audio in the epoch's format."""
        if self._format is None:
            return
        speech = self._resampler.feed(to_float(decode(audio, self._format.type)))
        self._take(speech if self._filter is None else self._filter.feed(speech))

    def change_filter(self) -> None:
        """Filter noise otherwise from the next sample on, in the middle of an epoch."""
        if self._filter is not None:
            self._take(self._filter.finish())
            self._filter = None
        if self._format is not None:
            self._filter = self._denoise()

    def handled(self, epoch: int) -> None:
        """Note that the core has handled one more frame of an epoch: recognitions may have its audio."""
        if epoch != self._epoch:
            return
        self._handled += VAD_FRAME_SAMPLES
        for feed in self._feeds.values():
            feed.write(self._tape.read(feed.position, self._handled))
        self._tape.drop_before(self._handled - self._keep)

    def open(self, job: int, from_tick: int) -> Feed:
        """Open the feed of a recognition that starts at a tick of the epoch."""
        feed = self._feeds[job] = Feed(max(samples(from_tick), self._tape.start))
        feed.write(self._tape.read(feed.position, self._handled))
        return feed

    def end(self, job: int, to_tick: int | None = None) -> None:
        """End a recognition's feed at a tick of the epoch, or where it stands."""
        feed = self._feeds.pop(job, None)
        if feed is not None:
            if to_tick is not None:
                feed.write(self._tape.read(feed.position, samples(to_tick)))
            feed.end()

    def recent(self, to_tick: int) -> NDArray[np.float32]:
        """Return the last seconds before a tick of the epoch, for the endpointer."""
        end = samples(to_tick)
        return to_float(np.frombuffer(self._tape.read(end - _JUDGED_SAMPLES, end), dtype="<i2"))

    def _take(self, speech: NDArray[np.float32]) -> None:
        self._tape.write(to_int16(speech))
        self._detect(speech)

    def _detect(self, speech: NDArray[np.float32]) -> None:
        pending = np.concatenate([self._partial, speech]) if len(self._partial) else speech
        whole = len(pending) // VAD_FRAME_SAMPLES * VAD_FRAME_SAMPLES
        if self._stream is not None:
            for start in range(0, whole, VAD_FRAME_SAMPLES):
                self._stream.push(pending[start : start + VAD_FRAME_SAMPLES])
        self._partial = pending[whole:].copy()
