"""Broken files of every container: each is decoded or refused, no decoder takes the pool with it, nothing hangs, nothing is kept."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from tests.audio.media_files import KINDS, SILENT
from tests.audio.media_kit import SPEECH_HZ, decoded, eventually, living_workers, make_files, resident_mb, working

from vivavoce.audio.media import MediaError, MediaWorkers

SEED = int(os.environ.get("FUZZ_SEED", "20260101"))
"""Which files are made; another number makes others."""
AT_ONCE = 4
GOOD_EVERY = 50
LONGEST_S = 600.0
HANG_S = 15.0


def flip(data: bytearray, chance: random.Random) -> bytearray:
    """Flip bits: few or many, anywhere or in the header."""
    end = len(data) if chance.random() < 0.5 else min(len(data), 600)
    for _ in range(chance.choice((1, 8, 64, 512))):
        data[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return data


def cut(data: bytearray, chance: random.Random) -> bytearray:
    """Cut off the end, the beginning, or a piece of the middle."""
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return chance.choice((data[:end], data[start:], data[:start] + data[end:]))


def enlarge(data: bytearray, chance: random.Random) -> bytearray:
    """Blow up what may be length fields."""
    for _ in range(chance.choice((1, 4, 16))):
        at = chance.randrange(min(len(data), 2_000))
        data[at : at + 4] = chance.choice(
            (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\x80\0\0\0")
        )
    return data


def repeat(data: bytearray, chance: random.Random) -> bytearray:
    """Say a piece many times over."""
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 4_000)]
    return data[:start] + piece * chance.choice((2, 20, 200)) + data[start:]


MUTATIONS = (flip, flip, cut, enlarge, enlarge, repeat)


def hostile(originals: dict[str, bytes], number: int) -> tuple[str, bytes]:
    """Return the name and the bytes of the broken file of a number; the same at every run."""
    chance = random.Random(SEED * 1_000_000 + number)
    names = sorted(originals)
    name = names[number % len(names)]
    data = bytearray(originals[name])
    if chance.random() < 0.15:  # the head of one, the body of another
        other = originals[chance.choice(names)]
        at = chance.randrange(1, 4_000)
        return chance.choice((name, "a.bin")), bytes(data[:at] + other[at:])
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(data, chance)
        if not data:
            break
    return chance.choice((name, name, "a.bin")), bytes(data)


async def attempt(media: MediaWorkers, path: Path) -> str:
    """Decode a broken file; return what became of it."""
    before, heard = media.lost, 0
    refusal: MediaError | None = None
    try:
        async with asyncio.timeout(HANG_S + 10):
            async for piece in media.decode(path):
                assert 0 < len(piece) <= SPEECH_HZ * 2
                heard += len(piece)
    except MediaError as error:
        refusal = error
    if refusal is None:
        assert heard, "a success says something"
        return "decoded"
    assert "\n" not in str(refusal)
    assert "Error" not in str(refusal), f"{path.name}: no words of ours for it: {refusal}"
    if refusal.code == "failed":
        return "worker lost" if media.lost > before else "out of memory"
    return f"refused after some audio: {refusal.code}" if heard else f"refused: {refusal.code}"


async def run(folder: Path, count: int) -> Counter[str]:
    originals = {path.name: path.read_bytes() for path in sorted(make_files(folder / "good", 2).iterdir())}
    names = [name for name in KINDS if name != SILENT]
    results: Counter[str] = Counter()
    before = 0.0
    async with working(AT_ONCE, wait_s=120, stall_s=HANG_S, longest_s=LONGEST_S) as media:
        for start in range(0, count, GOOD_EVERY):
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(number: int, gate: asyncio.Semaphore = gate) -> str:
                async with gate:
                    name, data = hostile(originals, number)
                    path = folder / f"{number}-{name}"
                    path.write_bytes(data)
                    result = await attempt(media, path)
                    if result in ("worker lost", "out of memory"):
                        print(f"{path.name}: {result}")
                    path.unlink()
                    return result

            results.update(await asyncio.gather(*(one(number) for number in range(start, min(start + GOOD_EVERY, count)))))
            good = names[start // GOOD_EVERY % len(names)]
            assert len(await decoded(media, folder / "good" / good)) > 1.9 * SPEECH_HZ, "and a good file is decoded as ever"
            await eventually(lambda: not living_workers())
            before = before or resident_mb(os.getpid())
            assert resident_mb(os.getpid()) - before < 30
    assert results.total() == count
    return results


async def test_broken_files_are_decoded_or_refused(tmp_path: Path) -> None:
    results = await run(tmp_path, 100)
    assert results["decoded"] > 10, "damage is passed over where it can be"
    assert results.total() - results["decoded"] > 10


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_a_thousand_broken_files_leave_the_pool_as_it_was(tmp_path: Path) -> None:
    results = await run(tmp_path, 1_000)
    print()
    for what, count in results.most_common():
        print(f"{count:5d}  {what}")
