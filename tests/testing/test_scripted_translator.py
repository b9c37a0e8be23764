"""The scripted translator keeps the contract of translators and tells what it was asked."""

from __future__ import annotations

import pytest

from vivavoce.engines.mt.languages import TARGETS
from vivavoce.engines.ports import EngineFault, TranslationRequest
from vivavoce.testing.translator import EVERY_TARGET, ScriptedTranslator


def request(text: str, source: str = "en", target: str = "es") -> TranslationRequest:
    return TranslationRequest(text, source, target)


async def said(translator: ScriptedTranslator, text: str) -> str:
    return "".join([piece async for piece in translator.translate(request(text))])


async def test_clauses_are_looked_up_as_they_are_then_without_case_and_closing_marks() -> None:
    translator = ScriptedTranslator({"good morning": "buenos días", "Bye!": "¡adiós!", "bye": "adiós"})
    assert await said(translator, " Bye! ") == "¡adiós!"
    assert await said(translator, "Good morning.") == "buenos días"
    assert await said(translator, "  ") == ""
    with pytest.raises(EngineFault, match="good night"):
        await said(translator, "good night")
    assert [asked.text for asked in translator.requests] == [" Bye! ", "Good morning.", "  ", "good night"]
    assert translator.finished == 3


async def test_a_function_sees_the_whole_request_and_words_come_one_by_one() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    translator = ScriptedTranslator(lambda asked: f"<{asked.target}> {asked.text}", delay_s=0.1, sleep=sleep)
    assert [piece async for piece in translator.translate(request("a b"))] == ["<es> ", "a ", "b"]
    assert waits == [0.1] * 3


async def test_faults_come_where_the_script_wants_them() -> None:
    translator = ScriptedTranslator(fault=EngineFault("no more"), fault_after=1)
    pieces = translator.translate(request("hello there"))
    assert await anext(pieces) == "[es] "
    with pytest.raises(EngineFault, match="no more"):
        await anext(pieces)
    with pytest.raises(EngineFault, match="boom"):
        await said(ScriptedTranslator({"x": EngineFault("boom")}), "x")


async def test_pairs_are_kept_and_closing_is_noted() -> None:
    translator = ScriptedTranslator(pairs=(("en", "fr"),))
    with pytest.raises(EngineFault, match="'es'"):
        await said(translator, "hello")
    every = ScriptedTranslator()
    pieces = every.translate(request("one two"))
    await anext(pieces)
    await pieces.aclose()
    await every.close()
    assert (every.cancelled, every.finished, every.closed) == (1, 0, True)


def test_without_pairs_it_translates_into_the_thirteen() -> None:
    assert tuple(target for _, target in EVERY_TARGET) == TARGETS
