"""What a form may ask of a file, and how forms spell it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.language_names import language_name
from vivavoce.protocol.transcription_request import FileRequest, spoken_languages, transcription_request, translation_request


def asked(model: str, **fields: str) -> FileRequest:
    return transcription_request([("model", model), *fields.items()])


@pytest.mark.parametrize("format", ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"])
def test_a_model_of_the_operators_own_takes_every_format(format: str) -> None:
    assert asked("my-ears", response_format=format).format == format


def test_only_what_can_be_told_in_pieces_is_streamed() -> None:
    assert asked("my-ears", stream="true").stream
    with pytest.raises(ClientFault, match="cannot be streamed"):
        asked("my-ears", stream="true", response_format="srt")


def test_segments_are_told_unless_only_words_are_asked_for() -> None:
    verbose = ("response_format", "verbose_json")
    for granularities, tell in (((), (False, True)), (("word",), (True, False)), (("segment",), (False, True))):
        pairs = [("model", "whisper-1"), verbose, *(("timestamp_granularities[]", each) for each in granularities)]
        wanted = transcription_request(pairs)
        assert (wanted.words, wanted.segments) == tell


def test_without_a_strategy_the_pauses_are_the_dictations_own() -> None:
    assert asked("whisper-1").pauses is None
    assert asked("whisper-1", chunking_strategy="auto").pauses is None


def test_a_strategy_fills_in_what_it_leaves_out() -> None:
    pauses = asked("whisper-1", chunking_strategy='{"type": "server_vad", "threshold": 0.7}').pauses
    assert pauses is not None
    assert (pauses.threshold, pauses.prefix_padding_ms, pauses.silence_duration_ms) == (0.7, 300, 200)


@pytest.mark.parametrize(
    ("languages", "understood", "spoken"),
    [
        ((), ("en",), ()),
        (("en",), (), ("en",)),
        (("en-GB",), ("en",), ("en",)),
        (("de", "en"), ("en", "fr"), ("en",)),
    ],
)
def test_languages_are_those_the_recognizer_understands(
    languages: tuple[str, ...], understood: tuple[str, ...], spoken: tuple[str, ...]
) -> None:
    request = transcription_request([("model", "gpt-transcribe"), *(("languages[]", language) for language in languages)])
    assert spoken_languages(request, understood) == spoken


def test_a_language_nobody_understands_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        spoken_languages(asked("whisper-1", language="fr"), ("en", "de"))
    assert (caught.value.param, caught.value.code) == ("language", "invalid_value")
    assert "'en', 'de'" in caught.value.message


def test_translations_take_fewer_fields() -> None:
    assert translation_request([("model", "whisper-1"), ("temperature", "0")]).format == "json"
    with pytest.raises(ClientFault, match="Unknown parameter"):
        translation_request([("model", "whisper-1"), ("include[]", "logprobs")])


NAMES = (
    *("model", "prompt", "language", "languages[]", "keywords", "temperature", "response_format", "stream", "include[]"),
    *("chunking_strategy", "chunking_strategy[type]", "chunking_strategy[threshold]", "timestamp_granularities[]"),
    *("x[y]", "[", ""),
)
VALUES = ("whisper-1", "server_vad", "auto", "1", "{}", "[]", "true", "json")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.one_of(st.text(max_size=30), st.sampled_from(VALUES)))))
def test_any_form_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    for read in (transcription_request, translation_request):
        try:
            read(pairs)
        except ClientFault as fault:
            body: dict[str, Any] = fault.body()
            assert body["type"] == "invalid_request_error"


def test_languages_have_names() -> None:
    assert [language_name(code) for code in ("en", "de", "yue", "tlh", "")] == [
        "english",
        "german",
        "cantonese",
        "tlh",
        "unknown",
    ]
