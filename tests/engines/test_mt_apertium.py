"""apertium in its own processes: what it translates, and what happens when they die, hang or are given up on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import uvloop

from vivavoce.engines.mt import apertium_pipeline
from vivavoce.engines.mt.apertium import ApertiumTranslator
from vivavoce.engines.mt.apertium_modes import installed_modes
from vivavoce.engines.ports import EngineFault, TranslationRequest

INSTALLED = {mode.name: mode for mode in installed_modes()}
needs_apertium = pytest.mark.skipif("eng-spa" not in INSTALLED, reason="no apertium: apt install apertium apertium-eng-spa")


@pytest.fixture
async def apertium() -> AsyncIterator[ApertiumTranslator]:
    translator = ApertiumTranslator()
    yield translator
    await translator.close()


async def translated(translator: ApertiumTranslator, text: str, source: str = "en", target: str = "es") -> str:
    return "".join([piece async for piece in translator.translate(TranslationRequest(text, source, target))])


async def fault_of(translator: ApertiumTranslator, text: str, source: str = "en", target: str = "es") -> EngineFault:
    with pytest.raises(EngineFault) as caught:
        await translated(translator, text, source, target)
    return caught.value


@needs_apertium
async def test_clauses_are_translated_and_nothing_of_the_machinery_shows(apertium: ApertiumTranslator) -> None:
    await apertium.warm()
    assert (await translated(apertium, "Good morning, my friend.")).startswith("Buenos días")
    assert await translated(apertium, "I have two brothers") == "Tengo dos hermanos"
    assert await translated(apertium, "  \n ") == await translated(apertium, "...") == ""
    said = await translated(apertium, "the brexiteer $5 [b] {a} ^x$ <i>go</i> @home *star* #1 and/or \\ ~ it's 50% off")
    assert "brexiteer" in said and "*brexiteer" not in said
    for kept in ("$5", "[", "{", "<", "@", "#1", "50%"):
        assert kept in said
    assert "[][" not in said


@needs_apertium
def test_it_works_in_the_loop_that_the_server_runs_in() -> None:
    async def translate() -> str:
        translator = ApertiumTranslator()
        try:
            return await translated(translator, "I have two brothers")
        finally:
            await translator.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(translate()) == "Tengo dos hermanos"


@needs_apertium
async def test_no_text_gets_to_a_shell_or_out_of_its_request(apertium: ApertiumTranslator) -> None:
    for text in ("'; touch /tmp/x; '", "$(id)", "hello\0goodbye my friend", "[][99]\0", "word [unclosed ^ { \\"):
        await translated(apertium, text)
    assert await translated(apertium, "Good morning.") == "Buenos días."


@needs_apertium
async def test_the_processes_are_kept_and_shared(apertium: ApertiumTranslator) -> None:
    clauses = [f"I have {number} brothers" for number in range(2, 12)]
    said = await asyncio.gather(*(translated(apertium, clause) for clause in clauses))
    assert said == [f"Tengo {number} hermanos" for number in range(2, 12)]
    assert len(apertium.pids) == len(INSTALLED["eng-spa"].programs)


@needs_apertium
async def test_a_request_given_up_midway_is_dropped_and_its_answer_with_it(apertium: ApertiumTranslator) -> None:
    await translated(apertium, "Hello.")
    pids = apertium.pids
    os.kill(pids[0], signal.SIGSTOP)
    given_up = asyncio.create_task(translated(apertium, "This is never heard."))
    await asyncio.sleep(0.05)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    os.kill(pids[0], signal.SIGCONT)
    assert await translated(apertium, "I have two brothers") == "Tengo dos hermanos"
    assert apertium.pids == pids


@needs_apertium
@pytest.mark.parametrize("place", [0, 4, -1])
async def test_a_killed_process_fails_its_clause_only(apertium: ApertiumTranslator, place: int) -> None:
    await translated(apertium, "Hello.")
    pids = apertium.pids
    os.kill(pids[0], signal.SIGSTOP)
    failing = asyncio.create_task(fault_of(apertium, "Never heard of it."))
    await asyncio.sleep(0.05)
    os.kill(pids[place], signal.SIGKILL)
    os.kill(pids[0], signal.SIGCONT) if place else None
    fault = await failing
    assert "broke off" in fault.message and fault.temporary
    assert await translated(apertium, "I have two brothers") == "Tengo dos hermanos"
    assert not set(pids) & set(apertium.pids)


@needs_apertium
async def test_a_hanging_pipe_is_ended_and_replaced(apertium: ApertiumTranslator, monkeypatch: pytest.MonkeyPatch) -> None:
    await translated(apertium, "Hello.")
    pids = apertium.pids
    monkeypatch.setattr(apertium_pipeline, "ANSWER_LIMIT_S", 0.05)
    os.kill(pids[1], signal.SIGSTOP)
    assert "hangs" in (await fault_of(apertium, "Never heard of it.")).message
    monkeypatch.undo()
    assert await translated(apertium, "I have two brothers") == "Tengo dos hermanos"
    assert not set(pids) & set(apertium.pids)


@needs_apertium
@pytest.mark.skipif("es-pt" not in INSTALLED, reason="no second pair: apt install apertium-es-pt")
async def test_pairs_go_through_a_third_language_where_there_is_no_direct_way() -> None:
    apertium = ApertiumTranslator(lambda: [INSTALLED["eng-spa"], INSTALLED["es-pt"]])
    assert ("en", "pt") in apertium.capabilities.pairs
    assert await translated(apertium, "Good morning.", "en", "pt") == "Bons dias."
    await apertium.close()


@needs_apertium
async def test_no_more_modes_run_than_may_and_none_in_use_is_ended() -> None:
    modes = [replace(INSTALLED["eng-spa"], name=f"{code}-spa", source=code) for code in ("en", "de", "fr")]
    apertium = ApertiumTranslator(lambda: modes, most=2)
    each = len(INSTALLED["eng-spa"].programs)
    for mode in modes:
        assert await translated(apertium, "I have two brothers", mode.source) == "Tengo dos hermanos"
        assert len(apertium.pids) <= 2 * each
    said = await asyncio.gather(*(translated(apertium, "I have two brothers", mode.source) for mode in modes))
    assert said == ["Tengo dos hermanos"] * 3
    await apertium.close()
    assert apertium.pids == ()


@needs_apertium
async def test_a_clause_of_which_no_word_is_known_is_a_fault_and_names_are_not(apertium: ApertiumTranslator) -> None:
    assert "none of these words" in (await fault_of(apertium, "heutzutage verstehst überhaupt niemanden")).message
    assert "none of these words" in (await fault_of(apertium, "今日は天気がいいです")).message
    assert await translated(apertium, "Jürgen Klinsmann") == "Jürgen Klinsmann"


@needs_apertium
async def test_what_it_cannot_do_is_refused_by_name(apertium: ApertiumTranslator) -> None:
    assert "en-ja" in (await fault_of(apertium, "Hello.", "en", "ja")).message
    assert "which language" in (await fault_of(apertium, "Hello.", "")).message
    assert "too long" in (await fault_of(apertium, "word " * 5_000)).message
    assert await translated(apertium, "Good morning.", "en-GB", "es-MX") == "Buenos días."


@needs_apertium
async def test_a_closed_translator_leaves_no_process_and_takes_no_clause(apertium: ApertiumTranslator) -> None:
    await translated(apertium, "Hello.")
    pids = apertium.pids
    await apertium.close()
    await apertium.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert "closed" in (await fault_of(apertium, "Hello.")).message


@needs_apertium
async def test_a_program_that_cannot_be_started_is_a_fault_and_leaves_nothing() -> None:
    first, *rest = INSTALLED["eng-spa"].programs
    broken = replace(INSTALLED["eng-spa"], programs=(first, ("no-such-program-anywhere",), *rest))
    apertium = ApertiumTranslator(lambda: [broken])
    assert "cannot be started" in (await fault_of(apertium, "Hello.")).message
    assert apertium.pids == ()
    await apertium.close()


async def test_without_apertium_the_fault_says_how_to_get_it() -> None:
    apertium = ApertiumTranslator(lambda: ())
    assert apertium.capabilities.pairs == ()
    with pytest.raises(EngineFault, match="apt install apertium"):
        await apertium.warm()
    await apertium.close()
