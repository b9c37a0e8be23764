"""From the messages of a chat to those a brain reads.

A recording among them is heard later: nobody listens to a request that is refused for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vivavoce.api.chat.memory import SpokenAnswer
from vivavoce.dialogue.request import UNCLEAR_RULE
from vivavoce.engines.ports import UNCLEAR_AUDIO, Message, ToolCall
from vivavoce.protocol import errors

_IMAGES: Final = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))


@dataclass(frozen=True, slots=True)
class Recording:
    """Audio in a user's message, in base64; `format` is `wav` or `mp3`, `param` where it is."""

    data: str
    format: str
    param: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A message whose recordings have yet to be heard: its `parts` are the text once they are."""

    message: Message
    parts: tuple[str | Recording, ...] = ()


@dataclass(slots=True)
class Chat:
    """The messages of a request, and the milliseconds of speech the assistant is billed for in them."""

    drafts: list[Draft] = field(default_factory=list)
    spoken_ms: float = 0.0

    def recordings(self) -> list[Recording]:
        """Return what has to be heard, in order."""
        return [part for draft in self.drafts for part in draft.parts if isinstance(part, Recording)]

    def heard(self, texts: Mapping[str, str]) -> tuple[Message, ...]:
        """Return the messages, now that the recordings have been heard.

        Args:
            texts: what each says, by its `param`; empty where nothing was understood.
        """
        messages = [_filled(draft, texts) for draft in self.drafts]
        if all(texts.values()):
            return tuple(messages)
        if messages[0].role == "system":
            return (replace(messages[0], text=f"{messages[0].text}\n\n{UNCLEAR_RULE}"), *messages[1:])
        return (Message("system", UNCLEAR_RULE), *messages)


def _filled(draft: Draft, texts: Mapping[str, str]) -> Message:
    if not draft.parts:
        return draft.message
    said = [texts[part.param] or UNCLEAR_AUDIO if isinstance(part, Recording) else part for part in draft.parts]
    pieces = [piece.strip() for piece in said if piece.strip()]
    # A message in which nothing was understood says just that, once: brains know it word for word.
    text = UNCLEAR_AUDIO if pieces and set(pieces) == {UNCLEAR_AUDIO} else "\n".join(pieces)
    return replace(draft.message, text=text)


def read_messages(given: Sequence[dict[str, Any]], find: Callable[[str], SpokenAnswer | None], *, images: bool) -> Chat:
    """Return the messages of a request that has passed its schema.

    Args:
        given: the messages.
        find: finds a spoken answer by its id.
        images: whether the brain can be shown images.

    Raises:
        ClientFault: calls and their outputs do not follow each other, an answer has expired, or an image cannot be shown.
    """
    chat = Chat()
    calls = _Calls()
    for place, message in enumerate(given):
        path = f"messages[{place}]"
        role = message["role"]
        if role in ("tool", "function"):
            call_id = calls.answered(message, path)
            chat.drafts.append(Draft(Message("tool", _text(message["content"]), call_id=call_id)))
            continue
        calls.finish()
        if role == "user":
            chat.drafts.append(_user(message["content"], f"{path}.content", images))
        elif role == "assistant":
            chat.drafts.extend(_assistant(message, path, calls.opened(message, place), find, chat))
        else:
            chat.drafts.append(Draft(Message("system", _text(message["content"]))))
    calls.finish()
    return chat


@dataclass(slots=True)
class _Calls:
    """The calls of the last assistant message, by id, and which of them have been answered. Functions of old are known by name."""

    _names: dict[str, str] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def opened(self, message: Mapping[str, Any], place: int) -> tuple[ToolCall, ...]:
        calls = [
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
        ]
        if old := message.get("function_call"):
            calls.append(ToolCall(f"call_of_message_{place}", old["name"], old["arguments"]))
        self._names = {call.call_id: call.name for call in calls}
        self._open = set(self._names)
        return tuple(calls)

    def answered(self, message: Mapping[str, Any], path: str) -> str:
        by_name = (call_id for call_id, name in self._names.items() if message["role"] == "function" and name == message["name"])
        call_id = next(by_name, "") if message["role"] == "function" else message["tool_call_id"]
        if call_id not in self._names:
            raise errors.answer_without_call(f"{path}.role")
        self._open.discard(call_id)
        return str(call_id)

    def finish(self) -> None:
        if self._open:
            raise errors.calls_unanswered("messages", [call_id for call_id in self._names if call_id in self._open])
        self._names = {}


def _user(content: str | list[dict[str, Any]], path: str, images: bool) -> Draft:
    if isinstance(content, str):
        return Draft(Message("user", content))
    parts: list[str | Recording] = []
    shown: list[str] = []
    for place, part in enumerate(content):
        where = f"{path}[{place}]"
        if part["type"] == "text":
            parts.append(part["text"])
        elif part["type"] == "input_audio":
            parts.append(Recording(part["input_audio"]["data"], part["input_audio"]["format"], f"{where}.input_audio.data"))
        else:
            shown.append(_image(part["image_url"]["url"], f"{where}.image_url.url", images))
    return Draft(Message("user", images=tuple(shown)), tuple(parts))


def _image(url: str, path: str, images: bool) -> str:
    if not images:
        raise errors.no_images(path)
    if not url.startswith(_IMAGES):
        raise errors.bad_image(path)
    return url


def _assistant(
    message: Mapping[str, Any], path: str, calls: tuple[ToolCall, ...], find: Callable[[str], SpokenAnswer | None], chat: Chat
) -> Iterator[Draft]:
    text = _text(message.get("content")) or message.get("refusal") or ""
    if audio := message.get("audio"):
        spoken = find(audio["id"])
        if spoken is None:
            raise errors.audio_not_found(f"{path}.audio.id", audio["id"])
        text = text or spoken.transcript
        chat.spoken_ms += spoken.ms
    elif not calls and message.get("content") is None and not text:
        raise errors.missing(f"{path}.content")
    if text:
        yield Draft(Message("assistant", text))
    if calls:
        yield Draft(Message("assistant", tool_calls=calls))


def _text(content: str | list[dict[str, Any]] | None) -> str:
    """Return a content of nothing but texts as one text."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] if part["type"] == "text" else part["refusal"] for part in content)
