"""What the routes take, as the code checks it."""

from __future__ import annotations

from typing import Any, Final

from vivavoce.api import legacy
from vivavoce.api import translations as interpreters
from vivavoce.api.audio import speech
from vivavoce.api.audio.uploads import FILE
from vivavoce.api.chat.schema import REQUEST as CHAT
from vivavoce.api.client_secrets import BODY as CLIENT_SECRET
from vivavoce.api.openapi.operation import BINARY
from vivavoce.api.responses import schema as responses
from vivavoce.api.responses.items import ITEM, MAX_ITEMS, PARTS
from vivavoce.protocol.beta_session import SESSION as BETA_SESSION
from vivavoce.protocol.schema import Anything, Items, Nullable, Record, Tagged, Text
from vivavoce.protocol.schema_document import any_of, json_schema
from vivavoce.protocol.session_schema import REALTIME_SESSION
from vivavoce.protocol.transcription_request import TRANSCRIPTION, TRANSLATION
from vivavoce.protocol.transcription_session import TRANSCRIPTION_SESSION
from vivavoce.protocol.translation_session import TRANSLATION_SESSION

Json = dict[str, Any]


def requests() -> Json:
    """Return every request body, as components of the document."""
    return {
        "CreateClientSecretRequest": json_schema(Record({**CLIENT_SECRET.fields, "session": Nullable(_SESSION)})),
        "CreateTranslationClientSecretRequest": json_schema(_TRANSLATION_SECRET),
        "CreateRealtimeCallRequest": _call(),
        "CreateTranscriptionRequest": _form(TRANSCRIPTION),
        "CreateTranslationRequest": _form(TRANSLATION),
        "CreateSpeechRequest": json_schema(speech.BODY),
        "CreateChatCompletionRequest": json_schema(CHAT),
        "CreateResponseRequest": _response(),
    }


def beta_requests() -> Json:
    """Return the request bodies of the beta's routes."""
    fields = {key.name: Anything() for key in BETA_SESSION}
    return {"CreateBetaSessionRequest": json_schema(Record({**fields, "client_secret": legacy.CLIENT_SECRET}))}


_SESSION: Final = Tagged({"realtime": REALTIME_SESSION, "transcription": TRANSCRIPTION_SESSION})
_TRANSLATION_SECRET: Final = Record(
    {
        **interpreters.BODY.fields,
        "session": Record({"model": Text(256, 1), **TRANSLATION_SESSION.fields}, ("model",)),
    },
    interpreters.BODY.required,
)


def _form(fields: Record) -> Json:
    """Return a multipart form: its fields, and the file."""
    found = json_schema(fields)
    found["properties"] = {FILE: BINARY, **found["properties"]}
    found["required"] = [FILE, *found["required"]]
    return found


def _call() -> Json:
    """Return the form of an offer: the SDP, and the session as JSON."""
    return json_schema(Record({"sdp": Text(), "session": _SESSION}, ("sdp",)))


def _response() -> Json:
    """Return the body of a response request. Its input is looked at after the rest, so the schema of the rest leaves it open."""
    parts = any_of((json_schema(Text()), json_schema(Items(Tagged(PARTS), 1_024))))
    found, items = json_schema(responses.BODY), json_schema(ITEM)
    for item in items["anyOf"]:
        # Which parts they may hold depends on who speaks.
        item["properties"] |= {name: parts for name in ("content", "output") if name in item["properties"]}
    found["properties"]["input"] = any_of(
        (json_schema(Text()), {"type": "array", "items": items, "minItems": 1, "maxItems": MAX_ITEMS})
    )
    return found
