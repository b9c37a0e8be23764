"""Samples as they come, out as a file as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Protocol, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.filter import Graph

from vivavoce.audio.media.formats import ENCODED, OUTPUT_RATE_HZ, Output
from vivavoce.audio.media.jobs import Encode
from vivavoce.audio.media.worker.mixdown import configured, frames, new_graph, pull

_PIECE_BYTES = 64 * 1024


class _Writer(Protocol):
    def write(self, frame: AudioFrame) -> bytes:
        """Take a frame, return the bytes that are ready."""
        ...

    def finish(self) -> bytes:
        """Return the rest."""
        ...


def encode(job: Encode, receive: Callable[[], bytes | None], send: Callable[[bytes], None]) -> None:
    """Encode what `receive` returns, s16le mono, until it returns None; `send` once for each, and the rest at the end."""
    output = ENCODED.get(job.format)
    graph, writer = (_graph(job, output), _Encoder(output)) if output else (_graph(job, None), None)
    if writer is not None and writer.frame_samples:
        graph.set_audio_frame_size(writer.frame_samples)
    while (samples := receive()) is not None:
        if samples:
            graph.push(_frame(samples, job.rate_hz))
        send(b"".join(_written(graph, writer)))
    graph.push(None)
    rest = b"".join(_written(graph, writer)) + (writer.finish() if writer is not None else b"")
    for start in range(0, len(rest), _PIECE_BYTES):
        send(rest[start : start + _PIECE_BYTES])


def tempo(speed: float) -> list[str]:
    """Return the arguments of the atempo filters that make a speed: beyond 0.5 to 2 one of them leaves samples out.

    Source: FFmpeg's documentation of atempo.
    """
    steps = []
    while speed > 2 or speed < 0.5:
        step = 2.0 if speed > 1 else 0.5
        steps.append(step)
        speed /= step
    if speed != 1:
        steps.append(speed)
    return [f"{step:.6f}" for step in steps]


def _graph(job: Encode, output: Output | None) -> Graph:
    graph = new_graph()
    rate = job.rate_hz
    chain = [graph.add_abuffer(sample_rate=rate, format="s16", layout="mono", time_base=Fraction(1, rate))]
    chain += [graph.add("atempo", step) for step in tempo(job.speed)]
    sample_format = output.sample_format if output else "s16"
    chain.append(graph.add("aformat", f"sample_fmts={sample_format}:sample_rates={OUTPUT_RATE_HZ}:channel_layouts=mono"))
    return configured(graph, chain)


def _frame(samples: bytes, rate_hz: int) -> AudioFrame:
    frame = AudioFrame("s16", "mono", len(samples) // 2)
    frame.planes[0].update(samples)
    frame.sample_rate = rate_hz
    return frame


def _written(graph: Graph, writer: _Writer | None) -> Iterator[bytes]:
    """Yield what the graph's ready frames are written as; without a writer, their samples."""
    if writer is None:
        yield from pull(graph)
    else:
        for frame in frames(graph):
            yield writer.write(frame)


class _Growing:
    """A file that is written to its end and taken away from its beginning. It has no `seek`, so muxers do without."""

    name = "audio"

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class _Encoder:
    """An encoder and its muxer."""

    def __init__(self, output: Output) -> None:
        self._file = _Growing()
        # As it comes, and without the random numbers that some muxers would fetch from the system.
        options = {"flush_packets": "1", "fflags": "+bitexact", **output.options}
        self._container = av.open(self._file, mode="w", format=output.muxer, container_options=options)
        self._stream = cast(AudioStream, self._container.add_stream(output.encoder, rate=OUTPUT_RATE_HZ, layout="mono"))
        self._stream.codec_context.format = output.sample_format
        if output.bit_rate:
            self._stream.bit_rate = output.bit_rate
        self._container.start_encoding()
        self.frame_samples: int = self._stream.codec_context.frame_size
        """How many samples the encoder wants at a time; 0 for any number."""
        self._samples = 0

    def write(self, frame: AudioFrame) -> bytes:
        frame.pts = self._samples
        frame.time_base = Fraction(1, OUTPUT_RATE_HZ)
        self._samples += frame.samples
        self._container.mux(self._stream.encode(frame))
        return self._file.take()

    def finish(self) -> bytes:
        if self._samples:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.take()
