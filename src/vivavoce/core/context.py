"""The context of a response: what the brain gets to see, cut to what was heard and to the model's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from vivavoce.core.conversation import Item
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.core.token_scale import TokenScale
from vivavoce.core.window import Window
from vivavoce.protocol.session import AgentConfig
from vivavoce.protocol.usage import Tokens, assistant_audio_tokens, user_audio_tokens

_MESSAGE_OVERHEAD: Final = 4
"""Tokens of framing per message: the usual rule of thumb for chat templates."""

_IMAGE_TOKENS: Final = {"low": 85, "auto": 765, "high": 765}
"""Source: the published tile rule for a 1024 x 1024 image, which is what we assume without decoding it."""


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One item as the brain sees it. `kind` is `system`, `user`, `assistant`, `call` or `output`."""

    id: str
    kind: str
    text: str = ""
    images: tuple[str, ...] = ()
    name: str = ""
    call_id: str = ""
    unclear: bool = False
    """user: there was audio, and nothing in it was understood."""
    tokens: Tokens = field(default_factory=Tokens)
    """What it is billed as."""
    read: int = 0
    """Tokens of text that the brain reads of it: the transcript too, where audio is billed."""


@dataclass(frozen=True, slots=True)
class Context:
    """Instructions and items for one response, and what they count."""

    instructions: str
    items: tuple[ContextItem, ...]
    tokens: Tokens
    read: int = 0
    """Tokens of text that the brain reads in all; 0 where there are images, which backends count in ways of their own."""
    dropped: tuple[str, ...] = ()
    """The items that did not fit."""


def build(items: Sequence[Item], config: AgentConfig, ledger: PlaybackLedger, window: Window, scale: TokenScale) -> Context:
    """Return the context of a response.

    Args:
        items: the conversation, or the items the response names.
        config: the response's configuration.
        ledger: what was heard; text beyond it is left out (I5).
        window: the model's window, and what has fallen out of it; not changed.
        scale: counts text.

    Raises:
        ContextOverflow: it does not fit and `truncation` is `disabled`.
    """
    fixed = scale.tokens(config.instructions) + sum(scale.tokens(_json(tool)) for tool in config.tools)
    seen = (_see(item, ledger, scale) for item in items if window.sees(item.id))
    entries = _paired([entry for entry in seen if entry is not None])
    count = window.overflow([entry.tokens.total for entry in entries], fixed, config)
    kept = _paired(entries[count:]) if count else entries
    total, read = Tokens(text=fixed), fixed
    for entry in kept:
        total, read = total + entry.tokens, read + entry.read
    counted = 0 if any(entry.images for entry in kept) else read
    return Context(config.instructions, tuple(kept), total, counted, tuple(entry.id for entry in entries[:count]))


def _see(item: Item, ledger: PlaybackLedger, scale: TokenScale) -> ContextItem | None:
    if item.type == "function_call":
        text = scale.tokens(item.name + item.text) + _MESSAGE_OVERHEAD
        return ContextItem(item.id, "call", item.text, name=item.name, call_id=item.call_id, tokens=Tokens(text), read=text)
    if item.type == "function_call_output":
        text = scale.tokens(item.text) + _MESSAGE_OVERHEAD
        return ContextItem(item.id, "output", item.text, call_id=item.call_id, tokens=Tokens(text), read=text)
    if item.role == "assistant":
        return _see_assistant(item, ledger, scale)
    return _see_message(item, scale)


def _see_assistant(item: Item, ledger: PlaybackLedger, scale: TokenScale) -> ContextItem | None:
    text = " ".join(part.text or "" for part in item.parts)
    heard = ledger.heard_text(item.id, text)
    if not heard.strip():
        return None
    heard_ms = ledger.heard_ms(item.id)
    audio_ms = ledger.generated_ms(item.id) if heard_ms is None else heard_ms
    read = scale.tokens(heard) + _MESSAGE_OVERHEAD
    return ContextItem(item.id, "assistant", heard, tokens=Tokens(read, assistant_audio_tokens(audio_ms)), read=read)


def _see_message(item: Item, scale: TokenScale) -> ContextItem:
    texts, images, audio_ms, image_tokens, heard = [], [], 0.0, 0, 0
    for part in item.parts:
        if part.type == "input_audio":
            texts.append(part.heard or part.text or "")
            audio_ms += part.audio_ms
            heard += scale.tokens(texts[-1])
        elif part.type == "input_image":
            images.append(part.image_url)
            image_tokens += _IMAGE_TOKENS[part.detail]
        else:
            texts.append(part.text or "")
    text = "\n".join(filter(None, (piece.strip() for piece in texts)))
    # Audio is billed as audio, not as the words we made of it.
    written = sum(scale.tokens(part.text or "") for part in item.parts if part.type != "input_audio") + _MESSAGE_OVERHEAD
    tokens = Tokens(text=written, audio=user_audio_tokens(audio_ms), image=image_tokens)
    unclear = not text and not images and any(part.type == "input_audio" for part in item.parts)
    return ContextItem(item.id, item.role, text, tuple(images), unclear=unclear, tokens=tokens, read=written + heard)


def _paired(entries: list[ContextItem]) -> list[ContextItem]:
    """Drop outputs that no call precedes and calls that no output follows: backends refuse either."""
    made: set[str] = set()
    answers = []
    for entry in entries:
        if entry.kind == "output" and entry.call_id not in made:
            continue
        if entry.kind == "call":
            made.add(entry.call_id)
        answers.append(entry)
    answered = {entry.call_id for entry in answers if entry.kind == "output"}
    return [entry for entry in answers if entry.kind != "call" or entry.call_id in answered]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
