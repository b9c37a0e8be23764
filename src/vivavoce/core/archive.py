"""The audio of past items, kept for `conversation.item.retrieve` within a fixed budget (invariant I10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from vivavoce.protocol.formats import AudioFormat

DEFAULT_BUDGET_BYTES: Final = 2 * 1024 * 1024
"""Forty-three seconds of 24 kHz PCM: the last turns, in a session that takes no more than 3 MB in all. Whatever is kept fits a frame of
8 MiB as base64, the limit that clients come with."""

MAX_RECORDINGS: Final = 1_024
"""However short they are: what a recording is kept in takes memory as well."""

REMEMBERED: Final = 1_024
"""How many of the recordings dropped last are remembered as such."""


@dataclass(slots=True)
class _Recording:
    format: AudioFormat
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0


class AudioArchive:
    """Recordings by item and content index; the oldest go when the budget is spent.

    Args:
        budget_bytes: how much audio to keep in all.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self._budget = budget_bytes
        self._recordings: dict[tuple[str, int], _Recording] = {}
        self._dropped: dict[tuple[str, int], None] = {}
        """The recordings dropped last; one that still grows comes last again."""
        self._size = 0

    @property
    def size(self) -> int:
        """Return the bytes kept."""
        return self._size

    def add(self, item_id: str, content_index: int, audio: bytes, fmt: AudioFormat) -> None:
        """Append audio to a recording, dropping the oldest recordings where the budget asks for it.

        One that was dropped stays so: its later half alone would be taken for the whole.
        """
        key = (item_id, content_index)
        if key in self._dropped:
            self._remember(key)
            return
        recording = self._recordings.setdefault(key, _Recording(fmt))
        recording.chunks.append(audio)
        recording.size += len(audio)
        self._size += len(audio)
        while self._size > self._budget or len(self._recordings) > MAX_RECORDINGS:
            oldest = next(iter(self._recordings))
            self._drop(oldest)
            self._remember(oldest)

    def cut(self, item_id: str, content_index: int, at_ms: int) -> None:
        """Drop what lies beyond `at_ms` of a recording."""
        recording = self._recordings.get((item_id, content_index))
        if recording is None:
            return
        width = recording.format.width
        keep = min(recording.size, at_ms * recording.format.bytes_per_ms // width * width)
        audio = b"".join(recording.chunks)[:keep]
        self._size -= recording.size - keep
        recording.chunks, recording.size = [audio], keep

    def get(self, item_id: str, content_index: int) -> tuple[bytes, AudioFormat] | None:
        """Return a recording and its format, or None where it was dropped or never was."""
        recording = self._recordings.get((item_id, content_index))
        return None if recording is None else (b"".join(recording.chunks), recording.format)

    def forget(self, item_id: str) -> None:
        """Drop every recording of an item."""
        for key in [key for key in self._recordings if key[0] == item_id]:
            self._drop(key)
        for key in [key for key in self._dropped if key[0] == item_id]:
            del self._dropped[key]

    def clear(self) -> None:
        """Drop everything."""
        self._recordings.clear()
        self._dropped.clear()
        self._size = 0

    def _remember(self, key: tuple[str, int]) -> None:
        """Note that a recording was dropped, as the last one."""
        self._dropped.pop(key, None)
        self._dropped[key] = None
        if len(self._dropped) > REMEMBERED:
            del self._dropped[next(iter(self._dropped))]

    def _drop(self, key: tuple[str, int]) -> None:
        self._size -= self._recordings.pop(key).size
