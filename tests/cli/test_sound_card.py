"""The sound card behind a call, with a card that is moved by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vivavoce.cli.call.clock import SAMPLES_PER_MS
from vivavoce.cli.call.sound_card import BLOCK_SAMPLES, SoundCard
from vivavoce.cli.call.speaker import Cut, Part
from vivavoce.cli.errors import Trouble

ONE, TWO = Part("item_1", 0), Part("item_2", 0)


class Card:
    """What sounddevice opens: hands over blocks when told to. It sounds 10 ms after it was given something."""

    latency = (0.005, 0.010)

    def __init__(self, callback: Callable[..., None], **_: Any) -> None:
        self._callback = callback
        self.running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        pass

    def block(self, captured: int = 0) -> NDArray[np.int16]:
        """Capture 20 ms of one value and return the 20 ms that are played."""
        played = np.full((BLOCK_SAMPLES, 1), -1, np.int16)
        self._callback(np.full((BLOCK_SAMPLES, 1), captured, np.int16), played, BLOCK_SAMPLES, None, None)
        return played[:, 0]


class PortAudioError(Exception):
    pass


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[Card]:
    made: list[Card] = []

    def stream(**settings: Any) -> Card:
        made.append(Card(**settings))
        return made[-1]

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(Stream=stream, PortAudioError=PortAudioError))
    return made


def tone(ms: int, level: int) -> NDArray[np.int16]:
    return np.full(ms * SAMPLES_PER_MS, level, np.int16)


async def test_what_is_captured_comes_out_in_order(cards: list[Card]) -> None:
    with SoundCard() as card:
        cards[0].block(captured=3)
        cards[0].block(captured=4)
        chunks = card.chunks()
        assert [int((await anext(chunks))[0]) for _ in range(2)] == [3, 4]
    assert not cards[0].running


async def test_parts_are_played_without_a_gap_and_then_silence(cards: list[Card]) -> None:
    with SoundCard() as card:
        card.play(ONE, tone(15, 5))
        card.play(TWO, tone(15, 6))
        played = np.concatenate([cards[0].block(), cards[0].block()])
        assert np.array_equal(played, np.concatenate([tone(15, 5), tone(15, 6), tone(10, 0)]))
        assert card.left_ms() == 0


async def test_a_cut_counts_what_the_card_has_not_sounded_yet_as_not_heard(cards: list[Card]) -> None:
    with SoundCard() as card:
        card.play(ONE, tone(100, 5))
        card.play(TWO, tone(100, 6))
        for _ in range(3):
            cards[0].block()
        assert card.cut() == [Cut(ONE, 60 - 10), Cut(TWO, 0)]
        assert not cards[0].block().any()


async def test_a_machine_without_a_card_is_told_so(cards: list[Card], monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**_: Any) -> Card:
        raise PortAudioError("Error querying device -1")

    monkeypatch.setattr(sys.modules["sounddevice"], "Stream", none)
    with pytest.raises(Trouble, match="no microphone and loudspeaker can be used"):
        SoundCard()
