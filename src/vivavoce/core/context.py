"""The context of a response: what the brain gets to see, cut to what was heard and to the model's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from vivavoce.core.conversation import Item
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.protocol.session import AgentConfig
from vivavoce.protocol.usage import Tokens, assistant_audio_tokens, text_tokens, user_audio_tokens

_MESSAGE_OVERHEAD: Final = 4
"""Tokens of framing per message: the usual rule of thumb for chat templates."""

_IMAGE_TOKENS: Final = {"low": 85, "auto": 765, "high": 765}
"""Source: the published tile rule for a 1024 x 1024 image, which is what we assume without decoding it."""

_ANSWER_RESERVE: Final = 4_096


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One item as the brain sees it. `kind` is `system`, `user`, `assistant`, `call` or `output`."""

    kind: str
    text: str = ""
    images: tuple[str, ...] = ()
    name: str = ""
    call_id: str = ""
    unclear: bool = False
    """user: there was audio, and nothing in it was understood."""
    tokens: Tokens = field(default_factory=Tokens)


@dataclass(frozen=True, slots=True)
class Context:
    """Instructions and items for one response, and what they count."""

    instructions: str
    items: tuple[ContextItem, ...]
    tokens: Tokens


class ContextOverflow(Exception):
    """The context does not fit the window and truncation is disabled."""


def build(items: Sequence[Item], config: AgentConfig, ledger: PlaybackLedger, window: int) -> Context:
    """Return the context of a response.

    Args:
        items: the conversation, or the items the response names.
        config: the response's configuration.
        ledger: what was heard; text beyond it is left out (I5).
        window: the model's context window in tokens.

    Raises:
        ContextOverflow: it does not fit and `truncation` is `disabled`.
    """
    fixed = text_tokens(config.instructions) + sum(text_tokens(_json(tool)) for tool in config.tools)
    seen = [entry for entry in (_see(item, ledger) for item in items) if entry is not None]
    kept = _fit(_paired(seen), fixed, config.truncation, window)
    total = Tokens(text=fixed)
    for entry in kept:
        total = total + entry.tokens
    return Context(config.instructions, tuple(kept), total)


def _see(item: Item, ledger: PlaybackLedger) -> ContextItem | None:
    if item.type == "function_call":
        tokens = Tokens(text=text_tokens(item.name + item.text) + _MESSAGE_OVERHEAD)
        return ContextItem("call", item.text, name=item.name, call_id=item.call_id, tokens=tokens)
    if item.type == "function_call_output":
        tokens = Tokens(text=text_tokens(item.text) + _MESSAGE_OVERHEAD)
        return ContextItem("output", item.text, call_id=item.call_id, tokens=tokens)
    if item.role == "assistant":
        return _see_assistant(item, ledger)
    return _see_message(item)


def _see_assistant(item: Item, ledger: PlaybackLedger) -> ContextItem | None:
    text = " ".join(part.text or "" for part in item.parts)
    heard = ledger.heard_text(item.id, text)
    if not heard.strip():
        return None
    heard_ms = ledger.heard_ms(item.id)
    audio_ms = ledger.generated_ms(item.id) if heard_ms is None else heard_ms
    tokens = Tokens(text=text_tokens(heard) + _MESSAGE_OVERHEAD, audio=assistant_audio_tokens(audio_ms))
    return ContextItem("assistant", heard, tokens=tokens)


def _see_message(item: Item) -> ContextItem:
    texts, images, audio_ms, image_tokens = [], [], 0.0, 0
    for part in item.parts:
        if part.type == "input_audio":
            texts.append(part.heard or part.text or "")
            audio_ms += part.audio_ms
        elif part.type == "input_image":
            images.append(part.image_url)
            image_tokens += _IMAGE_TOKENS[part.detail]
        else:
            texts.append(part.text or "")
    text = "\n".join(filter(None, (piece.strip() for piece in texts)))
    # Audio is billed as audio, not as the words we made of it.
    written = sum(text_tokens(part.text or "") for part in item.parts if part.type != "input_audio")
    tokens = Tokens(text=written + _MESSAGE_OVERHEAD, audio=user_audio_tokens(audio_ms), image=image_tokens)
    unclear = not text and not images and any(part.type == "input_audio" for part in item.parts)
    return ContextItem(item.role, text, tuple(images), unclear=unclear, tokens=tokens)


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


def _fit(entries: list[ContextItem], fixed: int, truncation: str | dict[str, Any], window: int) -> list[ContextItem]:
    """Drop the oldest items until the rest fits; with a retention ratio, down to that share of the limit at once."""
    limit = max(0, window - _ANSWER_RESERVE - fixed)
    ratio = 1.0
    if isinstance(truncation, dict):
        ratio = float(truncation["retention_ratio"])
        post = (truncation.get("token_limits") or {}).get("post_instructions")
        limit = limit if post is None else min(limit, post)
    size = sum(entry.tokens.total for entry in entries)
    if size <= limit:
        return entries
    if truncation == "disabled":
        raise ContextOverflow(f"The conversation is {size + fixed} tokens long, more than the model's window allows.")
    target = limit * ratio
    dropped = 0
    while dropped < len(entries) and size > target:
        size -= entries[dropped].tokens.total
        dropped += 1
    return _paired(entries[dropped:])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
