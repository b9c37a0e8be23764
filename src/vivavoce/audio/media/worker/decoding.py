"""The file's audio as mono samples, a piece at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from vivavoce.audio.media.fault import MediaError
from vivavoce.audio.media.formats import STATES_ITS_DURATION
from vivavoce.audio.media.jobs import Decode
from vivavoce.audio.media.worker.mixdown import Mixdown
from vivavoce.audio.media.worker.opening import File, describe, family, open_audio
from vivavoce.audio.media.worker.timeline import Timeline

_PIECE_S = 0.5
_FIRST_PIECE_S = 0.1
"""A recognizer may begin at once; later, fewer and longer pieces cost less."""
_ALIVE_EVERY_S = 1.0
_TOLERATED = 100
"""Damaged packets passed over in any case; beyond them, as many as there were good ones."""


def decode(file: File, job: Decode, send: Callable[[bytes], None]) -> None:
    """Send the file's audio, s16le mono at the rate asked for, no piece longer than a second.

    Damaged packets are passed over, and a file that is cut off gives what there is; where time passes without audio, there is silence.
    Pieces without audio are signs of life.

    Raises:
        MediaError: it is no audio, holds none, is more damage than audio, or too long.
    """
    container, stream = open_audio(file)
    stated_s = describe(container, stream).duration_s
    if stated_s is not None and stated_s > job.longest_s and family(container) in STATES_ITS_DURATION:
        raise _too_long(job.longest_s)
    longest = round(job.longest_s * job.rate_hz) * 2
    piece = round(_PIECE_S * job.rate_hz) * 2
    ready, sent, least = bytearray(), 0, round(_FIRST_PIECE_S * job.rate_hz) * 2
    alive = time.monotonic()
    for samples in _samples(container, stream, Mixdown(job.rate_hz), job.rate_hz):
        ready += samples
        if sent + len(ready) > longest:
            raise _too_long(job.longest_s)
        while len(ready) >= least:
            send(bytes(ready[:piece]))
            sent += len(ready[:piece])
            del ready[:piece]
            least = piece
        if time.monotonic() - alive > _ALIVE_EVERY_S:
            alive = time.monotonic()
            send(b"")
    if ready:
        send(bytes(ready))
    if not sent and not ready:
        raise MediaError("there is no audio in the file", "invalid_file")


def _samples(container: InputContainer, stream: AudioStream, mixdown: Mixdown, rate_hz: int) -> Iterator[bytes]:
    """Yield the stream's samples, silence where its time stamps leave a gap, and nothing once for every packet that gave none."""
    timeline = Timeline(container)
    for frame in _frames(container, stream):
        if frame is None:
            yield b""
            continue
        missing = round(timeline.silence_before(frame) * rate_hz) * 2
        if missing:
            yield from mixdown.flush()
            yield from _silence(missing, round(_PIECE_S * rate_hz) * 2)
        yield from mixdown.feed(frame)
    yield from mixdown.flush()


def _silence(size: int, piece: int) -> Iterator[bytes]:
    for start in range(0, size, piece):
        yield bytes(min(piece, size - start))


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame | None]:
    """Yield what the decoder makes of the packets; None for one that it can make nothing of."""
    good = damaged = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            packet = None  # a file that cannot be read on ends here
        try:
            # After the last packet, what the decoder still holds.
            frames = stream.codec_context.decode(packet if packet is not None and packet.size else None)
        except FFmpegError as error:
            damaged += 1
            if damaged > max(_TOLERATED, good):
                raise MediaError("the file is damaged: its audio cannot be decoded", "invalid_file") from error
            frames = []
        good += len(frames)
        yield from frames
        if packet is None or not packet.size:
            break
        if not frames:
            yield None
    if damaged and not good:
        raise MediaError("the file is damaged: its audio cannot be decoded", "invalid_file")


def _too_long(longest_s: float) -> MediaError:
    return MediaError(f"the audio is longer than the {longest_s:g} seconds that are accepted", "too_long")
