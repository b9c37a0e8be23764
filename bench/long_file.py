"""Transcribe a file of an hour through the endpoint: memory may not grow with its length.

People's orders and dictations, in random order with pauses between them, as one Opus file of under 25 MB, are sent to a real
`vivavoce serve` on the embedded engines with `stream=True`. For every minute of audio the server's memory is looked at from outside, its
recognizer's and its media worker's too. How far the file is decoded shows in `/proc`: it is where the media worker's open file stands.
It passes if each ends within 10 % of what it held at minute five, and the transcript came whole.

Needs Linux (`/proc`) and the recordings.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np
from numpy.typing import NDArray

from bench import report
from bench.kit import BenchError, ServerProcess, descendants, running_server
from bench.soak import GROWTH, REFERENCE_MINUTE, verdict
from bench.speech import RATE_HZ, load, manifest
from bench.watch import look, written_mb
from vivavoce.audio.media import MediaWorkers

MODEL: Final = "gpt-4o-transcribe"
SEED: Final = 7
PAUSES_S: Final = (0.6, 2.5)
MOST_BYTES: Final = 25 * 1024 * 1024
COLUMNS: Final = ("minute", "wall s", "server MB", "recognizer MB", "media MB", "descriptors", "deltas")
_LOOK_EVERY_S: Final = 0.2
_MEDIA: Final = b"media.worker.zygote"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server held when it had decoded so much of the file: memory in MB, audio in minutes."""

    minute: float
    wall_s: float
    server_mb: float
    recognizer_mb: float
    media_mb: float
    descriptors: int
    deltas: int


def people(minutes: float) -> list[NDArray[np.int16]]:
    """Return what people say, with the pauses in between, until it is as long as it shall be."""
    recordings = [load(entry["file"]) for kind in ("order", "dictation") for entry in manifest(kind) if entry["language"] == "en"]
    chance = random.Random(SEED)
    said: list[NDArray[np.int16]] = []
    wanted = round(minutes * 60 * RATE_HZ)
    while wanted > 0:
        pause = np.zeros(round(chance.uniform(*PAUSES_S) * RATE_HZ), np.int16)
        for piece in (chance.choice(recordings), pause):
            said.append(piece[:wanted])
            wanted -= len(said[-1])
    return said


async def make_file(path: Path, minutes: float) -> int:
    """Write the recording as Opus; return its size in bytes.

    Raises:
        BenchError: it is larger than the endpoint takes.
    """

    async def speech() -> AsyncIterator[NDArray[np.int16]]:
        for piece in people(minutes):
            yield piece

    media, size = MediaWorkers(), 0
    try:
        with path.open("wb") as file:
            async for encoded in media.encode(speech(), RATE_HZ, "opus"):
                size += file.write(encoded)
    finally:
        await media.close()
    if size > MOST_BYTES:
        raise BenchError(f"the file would have {size / 1e6:.1f} MB, and the endpoint takes 25")
    return size


class Watcher:
    """Looks at the server for every minute of audio that it has decoded."""

    def __init__(self, pid: int, file_bytes: int, minutes: float) -> None:
        self.seen: list[Seen] = []
        self.deltas = 0
        self._pid = pid
        self._bytes = file_bytes
        self._minutes = minutes
        self._began_s = time.monotonic()

    async def watch(self) -> None:
        """Look until cancelled."""
        print(" | ".join(COLUMNS), file=sys.stderr)
        told = 0
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            minute = _read_bytes(self._pid) / self._bytes * self._minutes
            if minute >= told + 1:
                told = int(minute)
                self.look(minute)

    def look(self, minute: float) -> None:
        """Take down what the server holds."""
        whole = look(self._pid)
        children = descendants(self._pid)
        media = set(filter(_runs_media, children))
        media_mb, others_mb = sum(map(written_mb, media)), sum(written_mb(child) for child in children if child not in media)
        wall_s = time.monotonic() - self._began_s
        self.seen.append(Seen(minute, wall_s, whole.own_mb, others_mb, media_mb, whole.open, self.deltas))
        print(" | ".join(_row(self.seen[-1])), file=sys.stderr, flush=True)


def _runs_media(pid: int) -> bool:
    try:
        return _MEDIA in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return False


def _read_bytes(server: int) -> int:
    """Return how much of its file the media worker has read."""
    for pid in descendants(server):
        for entry in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                if "vivavoce-upload-" in os.readlink(entry):
                    return int(Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text().split()[1])
            except OSError:  # it has just ended
                continue
    return 0


def _row(seen: Seen) -> list[str]:
    sizes = (seen.server_mb, seen.recognizer_mb, seen.media_mb)
    return [
        f"{seen.minute:.0f}",
        f"{seen.wall_s:.0f}",
        *(f"{size:.1f}" for size in sizes),
        str(seen.descriptors),
        str(seen.deltas),
    ]


async def transcribe(server: ServerProcess, path: Path, watcher: Watcher) -> str:
    """Send the file and return the transcript.

    Raises:
        BenchError: it was refused, or broke off.
    """
    told, done = "", None
    async with httpx.AsyncClient(timeout=None) as client:
        with path.open("rb") as file:
            form = {"model": MODEL, "stream": "true"}
            request = client.build_request("POST", f"{server.http_url}/audio/transcriptions", data=form, files={"file": file})
            answer = await client.send(request, stream=True)
            if answer.status_code != 200:
                raise BenchError(f"the file was refused: {(await answer.aread()).decode()}")
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line.removeprefix("data: "))
                if event.get("type") == "transcript.text.delta":
                    told += event["delta"]
                    watcher.deltas += 1
                elif event.get("type") == "transcript.text.done":
                    done = event["text"]
                else:
                    raise BenchError(f"the transcript broke off: {line}")
    if done != told:
        raise BenchError("the transcript is not what its deltas said")
    return told


def judge(seen: list[Seen]) -> list[str]:
    """Return what is wrong with what was seen."""
    if len(seen) <= REFERENCE_MINUTE:
        return [f"the file was over before minute {REFERENCE_MINUTE} could be looked at"]
    then, now = seen[REFERENCE_MINUTE - 1], seen[-1]
    return [
        f"the {what} held {before:.1f} MB at minute {then.minute:.0f} and {after:.1f} MB at the end: {after / before - 1:+.1%}"
        for what, before, after in (
            ("server", then.server_mb, now.server_mb),
            ("recognizer", then.recognizer_mb, now.recognizer_mb),
            ("media worker", then.media_mb, now.media_mb),
        )
        if before and after / before - 1 > GROWTH
    ]


async def run(out: report.Report, minutes: float) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "people.opus")
        size = await make_file(path, minutes)
        with running_server("embedded") as server:
            watcher = Watcher(server.pid, size, minutes)
            cpu_s, watching = server.cpu_s(), asyncio.create_task(watcher.watch())
            began_s = time.monotonic()
            text = await transcribe(server, path, watcher)
            took_s, cpu_s = time.monotonic() - began_s, server.cpu_s() - cpu_s
            watching.cancel()
    out.table(
        "what the server held, by the audio decoded; of its children the memory they have written to",
        COLUMNS,
        map(_row, watcher.seen),
    )
    out.say(
        f"{minutes:g} minutes of audio, {size / 1e6:.1f} MB, in {took_s:.0f} s ({minutes * 60 / took_s:.1f} x real time), "
        f"{cpu_s:.0f} s of CPU; {len(text.split())} words in {watcher.deltas} deltas"
    )
    out.add("looks", [asdict(each) for each in watcher.seen])
    return judge(watcher.seen)


def main() -> None:
    parser = report.arguments(__doc__, "bench.long_file")
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    try:
        out = report.Report("A long file through the endpoint", "bench.long_file", options.json)
        verdict(out, asyncio.run(run(out, options.minutes)))
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
