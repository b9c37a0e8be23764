"""Translation sessions, end to end: the recorded sequence, languages, silence, close, and what engines and clients may do wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from dataclasses import replace
from typing import Any

import pytest
from translation_kit import MODEL, PAIRS, TRANSCRIBED, audio_of, interpreters, listening, official, talk
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import MODEL as AGENT
from kit import PATIENCE_S, Serving, collapsed, eventually, scripted, serving, silence
from vivavoce.engines.ports import EngineFault
from vivavoce.sessions import translation as translating
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator
from vivavoce.testing.vad import EnergyVad
from vivavoce.transports import websocket

MORNING = talk("good morning everybody.", "this is a test.")
AUDIO = audio_of(MORNING)


# --- the sequence ---------------------------------------------------------------------------------------------------------------


async def test_the_official_client_hears_and_reads_the_translation() -> None:
    words = talk("good morning everybody.", "good night.")
    audio, turn = audio_of(words), (words[2].end_ms + 500) * 48
    async with serving(interpreters(words)) as server, official(server) as client:
        created = (await client.until("session.created"))["session"]
        assert created["type"] == "translation"
        assert list(created) == ["id", "type", "model", "expires_at", "audio"]
        updated = await client.change(**TRANSCRIBED, output={"language": "es"})
        assert updated["audio"] == {
            "input": {"transcription": {"model": "gpt-realtime-whisper"}, "noise_reduction": None},
            "output": {"language": "es"},
        }
        await client.append(audio[:turn])
        await client.change(output={"language": "fr"})
        await client.append(audio[turn:])
        await client.finish()
    assert client.text("input") == "good morning everybody. good night."
    assert client.text() == "[es] good morning everybody. [fr] good night."
    assert len(client.audio_said) == 7 * 300 * 48
    assert set(client.types()[2:-1]) == {
        "session.updated",
        "session.input_transcript.delta",
        "session.output_transcript.delta",
        "session.output_audio.delta",
    }
    assert client.types()[-1] == "session.closed"


async def test_every_stretch_of_audio_says_what_it_is() -> None:
    async with serving(interpreters(MORNING)) as server, listening(server) as client:
        await client.append(AUDIO)
        await client.finish()
    deltas = client.of("session.output_audio.delta")
    for delta in deltas:
        assert (delta["sample_rate"], delta["channels"], delta["format"]) == (24_000, 1, "pcm16")
        assert len(base64.b64decode(delta["delta"])) <= 9_600
        assert delta["elapsed_ms"] % 200 == 0
    elapsed = [delta["elapsed_ms"] for delta in deltas]
    assert elapsed == sorted(elapsed)
    assert not client.of("session.input_transcript.delta"), "nobody asked for the source"


@pytest.mark.parametrize("step_ms", [20, 5_000])
async def test_the_text_does_not_depend_on_how_audio_is_sent(step_ms: int) -> None:
    words = talk("one two three four five six seven eight nine ten", "eleven twelve.", pause_ms=500)
    stack = interpreters(words, ScriptedTranslator(lambda request: request.text.upper(), pairs=PAIRS))
    async with serving(stack) as server, listening(server) as client:
        await client.append(audio_of(words), step_ms * 48)
        await client.finish()
    assert client.text() == " ".join(word.text for word in words).upper()


async def test_silence_may_flow_for_ever_and_nothing_is_said() -> None:
    async with serving(interpreters()) as server, listening(server) as client:
        await client.append(silence(60_000))
        await client.finish()
    assert client.types() == ["session.created", "session.closed"]


async def test_a_slash_at_the_end_of_the_path_will_do() -> None:
    options: dict[str, Any] = {"subprotocols": ["realtime"]}
    async with serving(interpreters()) as server:
        url = server.realtime(f"model={MODEL}", "/v1/realtime/translations/")
        async with connect(url, **options) as client:
            assert json.loads(await client.recv())["type"] == "session.created"
            assert client.subprotocol == "realtime"


async def test_speech_in_the_target_language_stays_silent() -> None:
    recognizer: dict[str, Any] = {"languages": ("en", "es")}
    words = [replace(word, language="es") for word in talk("ya hablo español.")]
    translator = ScriptedTranslator(pairs=(("*", "es"),))
    async with serving(interpreters(words, translator, **recognizer)) as server, listening(server) as client:
        await client.change(**TRANSCRIBED, output={"language": "es"})
        await client.append(audio_of(words))
        await client.finish()
    assert client.text("input") == "ya hablo español."
    assert not client.text()
    assert not translator.requests


# --- the handshake --------------------------------------------------------------------------------------------------------------


async def refused(server: Serving, query: str, path: str = "/v1/realtime/translations", **options: Any) -> tuple[int, Any]:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(server.realtime(query, path), **options):
            raise AssertionError("accepted")
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"")["error"]


@pytest.mark.parametrize(
    ("query", "status", "code", "param"),
    [
        (f"model={MODEL}&intent=translation", 400, "invalid_value", "intent"),
        ("", 400, "missing_required_parameter", "model"),
        (f"model={AGENT}", 400, "invalid_model", "model"),
        ("model=nonsense", 404, "model_not_found", "model"),
    ],
)
async def test_what_is_no_translation_session_is_refused(query: str, status: int, code: str, param: str) -> None:
    async with serving(interpreters()) as server:
        got, error = await refused(server, query)
        assert (got, error["code"], error["param"]) == (status, code, param)


async def test_a_model_that_cannot_translate_is_refused_and_says_what_to_configure() -> None:
    async with serving(scripted()) as server:
        status, error = await refused(server, f"model={MODEL}")
        assert (status, error["code"], error["param"]) == (400, "invalid_model", "model")
        assert "translator" in error["message"]
    async with serving(interpreters(translator=ScriptedTranslator(pairs=(("de", "fr"),)))) as server:
        status, error = await refused(server, f"model={MODEL}")
        assert (status, error["code"]) == (400, "invalid_model")
        assert "nothing that is understood here (en) can be translated" in error["message"]


async def test_a_client_without_a_key_is_refused() -> None:
    async with serving(interpreters(), keys=("sk-secret",)) as server:
        status, error = await refused(server, f"model={MODEL}")
        assert (status, error["code"]) == (401, None)


async def test_the_beta_had_no_translation_sessions() -> None:
    headers = {"OpenAI-Beta": "realtime=v1"}
    async with serving(interpreters(), beta=True) as server:
        status, error = await refused(server, f"model={MODEL}", additional_headers=headers)
        assert status == 400
        assert "beta" in error["message"]


async def test_a_translation_model_opens_no_conversation() -> None:
    async with serving(interpreters()) as server:
        status, error = await refused(server, f"model={MODEL}", "/v1/realtime")
        assert (status, error["code"]) == (400, "invalid_model")


# --- updates --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "translation"}, "unknown_parameter", "session.type"),
        ({"model": MODEL}, "unknown_parameter", "session.model"),
        ({"tools": []}, "unknown_parameter", "session.tools"),
        ({"instructions": "be brief"}, "unknown_parameter", "session.instructions"),
        ({"audio": {"output": {"voice": "alloy"}}}, "unknown_parameter", "session.audio.output.voice"),
        ({"audio": {"input": {"turn_detection": None}}}, "unknown_parameter", "session.audio.input.turn_detection"),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, "unknown_parameter", "session.audio.input.format"),
        (
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
            "invalid_value",
            "session.audio.input.noise_reduction",
        ),
        ({"audio": {"input": {"transcription": {}}}}, "missing_required_parameter", "session.audio.input.transcription.model"),
        ({"audio": {"output": {"language": "de"}}}, "invalid_value", "session.audio.output.language"),
        ({"audio": {"output": {"language": None}}}, "invalid_type", "session.audio.output.language"),
        ([], "invalid_type", "session"),
    ],
    ids=str,
)
async def test_an_update_is_refused_whole_and_changes_nothing(session: Any, code: str, param: str) -> None:
    async with serving(interpreters()) as server, listening(server) as client:
        before = client.events[0]["session"]
        error = await client.refused({"type": "session.update", "event_id": "evt_1", "session": session})
        assert (error["code"], error["param"], error["event_id"]) == (code, param, "evt_1")
        assert (await client.change())["audio"] == before["audio"]


async def test_a_region_of_a_language_is_spoken_as_the_language() -> None:
    translator = ScriptedTranslator(pairs=PAIRS)
    async with serving(interpreters(MORNING, translator)) as server, listening(server) as client:
        assert (await client.change(output={"language": "es-MX"}))["audio"]["output"] == {"language": "es-MX"}
        await client.append(AUDIO)
        await client.finish()
    assert {request.target for request in translator.requests} == {"es"}


async def test_transcription_is_taken_off_again() -> None:
    async with serving(interpreters(MORNING)) as server, listening(server) as client:
        await client.change(**TRANSCRIBED)
        updated = await client.change(input={"transcription": None, "noise_reduction": None})
        assert updated["audio"]["input"] == {"transcription": None, "noise_reduction": None}
        await client.append(AUDIO)
        await client.finish()
    assert not client.text("input")


# --- hostile clients ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_event", None),
        ({"type": "input_audio_buffer.append", "audio": ""}, "invalid_value", "type"),
        ({"type": "response.create"}, "invalid_value", "type"),
        ({"type": "session.input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "session.input_audio_buffer.append", "audio": "§"}, "invalid_value", "audio"),
        ({"type": "session.input_audio_buffer.append", "audio": 7}, "invalid_type", "audio"),
        ({"type": "session.input_audio_buffer.append", "audio": "AAAA"}, "invalid_value", "audio"),
        ({"type": "session.close", "now": True}, "unknown_parameter", "now"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
    ],
    ids=str,
)
async def test_a_bad_frame_costs_one_error_and_nothing_else(frame: Any, code: str, param: str | None) -> None:
    async with serving(interpreters(MORNING)) as server, listening(server) as client:
        error = await client.refused(frame)
        assert (error["code"], error["param"]) == (code, param)
        if code == "invalid_value" and param == "type":
            assert "'session.input_audio_buffer.append'" in error["message"]
        await client.append(AUDIO)
        await client.finish()
    assert client.text() == "[es] good morning everybody. [es] this is a test."


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind() -> None:
    translator = ScriptedTranslator(hang=True, pairs=PAIRS)
    async with serving(interpreters(MORNING, translator)) as server:
        async with listening(server) as client:
            await client.append(AUDIO)
            await eventually(lambda: translator.requests)
        await server.empty()
        await eventually(lambda: translator.cancelled == 1)


async def test_a_client_that_never_reads_is_cut_off_and_held_back_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "STALL_S", 0.5)
    words = talk(*["one two three four five six."] * 60, pause_ms=500)
    voice = ScriptedSynthesizer(word_ms=2_000)
    async with serving(interpreters(words, voice=voice)) as server:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
        url = server.realtime(f"model={MODEL}", "/v1/realtime/translations")
        async with connect(url, sock=raw, max_queue=1, compression=None, close_timeout=0.2) as client:
            await eventually(lambda: len(server.service.hub))
            outlet: Any = next(iter(server.service.hub._open))
            chunk = base64.b64encode(audio_of(words)).decode()
            most = 0
            frame = json.dumps({"type": "session.input_audio_buffer.append", "audio": chunk})
            sending = asyncio.create_task(client.send(frame))
            async with asyncio.timeout(PATIENCE_S):
                while len(server.service.hub):
                    most = max(most, outlet._queued)
                    await asyncio.sleep(0.01)
            client.transport.abort()
            await asyncio.gather(sending, return_exceptions=True)
    assert 0 < most < 3 * websocket.HIGH_WATER_BYTES
    assert len(voice.clauses) < 40


# --- engines that fail ----------------------------------------------------------------------------------------------------------


async def test_a_translator_that_breaks_costs_a_clause() -> None:
    script: dict[str, str | EngineFault] = {
        "good morning everybody.": EngineFault("the backend broke"),
        "this is a test.": "es una prueba.",
    }
    stack = interpreters(MORNING, ScriptedTranslator(script, pairs=PAIRS))
    async with serving(stack) as server, listening(server) as client:
        await client.append(AUDIO)
        error = (await client.until("error"))["error"]
        assert (error["type"], error["code"], error["event_id"]) == ("server_error", None, None)
        assert "the backend broke" in error["message"]
        await client.finish()
    assert client.text() == "es una prueba."


class _Crashing(ScriptedTranslator):
    def _looked_up(self, request: Any) -> str:
        raise RuntimeError("secret inner workings")


async def test_an_engine_s_own_fault_is_not_shown(log: list[Any]) -> None:
    async with serving(interpreters(MORNING, _Crashing(pairs=PAIRS))) as server, listening(server) as client:
        await client.append(AUDIO)
        error = (await client.until("error"))["error"]
        assert error["message"] == "A clause could not be translated and was left out: The translator had an error."
    log.clear()


async def test_a_translator_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translating, "WITHIN_S", 0.1)
    translator = ScriptedTranslator(hang=True, pairs=PAIRS)
    async with serving(interpreters(MORNING, translator)) as server, listening(server) as client:
        await client.append(AUDIO)
        error = (await client.until("error"))["error"]
        assert "did not answer in time" in error["message"]
        await client.until("error")
        await client.finish()
    assert not client.text()
    assert client.types()[-1] == "session.closed"


@pytest.mark.parametrize("how", ["breaks", "hangs"])
async def test_a_voice_that_fails_costs_its_sound_and_not_the_text(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translating, "WITHIN_S", 0.1)
    voice = ScriptedSynthesizer(fault=EngineFault("no voice")) if how == "breaks" else ScriptedSynthesizer(hang_at=0)
    async with serving(interpreters(MORNING, voice=voice)) as server, listening(server) as client:
        await client.append(AUDIO)
        await client.until("error")
        await client.finish()
    assert client.text() == "[es] good morning everybody. [es] this is a test."
    assert len(client.audio_said) == 5 * 300 * 48


async def test_a_recognizer_that_breaks_costs_a_stretch_of_speech() -> None:
    async with serving(interpreters(MORNING, fault_at=0)) as server, listening(server) as client:
        await client.append(AUDIO)
        await client.until("error")
        await client.finish()
    assert client.text().endswith("[es] this is a test.")


async def test_a_detector_that_dies_is_told() -> None:
    stack = replace(interpreters(MORNING), vad=EnergyVad(fault_after=30))
    async with serving(stack) as server, listening(server) as client:
        await client.append(AUDIO)
        error = (await client.until("error"))["error"]
        assert error["type"] == "server_error"
        await client.send("session.close")
        while client.types()[-1] != "session.closed":
            await client.read()


async def test_a_recognizer_without_times_or_languages_will_do() -> None:
    stack = replace(
        scripted(recognizer=ScriptedRecognizer("good morning", "good night")), translator=ScriptedTranslator(pairs=PAIRS)
    )
    async with serving(stack) as server, listening(server) as client:
        await client.append(AUDIO)
        await client.finish()
    assert client.text() == "[es] good morning [es] good night"


# --- the books ------------------------------------------------------------------------------------------------------------------


async def test_the_session_s_record_tells_cost_and_lag() -> None:
    async with serving(interpreters(MORNING)) as server:
        async with listening(server) as client:
            await client.append(AUDIO)
            await client.finish()
            record = server.service.records.find(client.events[0]["session"]["id"])
        assert record is not None
        told = record.wire()
        seconds = -(-len(AUDIO) // 48_000)
        assert told["kind"] == "translation"
        assert told["cost_usd"] == round(seconds / 60 * 0.034, 6)
        assert told["translation"]["seconds"] == seconds
        assert told["translation"]["clauses"] == 2
        assert told["translation"]["words"] == 9
        assert told["translation"]["lag_ms"] is not None
        metrics = server.service.metrics.registry
        assert metrics.get_sample_value("vivavoce_translation_lag_seconds_count", {"model": MODEL}) == 2
        assert metrics.get_sample_value("vivavoce_cost_usd_total", {"model": MODEL}) == pytest.approx(seconds / 60 * 0.034)


async def test_a_session_ends_with_its_time() -> None:
    async with serving(interpreters(), max_session_minutes=0.005) as server, listening(server) as client:
        error = (await client.until("error"))["error"]
        assert error["code"] == "session_expired"
        assert (await client.closed()).rcvd.code == 1001  # type: ignore[union-attr]


async def test_what_comes_is_in_order() -> None:
    async with serving(interpreters(MORNING)) as server, listening(server) as client:
        await client.change(**TRANSCRIBED)
        await client.append(AUDIO)
        await client.finish()
    spoken = [kind for kind in client.types() if "output" in kind]
    assert collapsed(spoken) == ["session.output_transcript.delta", "session.output_audio.delta"] * 2
