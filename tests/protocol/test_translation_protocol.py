"""Translation sessions on the wire: client frames are parsed without exceptions, configurations merged or refused whole, events official."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.protocol import server_events
from vivavoce.protocol import translation_events as events
from vivavoce.protocol.client_events import ClientEvent, Refused, SessionClose, SessionUpdate, TranslationAppend, type_of
from vivavoce.protocol.errors import ClientFault, missing
from vivavoce.protocol.translation_events import SUPPORTED, parse
from vivavoce.protocol.translation_session import TranslationDefaults, initial, updated, view
from vivavoce.testing.official import validate_translation_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["audio", "input", "output", "language", "transcription", "model", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
DEFAULTS = TranslationDefaults("gpt-realtime-translate", (("en", "es"), ("en", "fr"), ("*", "de")))


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_no_frame_raises(frame: str | bytes) -> None:
    assert isinstance(parse(frame), Refused | SessionUpdate | TranslationAppend | SessionClose)


@given(st.sampled_from(SUPPORTED), st.dictionaries(st.sampled_from(["session", "audio", "event_id"]), JSON, max_size=3))
def test_an_event_is_itself_or_refused(kind: str, fields: dict[str, Any]) -> None:
    event = parse(json.dumps({"type": kind, **fields}))
    assert type_of(event) == kind


def test_events_are_parsed() -> None:
    audio = base64.b64encode(b"\1\0\2\0").decode()
    frames: dict[str, ClientEvent] = {
        '{"type": "session.update", "session": {"a": 1}}': SessionUpdate(None, {"a": 1}),
        f'{{"type": "session.input_audio_buffer.append", "event_id": "e", "audio": "{audio}"}}': TranslationAppend(
            "e", b"\1\0\2\0"
        ),
        '{"type": "session.close"}': SessionClose(None),
    }
    for frame, event in frames.items():
        assert parse(frame) == event


def test_events_of_other_sessions_are_refused_with_the_names_of_these() -> None:
    event = parse('{"type": "input_audio_buffer.append", "audio": "", "event_id": "e"}')
    assert isinstance(event, Refused)
    assert event.event_id == "e"
    assert event.fault.param == "type"
    assert all(f"'{name}'" in event.fault.message for name in SUPPORTED)


def outcome(session: dict[str, Any], update: Any) -> dict[str, Any] | ClientFault:
    """Return what comes of an update."""
    try:
        return updated(session, update, DEFAULTS)
    except ClientFault as fault:
        return fault


@given(JSON)
def test_an_update_is_accepted_or_refused_whole(update: Any) -> None:
    session = initial(DEFAULTS, "sess_1", 7)
    before = deepcopy(session)
    after = outcome(session, update)
    assert session == before
    if isinstance(after, ClientFault):
        assert (after.param or "").startswith("session")
    else:
        assert list(after) == list(before)
        view(after)


def test_updates_are_merged() -> None:
    session = initial(DEFAULTS, "sess_1", 7)
    session = updated(session, {"audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}}, DEFAULTS)
    session = updated(session, {"audio": {"output": {"language": "fr"}}}, DEFAULTS)
    assert view(session).transcription == "gpt-realtime-whisper"
    assert view(session).language == "fr"
    assert view(updated(session, {"audio": {"input": {"transcription": None}}}, DEFAULTS)).transcription is None
    assert updated(session, {}, DEFAULTS) == session


@pytest.mark.parametrize(
    ("pairs", "language"),
    [((("en", "es"),), "es"), ((("es", "en"), ("en", "es")), "en"), ((("*", "fr"), ("*", "en")), "en")],
)
def test_a_session_that_names_no_language_speaks_english_or_what_there_is(pairs: Any, language: str) -> None:
    defaults = TranslationDefaults("m", pairs)
    assert initial(defaults, "s", 0)["audio"]["output"]["language"] == language


def test_pairs_are_kept_to() -> None:
    assert DEFAULTS.translates("en", "es")
    assert DEFAULTS.translates("ja", "de")
    assert DEFAULTS.translates("", "fr")
    assert not DEFAULTS.translates("ja", "fr")
    assert not DEFAULTS.translates("en", "ja")
    assert DEFAULTS.targets == ("es", "fr", "de")


def test_server_events_are_the_official_ones() -> None:
    session = initial(DEFAULTS, "sess_1", 7)
    for event in (
        server_events.session_created(session),
        server_events.session_updated(session),
        server_events.error(missing("session").wire("e")),
        events.session_closed(),
        events.input_transcript_delta(" hello", 200),
        events.output_transcript_delta(" hola", 400),
        events.output_audio_delta("AAAA", 400),
    ):
        validate_translation_event(server_events.stamp(event, "event_1"))
