"""The context of a response: cut to what was heard and to the window, and never a call without its output."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.context import Context
from vivavoce.core.context import build as build_context
from vivavoce.core.conversation import Item, Part
from vivavoce.core.inputs import Word
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.core.token_scale import TokenScale
from vivavoce.core.window import ContextOverflow, Window
from vivavoce.dialogue.request import build_request
from vivavoce.protocol.session import AgentConfig, SessionDefaults, initial, updated, view
from vivavoce.protocol.usage import Letters, text_tokens

DEFAULTS = SessionDefaults("gpt-realtime", "alloy", reasoning=False)
WINDOW = 1_000_000


def config(**session: Any) -> AgentConfig:
    return view(updated(initial(DEFAULTS, "sess_x", 0), {"type": "realtime", **session}, DEFAULTS, spoken=False))


def build(items: list[Item], config: AgentConfig, ledger: PlaybackLedger, window: int) -> Context:
    return build_context(items, config, ledger, Window(window), TokenScale())


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
    try:
        context = build(items, config(), PlaybackLedger(), window)
    except ContextOverflow:
        return
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
    if everything and everything[-1].tokens.total > limit:
        with pytest.raises(ContextOverflow):
            build(items, config(truncation=truncation), PlaybackLedger(), WINDOW)
        return
    kept = build(items, config(truncation=truncation), PlaybackLedger(), WINDOW).items
    left = sum(entry.tokens.total for entry in kept)
    assert left <= limit
    if size <= limit:
        assert kept == everything
    else:
        assert left <= max(limit * (ratio or 1.0), everything[-1].tokens.total)
    last = [entry for entry in everything if entry.kind not in ("call", "output")]
    talk = [entry for entry in kept if entry.kind not in ("call", "output")]
    assert talk == last[len(last) - len(talk) :]


def test_what_does_not_fit_is_refused_when_nothing_may_be_dropped() -> None:
    items = [message("a", "x" * 40_000)]
    with pytest.raises(ContextOverflow, match="tokens long"):
        build([*items, message("b", "x")], config(truncation="disabled"), PlaybackLedger(), 10_000)
    assert [entry.id for entry in build([*items, message("b", "x")], config(), PlaybackLedger(), 10_000).items] == ["b"]


@pytest.mark.parametrize("truncation", ["auto", "disabled", {"type": "retention_ratio", "retention_ratio": 0.5}])
def test_what_is_to_be_answered_is_never_dropped(truncation: Any) -> None:
    items = [message("a", "x"), message("b", "x" * 40_000)]
    with pytest.raises(ContextOverflow, match="tokens long"):
        build(items, config(truncation=truncation), PlaybackLedger(), 10_000)


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


# --- the window -------------------------------------------------------------------------------------------------------------------


def grown(count: int) -> list[Item]:
    return [message(f"i{place}", "x" * 400) for place in range(count)]


def test_a_cut_leaves_room_for_some_turns_so_that_the_beginning_stays_cached() -> None:
    """C.10: with a retention ratio the context is cut deep and seldom, and begins alike from one cut to the next."""
    window, firsts = Window(4_096 + 2_000), []
    settings = config(instructions="x", truncation={"type": "retention_ratio", "retention_ratio": 0.5})
    for turn in range(1, 101):
        context = build_context(grown(turn), settings, PlaybackLedger(), window, TokenScale())
        window.drop(context.dropped)
        assert context.tokens.total <= 2_000
        firsts.append(context.items[0].id)
    assert len(set(firsts)) == len([1 for before, after in itertools.pairwise(firsts) if before != after]) + 1
    assert len(set(firsts)) <= 1 + 100 * 104 // 1_000


def test_what_has_been_dropped_stays_dropped_when_there_is_room_again() -> None:
    window, items = Window(4_096 + 520), grown(6)
    window.drop(build_context(items, config(instructions="x"), PlaybackLedger(), window, TokenScale()).dropped)
    kept = build_context([items[0], *items[4:]], config(instructions="x"), PlaybackLedger(), window, TokenScale()).items
    assert [entry.id for entry in kept] == ["i4", "i5"]


def test_a_limit_on_the_answer_leaves_the_rest_of_the_window_to_the_context() -> None:
    items = grown(20)
    usual = build(items, config(instructions="x"), PlaybackLedger(), 5_000)
    short = build(items, config(instructions="x", max_output_tokens=100), PlaybackLedger(), 5_000)
    assert len(usual.items) < len(short.items) == 20


def test_the_limit_after_instructions_does_not_count_instructions_and_tools() -> None:
    ratio = {"type": "retention_ratio", "retention_ratio": 1.0, "token_limits": {"post_instructions": 520}}
    brief, long = (
        build(grown(9), config(instructions=words, truncation=ratio), PlaybackLedger(), WINDOW) for words in ("x", "x" * 90_000)
    )
    assert [entry.id for entry in brief.items] == [entry.id for entry in long.items]
    assert len(brief.items) == 5


# --- counting ---------------------------------------------------------------------------------------------------------------------


def test_text_is_counted_as_the_backend_turned_out_to_count_it() -> None:
    scale, items = TokenScale(), [message("a", "x" * 396)]
    before = build_context(items, config(instructions="x" * 400), PlaybackLedger(), Window(WINDOW), scale)
    assert before.read == before.tokens.text == 100 + 99 + 4
    assert scale.learn(told=406, counted=before.read) == 2.0
    after = build_context(items, config(instructions="x" * 400), PlaybackLedger(), Window(WINDOW), scale)
    assert after.tokens.text == 402, "the framing of a message is not text"


def test_a_backend_that_counts_nonsense_does_not_empty_the_window() -> None:
    scale = TokenScale()
    scale.learn(told=10**9, counted=10)
    assert scale.tokens("four") == 4
    scale.learn(told=1, counted=10**9)
    assert scale.tokens("x" * 160) == 10


@pytest.mark.parametrize(
    ("text", "tokens"), [("four", 1), ("", 0), ("twelve chars", 3), ("日本語", 3), ("привет", 3), ("日本 go", 3)]
)
def test_text_of_other_scripts_is_longer_in_tokens(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens


@given(pieces=st.lists(st.text(max_size=8), max_size=6))
def test_a_text_counts_the_same_however_it_comes(pieces: list[str]) -> None:
    assert sum(map(Letters.of, pieces), Letters()).tokens == text_tokens("".join(pieces))
