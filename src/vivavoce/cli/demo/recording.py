"""What is kept of a call: a stereo recording, and every event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vivavoce.cli.call.speaker import Piece

Samples = NDArray[np.int16]

_KEPT_CHARS: Final = 16
_AUDIO_KEYS: Final = {
    "input_audio_buffer.append": "audio",
    "response.output_audio.delta": "delta",
}


def mix(caller: Samples, heard: Sequence[Piece]) -> Samples:
    """Return both sides of a call as it sounded.

    Args:
        caller: everything the microphone captured.
        heard: the agent's audio at the times it was heard, already cut where it was cut.

    Returns:
        Shape (n, 2): left the caller, right the agent.
    """
    length = max([len(caller), *(piece.end for piece in heard)])
    stereo = np.zeros((length, 2), np.int16)
    stereo[: len(caller), 0] = caller
    for piece in heard:
        stereo[piece.start : piece.end, 1] = piece.pcm
    return stereo


class EventLog:
    """Writes events as JSON lines: `ms` since the call began, `from` whom, and the `event` with its audio shortened.

    Args:
        path: the file; an older one is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def write(self, sender: Literal["client", "server"], event: Mapping[str, Any], at_ms: float) -> None:
        """Write one event."""
        line = {"ms": round(at_ms, 1), "from": sender, "event": shortened(event)}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def shortened(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event with only the beginning of its audio, and how much there was."""
    key = _AUDIO_KEYS.get(event["type"], "")
    audio = event.get(key)
    if not isinstance(audio, str) or len(audio) <= _KEPT_CHARS:
        return event
    return {**event, key: f"{audio[:_KEPT_CHARS]}… ({len(audio)} characters of base64)"}
