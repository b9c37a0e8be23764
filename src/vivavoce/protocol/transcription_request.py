"""What `/v1/audio/transcriptions` and `/v1/audio/translations` may be asked, model by model.

Source: wire reference A.6; the official client's parameter descriptions; for what is refused, the words of the service's own answers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.forms import FormFields
from vivavoce.protocol.listening import STREAMING_MODELS, TurnDetection
from vivavoce.protocol.schema import Choice, Either, Flag, Integer, Items, Number, Record, Schema, Tagged, Text

_TEXTS: Final = ("json", "text")
_TIMED: Final = (*_TEXTS, "srt", "verbose_json", "vtt")
_EVERY: Final = (*_TIMED, "diarized_json")
_STREAMED: Final = (*_TEXTS, "diarized_json")

UNCHUNKED_MS: Final = 30_000
"""Longest audio that is told apart by speakers without a `chunking_strategy`. Source: wire reference A.6."""

_VAD: Final = Record(
    {
        "type": Choice(("server_vad",)),
        "threshold": Number(0, 1),
        "prefix_padding_ms": Integer(0, 10_000),
        "silence_duration_ms": Integer(0, 30_000),
    },
    ("type",),
)
_COMMON: Final[dict[str, Schema]] = {"model": Text(256, 1), "prompt": Text(16_384), "temperature": Number(0, 1)}
TRANSCRIPTION: Final = Record(
    {
        **_COMMON,
        "language": Text(16),
        "languages": Items(Text(16), 32),
        "keywords": Items(Text(256), 1024),
        "response_format": Choice(_EVERY),
        "timestamp_granularities": Items(Choice(("word", "segment")), 2),
        "include": Items(Choice(("logprobs",)), 16),
        "chunking_strategy": Either("'auto' or an object", text=Choice(("auto",)), record=Tagged({"server_vad": _VAD})),
        "known_speaker_names": Items(Text(256), 4),
        "known_speaker_references": Items(Text(), 4),
        "stream": Flag(),
    },
    ("model",),
)
TRANSLATION: Final = Record({**_COMMON, "response_format": Choice(_TIMED)}, ("model",))
FORM: Final = FormFields(
    arrays=frozenset(
        (
            "languages",
            "keywords",
            "timestamp_granularities",
            "include",
            "known_speaker_names",
            "known_speaker_references",
        )
    ),
    numbers=frozenset(
        (
            "temperature",
            "chunking_strategy.threshold",
            "chunking_strategy.prefix_padding_ms",
            "chunking_strategy.silence_duration_ms",
        )
    ),
    flags=frozenset(("stream",)),
    objects=frozenset(("chunking_strategy",)),
)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a model takes. Models of the operator's own take everything that is not tied to one of the service's."""

    formats: tuple[str, ...] = _EVERY
    streams: bool = True
    prompt: bool = True
    hints: bool = True
    """Whether it takes `languages` and `keywords`."""
    logprobs: bool = True
    tells_languages: bool = False
    diarizes: bool = False


_WHISPER: Final = _Rules(_TIMED, streams=False, hints=False, logprobs=False)
_GPT_4O: Final = _Rules(_TEXTS, hints=False)
_RULES: Final = {
    "whisper-1": _WHISPER,
    "gpt-transcribe": _Rules(_TEXTS, logprobs=False, tells_languages=True),
    "gpt-4o-transcribe": _GPT_4O,
    "gpt-4o-mini-transcribe": _GPT_4O,
    "gpt-4o-mini-transcribe-2025-12-15": _GPT_4O,
    "gpt-4o-transcribe-diarize": _Rules((*_TEXTS, "diarized_json"), prompt=False, hints=False, logprobs=False, diarizes=True),
}
_OWN: Final = _Rules()


@dataclass(frozen=True, slots=True)
class FileRequest:
    """What is to be made of an audio file."""

    model: str
    format: str = "json"
    languages: tuple[str, ...] = ()
    """ISO-639-1 codes of the languages that may be spoken, as far as the recognizer understands them; empty: any."""
    keywords: tuple[str, ...] = ()
    prompt: str = ""
    words: bool = False
    """verbose_json: whether every word is told with its times."""
    segments: bool = True
    """verbose_json: whether the segments are told."""
    logprobs: bool = False
    tells_languages: bool = False
    """json and streams: whether the languages heard are told."""
    pauses: TurnDetection | None = None
    longest_ms: int | None = None
    """Longest audio that may be transcribed like this."""
    stream: bool = False


def transcription_request(pairs: Sequence[tuple[str, str]]) -> FileRequest:
    """Read the fields of a transcription request, all but the file.

    Raises:
        ClientFault: a field is wrong, or is not for this model or format.
    """
    form = TRANSCRIPTION.check(FORM.read(pairs), "")
    model, rules = form["model"], _rules(form["model"])
    wanted = form.get("response_format", "json")
    if wanted not in rules.formats:
        raise errors.format_not_of_model(wanted, model, rules.formats)
    if form.get("prompt") and not rules.prompt:
        raise errors.not_with_model("prompt", model)
    for name in ("languages", "keywords"):
        if form.get(name) and not rules.hints:
            raise errors.not_with_model(name, model)
    if form.get("include") and not rules.logprobs:
        raise errors.not_with_model("include", model)
    if form.get("include") and wanted != "json":
        raise errors.refused_value("include", "'logprobs' can only be included with response_format 'json'.")
    granularities = form.get("timestamp_granularities", ())
    if granularities and wanted != "verbose_json":
        raise errors.refused_value("timestamp_granularities", "timestamp_granularities need response_format 'verbose_json'.")
    stream = form.get("stream", False) and rules.streams
    if stream and wanted not in _STREAMED:
        raise errors.refused_value("stream", f"A transcript cannot be streamed with response_format '{wanted}'.")
    for name in ("known_speaker_names", "known_speaker_references"):
        if name in form:
            raise errors.no_speakers(name)
    chunking = form.get("chunking_strategy")
    return FileRequest(
        model,
        wanted,
        languages=tuple(map(_language, _languages(form))),
        keywords=tuple(form.get("keywords", ())),
        prompt=form.get("prompt", ""),
        words="word" in granularities,
        segments=not granularities or "segment" in granularities,
        logprobs=bool(form.get("include")),
        tells_languages=rules.tells_languages,
        pauses=_pauses(chunking) if isinstance(chunking, dict) else None,
        longest_ms=UNCHUNKED_MS if rules.diarizes and chunking is None else None,
        stream=stream,
    )


def translation_request(pairs: Sequence[tuple[str, str]]) -> FileRequest:
    """Read the fields of a translation request, all but the file.

    Raises:
        ClientFault: a field is wrong.
    """
    form = TRANSLATION.check(FORM.read(pairs), "")
    _rules(form["model"])
    return FileRequest(form["model"], form.get("response_format", "json"), prompt=form.get("prompt", ""))


def spoken_languages(request: FileRequest, understood: Collection[str]) -> tuple[str, ...]:
    """Return those of the request's languages that a recognizer understands; `understood` is empty where it takes any.

    Raises:
        ClientFault: it understands none of them: the transcript would be nonsense, and nobody would be told.
    """
    if not understood or not request.languages:
        return request.languages
    known = tuple(language for language in request.languages if language in understood)
    if not known:
        raise errors.language_not_understood("language", request.languages[0], understood)
    return known


def _rules(model: str) -> _Rules:
    if model in STREAMING_MODELS:
        raise errors.live_model(model)
    return _RULES.get(model, _OWN)


def _languages(form: dict[str, Any]) -> Sequence[str]:
    return [form["language"]] if "language" in form else form.get("languages", ())


def _language(code: str) -> str:
    """Return the code without a region. Source: BCP 47: a language of two or three letters, then subtags after hyphens."""
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", code):
        raise errors.language_format(code)
    return re.split("[-_]", code.lower())[0]


def _pauses(strategy: dict[str, Any]) -> TurnDetection:
    """Return how utterances end. Source: OpenAPI document, `VadConfig`: the defaults."""
    return TurnDetection(
        threshold=strategy.get("threshold", 0.5),
        prefix_padding_ms=strategy.get("prefix_padding_ms", 300),
        silence_duration_ms=strategy.get("silence_duration_ms", 200),
        idle_timeout_ms=None,
        create_response=False,
        interrupt_response=False,
    )
