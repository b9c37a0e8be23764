"""From whatever a decoder gives to mono samples at one rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.filter import Graph
from av.filter.context import FilterContext

from vivavoce.audio.media.fault import MediaError

RATES_HZ = (4_000, 384_000)
"""Slowest and fastest sample rate believed. A file that claims others is damaged, or means to be resampled a thousandfold."""
MOST_CHANNELS = 64


class Mixdown:
    """Mono s16 at `rate_hz`. Files may change rate or channels on the way, as radio recordings and joined files do."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._shape: tuple[str, str, int] | None = None
        self._graph: Graph | None = None

    def feed(self, frame: AudioFrame) -> Iterator[bytes]:
        """Yield the s16le samples that are ready.

        Raises:
            MediaError: no sane rate or number of channels.
        """
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            yield from self.flush()
            self._graph = self._plan(frame)
            self._shape = shape
        frame.pts = None  # by number of samples, not by what the file says about time
        if self._graph is not None:
            self._graph.push(frame)
            yield from pull(self._graph)

    def flush(self) -> Iterator[bytes]:
        """Yield the rest; it may be fed again afterwards."""
        graph, self._graph, self._shape = self._graph, None, None
        if graph is not None:
            graph.push(None)
            yield from pull(graph)

    def _plan(self, frame: AudioFrame) -> Graph:
        rate, channels = frame.sample_rate, frame.layout.nb_channels
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise MediaError(f"a sample rate of {rate} Hz is not supported", "unsupported_format")
        if not 1 <= channels <= MOST_CHANNELS:
            raise MediaError(f"audio of {channels} channels is not supported", "unsupported_format")
        graph = new_graph()
        first = graph.add_abuffer(
            sample_rate=rate, format=frame.format.name, layout=frame.layout.name, time_base=Fraction(1, rate)
        )
        chain = [first]
        if channels > 1 and frame.layout.name == f"{channels} channels":
            # Nobody knows what these channels are, so FFmpeg would not mix them: all alike.
            chain.append(graph.add("pan", "mono|c0=" + "+".join(f"{1 / channels:.6f}*c{channel}" for channel in range(channels))))
        chain.append(graph.add("aformat", f"sample_fmts=s16:sample_rates={self._rate_hz}:channel_layouts=mono"))
        return configured(graph, chain)


def new_graph() -> Graph:
    """Return a filter graph that starts no threads."""
    graph = Graph()
    graph.threads = 1
    return graph


def configured(graph: Graph, chain: list[FilterContext]) -> Graph:
    """Return the graph with its filters linked in a row, a sink at the end, ready to run."""
    graph.link_nodes(*chain, graph.add("abuffersink")).configure()
    return graph


def frames(graph: Graph) -> Iterator[AudioFrame]:
    """Yield the frames a graph has ready."""
    while True:
        try:
            frame = graph.pull()
        except (NothingYet, NothingMore):
            return
        if isinstance(frame, AudioFrame):
            yield frame


def pull(graph: Graph) -> Iterator[bytes]:
    """Yield the mono s16 samples a graph has ready."""
    for frame in frames(graph):
        yield bytes(frame.planes[0])[: frame.samples * 2]
