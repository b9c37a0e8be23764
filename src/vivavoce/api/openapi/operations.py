"""Every operation of the server's HTTP routes."""

from __future__ import annotations

from typing import Final

from vivavoce.api.audio import speech
from vivavoce.api.openapi.operation import BINARY, EVENTS, FORM, JSON, PLAIN, SDP, Answer, Operation, ref
from vivavoce.protocol.schema_document import any_of

_SERVER, _MODELS, _REALTIME, _AUDIO, _CHAT, _RESPONSES = "Server", "Models", "Realtime", "Audio", "Chat", "Responses"

_TEXT: Final = {PLAIN: {"type": "string"}}
_FAILS: Final = (400, 404, 413, 429, 502, 503)
"""What a route that puts an engine to work may refuse with."""

_SPOKEN: Final = {kind.partition(";")[0]: BINARY for kind in speech.CONTENT_TYPES.values()}
_STREAM: Final = {
    "type": "object",
    "description": "One of the server-sent events (WHATWG HTML, section 9.2): `data` is JSON, or `[DONE]` at the end of a chat.",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
_NEVER_KEPT: Final = {"response": "The id of a response."}

_OFFER: Final = {"type": "string", "description": "An SDP offer.", "pattern": "^v=0"}
_ANSWER: Final = Answer(
    "The SDP answer; `Location` is the call's path.",
    {SDP: {"type": "string", "description": "An SDP answer."}},
    ("Location",),
)
_TAKES_CALLS: Final = (400, 404, 408, 413, 415, 429, 503)
_CALL: Final = {"call": "The call's id, the last segment of its `Location`."}

SERVER: Final = (
    Operation(
        "GET",
        "/healthz",
        "getHealth",
        _SERVER,
        "Tell that the process lives.",
        {200: Answer("It does.", _TEXT)},
        public=True,
    ),
    Operation(
        "GET",
        "/readyz",
        "getReadiness",
        _SERVER,
        "Tell whether sessions can be opened.",
        {200: Answer("They can.", _TEXT), 503: Answer("Not yet, or not any more, and why.", _TEXT)},
        public=True,
    ),
    Operation(
        "GET",
        "/metrics",
        "getMetrics",
        _SERVER,
        "Tell the process's metrics.",
        {200: Answer("The metrics in the Prometheus text format.", _TEXT)},
        public=True,
    ),
    Operation(
        "GET",
        "/openapi.json",
        "getDocument",
        _SERVER,
        "Return this document.",
        {200: Answer("The document.", {JSON: {"type": "object"}})},
        public=True,
    ),
)

MODELS: Final = (
    Operation(
        "GET", "/v1/models", "listModels", _MODELS, "List the models.", {200: Answer("The models.", {JSON: ref("ModelList")})}
    ),
    Operation(
        "GET",
        "/v1/models/{model}",
        "retrieveModel",
        _MODELS,
        "Describe a model.",
        {200: Answer("The model, and the languages it can do where that is known.", {JSON: ref("Model")})},
        parameters={"model": "The model's name."},
        refusals=(404,),
    ),
)

REALTIME: Final = (
    Operation(
        "POST",
        "/v1/realtime/client_secrets",
        "createRealtimeClientSecret",
        _REALTIME,
        "Make a client secret for an agent or transcription session.",
        {200: Answer("The secret and the session it opens.", {JSON: ref("ClientSecret")}, ("Cache-Control",))},
        {JSON: ref("CreateClientSecretRequest")},
        optional=True,
        refusals=(400, 404, 413, 429, 503),
    ),
    Operation(
        "POST",
        "/v1/realtime/translations/client_secrets",
        "createRealtimeTranslationClientSecret",
        _REALTIME,
        "Make a client secret for a translation session.",
        {200: Answer("The secret and the session it opens.", {JSON: ref("ClientSecret")}, ("Cache-Control",))},
        {JSON: ref("CreateTranslationClientSecretRequest")},
        refusals=(400, 404, 413, 429, 503),
    ),
    Operation(
        "GET",
        "/v1/sessions/{session}",
        "retrieveSession",
        _REALTIME,
        "Tell what a session of the key has used and cost.",
        {200: Answer("The session's record.", {JSON: ref("SessionRecord")})},
        parameters={"session": "The session's id, as `session.created` tells it."},
        refusals=(404,),
        description="An extension of this server's own. Records of sessions that ended are kept for a while.",
    ),
)

CALLS: Final = (
    Operation(
        "POST",
        "/v1/realtime/calls",
        "createRealtimeCall",
        _REALTIME,
        "Take a WebRTC call: an agent or transcription session over a media track and a data channel.",
        {201: _ANSWER},
        {SDP: _OFFER, FORM: ref("CreateRealtimeCallRequest")},
        refusals=_TAKES_CALLS,
        description="Raw SDP comes with a client secret, which brings its session along, or with `?model=` or `?intent=transcription` in "
        "the address. Pages of every origin may ask.",
    ),
    Operation(
        "POST",
        "/v1/realtime/translations/calls",
        "createRealtimeTranslationCall",
        _REALTIME,
        "Take a WebRTC call: a translation session, by its client secret.",
        {201: _ANSWER},
        {SDP: _OFFER},
        refusals=_TAKES_CALLS,
    ),
    Operation(
        "POST",
        "/v1/realtime/calls/{call}/hangup",
        "hangupRealtimeCall",
        _REALTIME,
        "End a call.",
        {200: Answer("It is over.")},
        parameters=_CALL,
        refusals=(404,),
    ),
    *(
        Operation(
            "POST",
            f"/v1/realtime/calls/{{call}}/{action}",
            f"{action}RealtimeCall",
            _REALTIME,
            f"Refuse: only SIP calls can be asked to {action}.",
            {},
            parameters=_CALL,
            refusals=(400, 404),
        )
        for action in ("accept", "reject", "refer")
    ),
)

AUDIO: Final = (
    Operation(
        "POST",
        "/v1/audio/transcriptions",
        "createTranscription",
        _AUDIO,
        "Transcribe an audio file.",
        {
            200: Answer(
                "The transcript, in the format asked for.",
                {
                    JSON: any_of(map(ref, ("Transcript", "VerboseTranscript", "DiarizedTranscript"))),
                    **_TEXT,
                    EVENTS: _STREAM,
                },
            )
        },
        {FORM: ref("CreateTranscriptionRequest")},
        refusals=(*_FAILS, 408),
        description="Which formats and fields a model takes depends on the model.",
    ),
    Operation(
        "POST",
        "/v1/audio/translations",
        "createTranslation",
        _AUDIO,
        "Translate an audio file into English.",
        {200: Answer("What was said, in English.", {JSON: any_of(map(ref, ("Transcript", "VerboseTranscript"))), **_TEXT})},
        {FORM: ref("CreateTranslationRequest")},
        refusals=(*_FAILS, 408),
    ),
    Operation(
        "POST",
        "/v1/audio/speech",
        "createSpeech",
        _AUDIO,
        "Say a text.",
        {200: Answer("The speech, or events with it where `stream_format` is `sse`.", {**_SPOKEN, EVENTS: _STREAM})},
        {JSON: ref("CreateSpeechRequest")},
        refusals=_FAILS,
    ),
)

CHAT: Final = (
    Operation(
        "POST",
        "/v1/chat/completions",
        "createChatCompletion",
        _CHAT,
        "Answer a chat, in text or aloud.",
        {
            200: Answer(
                "The next message, or chunks of it where `stream` is true.", {JSON: ref("ChatCompletion"), EVENTS: _STREAM}
            )
        },
        {JSON: ref("CreateChatCompletionRequest")},
        refusals=_FAILS,
    ),
)

RESPONSES: Final = (
    Operation(
        "POST",
        "/v1/responses",
        "createResponse",
        _RESPONSES,
        "Answer an input in text.",
        {200: Answer("The response, or events of it where `stream` is true.", {JSON: ref("Response"), EVENTS: _STREAM})},
        {JSON: ref("CreateResponseRequest")},
        refusals=_FAILS,
    ),
    *(
        Operation(method, path, id, _RESPONSES, summary, {}, parameters=_NEVER_KEPT, refusals=(404,))
        for method, path, id, summary in (
            ("GET", "/v1/responses/{response}", "getResponse", "Refuse: no response is kept."),
            ("DELETE", "/v1/responses/{response}", "deleteResponse", "Refuse: no response is kept."),
            ("POST", "/v1/responses/{response}/cancel", "cancelResponse", "Refuse: no response runs in the background."),
            ("GET", "/v1/responses/{response}/input_items", "listInputItems", "Refuse: no response is kept."),
        )
    ),
)

BETA: Final = (
    Operation(
        "POST",
        "/v1/realtime/sessions",
        "createBetaSession",
        _REALTIME,
        "Make a client secret for a session, the beta's way.",
        {200: Answer("The flat session, and the secret that opens it.", {JSON: ref("BetaSession")}, ("Cache-Control",))},
        {JSON: ref("CreateBetaSessionRequest")},
        optional=True,
        refusals=(400, 404, 413, 429, 503),
        beta=True,
    ),
    Operation(
        "POST",
        "/v1/realtime/transcription_sessions",
        "createBetaTranscriptionSession",
        _REALTIME,
        "Refuse: transcription sessions are held in today's shapes only.",
        {},
        refusals=(400, 404),
        beta=True,
    ),
    Operation(
        "POST",
        "/v1/realtime",
        "createBetaCall",
        _REALTIME,
        "Take a WebRTC call, the beta's way.",
        {201: _ANSWER},
        {SDP: _OFFER},
        refusals=_TAKES_CALLS,
        beta=True,
    ),
)

OPERATIONS: Final = (*SERVER, *MODELS, *REALTIME, *CALLS, *AUDIO, *CHAT, *RESPONSES, *BETA)
"""All of them, those of the beta last."""
