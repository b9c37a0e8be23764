"""`audio.input.noise_reduction` on the wire: it is in the session object, it is done, and it moves nothing."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from translation_kit import interpreters, listening

from kit import TURN, scripted, serving, session, silence, speech
from vivavoce.engines.noise import webrtc
from vivavoce.engines.noise.webrtc import WebRtcNoiseReducer
from vivavoce.engines.ports import Capabilities, NoiseField
from vivavoce.models.stack import Stack

NEAR = {"type": "near_field"}
NEAR_ECHOED = {"type": "near_field", "strength": 1.0}

Floats = NDArray[np.float32]


class Muffler:
    """A noise reducer whose effect can be heard: far from the microphone it takes everything for noise, at the mouth nothing.

    It holds back as much as a filter may.
    """

    HELD = 255

    def __init__(self) -> None:
        self.opened: list[tuple[NoiseField, float]] = []
        self.heard = 0
        self.capabilities = Capabilities("muffler", "Apache-2.0", streaming=True, quality="null")

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    def open(self, field: NoiseField, strength: float) -> Muffled:
        self.opened.append((field, strength))
        return Muffled(self, 0.0 if field == "far_field" else 1.0)


class Muffled:
    def __init__(self, owner: Muffler, gain: float) -> None:
        self._owner = owner
        self._gain = np.float32(gain)
        self._held: Floats = np.empty(0, np.float32)

    def feed(self, samples: Floats) -> Floats:
        self._owner.heard += len(samples)
        both = np.concatenate([self._held, self._gain * samples])
        ready = max(0, len(both) - Muffler.HELD)
        self._held = both[ready:]
        return both[:ready]

    def finish(self) -> Floats:
        held, self._held = self._held, np.empty(0, np.float32)
        return held


def noise(wanted: Any) -> dict[str, Any]:
    return {"audio": {"input": {"noise_reduction": wanted}}}


def muffling() -> tuple[Stack, Muffler]:
    muffler = Muffler()
    return replace(scripted(), noise=muffler), muffler


def times(client: Any) -> list[int]:
    started = [event["audio_start_ms"] for event in client.of("input_audio_buffer.speech_started")]
    return started + [event["audio_end_ms"] for event in client.of("input_audio_buffer.speech_stopped")]


async def test_it_is_echoed_whole_and_can_be_taken_off_again() -> None:
    stack, _ = muffling()
    async with serving(stack) as server, server.connect() as client:
        assert client.events[0]["session"]["audio"]["input"]["noise_reduction"] is None
        assert (await client.update(**noise(NEAR)))["audio"]["input"]["noise_reduction"] == NEAR_ECHOED
        kept = await client.update(**noise({"strength": 0.5}))
        assert kept["audio"]["input"]["noise_reduction"] == {"type": "near_field", "strength": 0.5}
        assert (await client.update(instructions="Hi."))["audio"]["input"] == kept["audio"]["input"]
        assert (await client.update(**noise(None)))["audio"]["input"]["noise_reduction"] is None


async def test_a_server_without_it_refuses_the_whole_update_and_names_the_extra() -> None:
    async with serving() as server, server.connect() as client:
        error = await client.refused(session(instructions="Hi.", **noise(NEAR)))
        assert (error["code"], error["param"]) == ("invalid_value", "session.audio.input.noise_reduction")
        assert "vivavoce[noise]" in error["message"]
        assert (await client.session())["instructions"] != "Hi."


async def test_detector_and_recognizer_hear_what_is_left() -> None:
    stack, muffler = muffling()
    async with serving(stack) as server, server.connect() as client:
        await client.update(**noise({"type": "far_field", "strength": 1.5}))
        await client.append(TURN)
        await client.settled()
        assert not client.of("input_audio_buffer.speech_started")
        assert muffler.opened[-1] == ("far_field", 1.5)
        await client.update(**noise(NEAR))
        await client.append(TURN)
        await client.until("response.done")


async def test_offsets_are_those_of_the_audio_that_was_sent() -> None:
    stack, muffler = muffling()
    async with serving(scripted()) as server, server.connect() as client:
        await client.append(TURN)
        await client.until("response.done")
        plain = times(client)
    async with serving(stack) as server, server.connect() as client:
        await client.update(**noise(NEAR))
        await client.append(TURN)
        await client.until("response.done")
        assert times(client) == plain
    assert muffler.heard > 0


async def test_it_changes_in_the_middle_of_a_turn_without_a_gap() -> None:
    stack, _ = muffling()
    middle = 2 * 24 * 850
    async with serving(stack) as server, server.connect() as client:
        await client.append(TURN[:middle])
        await client.until("input_audio_buffer.speech_started")
        await client.update(**noise(NEAR))
        await client.append(TURN[middle:])
        await client.until("response.done")
        changed = times(client)
    async with serving(scripted()) as server, server.connect() as client:
        await client.append(TURN)
        await client.until("response.done")
        assert times(client) == changed


async def test_off_means_untouched() -> None:
    stack, muffler = muffling()
    async with serving(stack) as server, server.connect() as client:
        await client.append(TURN)
        await client.until("response.done")
        await client.update(**noise(NEAR))
        await client.update(**noise(None))
        heard = muffler.heard
        await client.append(TURN)
        await client.until("response.done")
        assert muffler.heard == heard == 0


async def test_audio_committed_by_hand_is_reduced_too_and_placed_audio_is_not() -> None:
    stack, muffler = muffling()
    async with serving(stack) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None, "noise_reduction": NEAR}})
        await client.append(speech(400))
        await client.send("input_audio_buffer.commit")
        await client.until("input_audio_buffer.committed")
        await client.settled()
        assert muffler.heard == 400 * 16
        part = {"type": "input_audio", "audio": base64.b64encode(speech(300)).decode()}
        await client.create({"type": "message", "role": "user", "content": [part]})
        await client.settled()
        assert muffler.heard == 400 * 16


async def test_sessions_have_filters_of_their_own() -> None:
    stack, muffler = muffling()
    async with serving(stack) as server, server.connect() as one, server.connect() as other:
        await one.update(**noise({"type": "far_field"}))
        await other.update(**noise(NEAR))
        await one.append(TURN)
        await other.append(TURN)
        await other.until("response.done")
        await one.settled()
        assert not one.of("input_audio_buffer.speech_started")
    assert len(muffler.opened) == 2


@pytest.mark.parametrize("by_client", [True, False])
async def test_transcription_sessions_have_it(by_client: bool) -> None:
    stack, muffler = muffling()
    async with serving(stack) as server, server.open(server.realtime("intent=transcription")) as client:
        heard = {"noise_reduction": NEAR, **({"turn_detection": None} if by_client else {})}
        await client.send("session.update", session={"type": "transcription", "audio": {"input": heard}})
        updated = await client.until("session.updated")
        assert updated["session"]["audio"]["input"]["noise_reduction"] == NEAR_ECHOED
        await client.append(TURN)
        if by_client:
            await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.input_audio_transcription.completed")
        assert muffler.heard == len(TURN) // 2 * 2 // 3


async def test_translation_sessions_have_it() -> None:
    muffler = Muffler()
    async with serving(replace(interpreters(), noise=muffler)) as server, listening(server) as client:
        changed = await client.change(input={"noise_reduction": {"type": "far_field", "strength": 2}})
        assert changed["audio"]["input"]["noise_reduction"] == {"type": "far_field", "strength": 2}
        await client.append(silence(1_000))
        await client.finish()
    assert muffler.opened == [("far_field", 2.0)]
    assert muffler.heard > 0


async def test_a_client_secret_brings_it_along() -> None:
    stack, muffler = muffling()
    async with serving(stack) as server:
        wanted = {"type": "realtime", "model": "gpt-realtime", **noise(NEAR)}
        async with httpx.AsyncClient(base_url=server.url) as http:
            made = (await http.post("/v1/realtime/client_secrets", json={"session": wanted})).json()
        assert made["session"]["audio"]["input"]["noise_reduction"] == NEAR_ECHOED
        bearer = {"Authorization": f"Bearer {made['value']}"}
        async with server.open(server.realtime(), additional_headers=bearer) as client:
            assert client.events[0]["session"]["audio"]["input"]["noise_reduction"] == NEAR_ECHOED
            await client.append(TURN)
            await client.until("response.done")
    assert muffler.opened == [("near_field", 1.0)]


@pytest.mark.skipif(not webrtc.installed(), reason="the extra 'noise' is not installed")
@pytest.mark.parametrize("field", ["near_field", "far_field"])
async def test_with_the_real_one_a_turn_is_heard_where_it_was_said(field: str) -> None:
    hum = silence(1_000) + speech(900) + silence(1_200)
    async with serving(scripted()) as server, server.connect() as client:
        await client.append(hum)
        await client.until("response.done")
        plain = times(client)
    async with serving(replace(scripted(), noise=WebRtcNoiseReducer())) as server, server.connect() as client:
        await client.update(**noise({"type": field}))
        await client.append(hum)
        await client.until("response.done")
        assert [abs(one - other) <= 64 for one, other in zip(times(client), plain, strict=True)] == [True, True]
