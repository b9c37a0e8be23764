"""The context of a response: cut to what was heard and to the window, and never a call without its output."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.context import ContextOverflow, build
from vivavoce.core.conversation import Item, Part
from vivavoce.core.inputs import Word
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.dialogue.request import build_request
from vivavoce.protocol.session import AgentConfig, SessionDefaults, initial, updated, view

DEFAULTS = SessionDefaults("gpt-realtime", "alloy", reasoning=False)
WINDOW = 1_000_000


def config(**session: Any) -> AgentConfig:
    return view(updated(initial(DEFAULTS, "sess_x", 0), {"type": "realtime", **session}, DEFAULTS, spoken=False))


def message(item_id: str, text: str, role: str = "user") -> Item:
    kind = "output_text" if role == "assistant" else "input_text"
    return Item(item_id, "message", role=role, parts=[Part(kind, text)])


def call(item_id: str, call_id: str) -> Item:
    return Item(item_id, "function_call", name="f", call_id=call_id, text="{}")


def output(item_id: str, call_id: str) -> Item:
    return Item(item_id, "function_call_output", call_id=call_id, text=f"output of {call_id}")


def numbered(items: list[tuple[str, str]]) -> list[Item]:
    """Return items of any kinds in any order: `(kind, call id or text)`."""
    made = []
    for place, (kind, value) in enumerate(items):
        match kind:
            case "call":
                made.append(call(f"i{place}", value))
            case "output":
                made.append(output(f"i{place}", value))
            case role:
                made.append(message(f"i{place}", value * 10, role))
    return made


ITEMS = st.lists(
    st.tuples(st.sampled_from(["call", "output", "user", "assistant", "system"]), st.sampled_from(["c1", "c2", "c3"])),
    max_size=14,
).map(numbered)


@given(items=ITEMS)
def test_every_call_that_is_kept_has_an_output_after_it_and_every_output_a_call_before(items: list[Item]) -> None:
    kept = build(items, config(), PlaybackLedger(), WINDOW).items
    calls, outputs = ({entry.call_id for entry in kept if entry.kind == kind} for kind in ("call", "output"))
    assert calls == outputs
    for place, entry in enumerate(kept):
        if entry.kind == "output":
            assert any(earlier.kind == "call" and earlier.call_id == entry.call_id for earlier in kept[:place])


@given(items=ITEMS, window=st.integers(0, 8_000))
def test_any_history_at_all_makes_a_request_that_backends_take(items: list[Item], window: int) -> None:
    context = build(items, config(), PlaybackLedger(), window)
    messages = build_request(context, config(), "sess_x").messages
    open_calls: list[str] = []
    for entry in messages:
        if entry.role == "tool":
            assert entry.call_id in open_calls
            open_calls.remove(entry.call_id)
        else:
            assert not open_calls, "outputs follow their calls directly"
            open_calls = [made.call_id for made in entry.tool_calls]
    assert not open_calls


@given(items=ITEMS, limit=st.integers(0, 300), ratio=st.sampled_from([None, 0.25, 0.8]))
def test_the_oldest_go_until_the_rest_fits_and_the_order_stays(items: list[Item], limit: int, ratio: float | None) -> None:
    everything = build(items, config(), PlaybackLedger(), WINDOW).items
    size = sum(entry.tokens.total for entry in everything)
    truncation: Any = {"type": "retention_ratio", "retention_ratio": ratio or 1.0, "token_limits": {"post_instructions": limit}}
    kept = build(items, config(truncation=truncation), PlaybackLedger(), WINDOW).items
    left = sum(entry.tokens.total for entry in kept)
    assert left <= limit
    if size <= limit:
        assert kept == everything
    else:
        assert left <= limit * (ratio or 1.0)
    last = [entry for entry in everything if entry.kind not in ("call", "output")]
    talk = [entry for entry in kept if entry.kind not in ("call", "output")]
    assert talk == last[len(last) - len(talk) :]


def test_what_does_not_fit_is_refused_when_nothing_may_be_dropped() -> None:
    items = [message("a", "x" * 40_000)]
    with pytest.raises(ContextOverflow, match="tokens long"):
        build(items, config(truncation="disabled"), PlaybackLedger(), 10_000)
    assert build(items, config(), PlaybackLedger(), 10_000).items == ()


def test_the_context_ends_at_the_last_word_heard() -> None:
    ledger = PlaybackLedger()
    ledger.enter("a", 600, "one two ", (Word("one", 0, 300), Word("two", 300, 600)), 0)
    item = Item("a", "message", role="assistant", parts=[Part("output_audio", "one two three four")])
    assert build([item], config(), ledger, WINDOW).items[0].text == "one two three four"
    ledger.cut("a", 350, exact=True)
    entry = build([item], config(), ledger, WINDOW).items[0]
    assert (entry.text, entry.tokens.audio) == ("one", 7)
    ledger.cut("a", 100, exact=True)
    assert build([item], config(), ledger, WINDOW).items == ()


def test_audio_is_counted_as_audio_and_not_as_the_words_made_of_it() -> None:
    item = Item("a", "message", role="user", parts=[Part("input_audio", None, heard="a hundred words " * 100, audio_ms=2_790)])
    tokens = build([item], config(), PlaybackLedger(), WINDOW).items[0].tokens
    assert (tokens.audio, tokens.text) == (27, 4)


def test_audio_in_which_nothing_was_understood_is_marked() -> None:
    silent = Item("a", "message", role="user", parts=[Part("input_audio", None, heard="", audio_ms=500)])
    with_text = Item("b", "message", role="user", parts=[Part("input_audio", None, heard=""), Part("input_text", "this")])
    unclear = [entry.unclear for entry in build([silent, with_text], config(), PlaybackLedger(), WINDOW).items]
    assert unclear == [True, False]
