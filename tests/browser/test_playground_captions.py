"""Live captions and the live interpreter in the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_kit import hum, quiet, write_wav


def spoken(folder: Path) -> Path:
    """Return a recording of a sentence and a pause, several times."""
    return write_wav(
        folder / "spoken.wav", quiet(800), *[part for _ in range(3) for part in (hum(900), quiet(1_600))], quiet(90_000)
    )


def short(folder: Path) -> Path:
    """Return a file with two sentences in it."""
    return write_wav(folder / "talk.wav", quiet(500), hum(900), quiet(1_500), hum(900), quiet(900))


async def saved(tab: Any, selector: str) -> str:
    """Press a button that saves a file; return the text."""
    async with tab.page.expect_download() as saving:
        await tab.page.click(selector)
    return read(await (await saving.value).path())


def read(path: Path) -> str:
    return path.read_text()


async def test_the_microphone_is_captioned_and_the_captions_can_be_saved(serve: Any, visit: Any, tmp_path: Path) -> None:
    tab = await visit(serve("captions").url + "#transcribe", mic=spoken(tmp_path))
    await tab.page.select_option("#caption-settings [name=model]", "gpt-4o-transcribe")
    await tab.page.click("#caption-mic")
    await tab.settle("document.querySelectorAll('#captions p').length >= 2")
    await tab.page.click("#caption-stop")
    await tab.see("#caption-mic")
    assert (await saved(tab, "[data-format=txt]")).startswith("the quick brown fox\n")
    srt = await saved(tab, "[data-format=srt]")
    assert srt.startswith("1\n00:00:0") and " --> " in srt
    assert (await saved(tab, "[data-format=vtt]")).startswith("WEBVTT\n\n00:00:0")
    await tab.page.click("#caption-clear")
    await tab.gone("#caption-save")


async def test_a_model_that_streams_shows_words_while_they_are_spoken(serve: Any, visit: Any, tmp_path: Path) -> None:
    tab = await visit(serve("captions").url + "#transcribe", mic=spoken(tmp_path))
    await tab.page.select_option("#caption-settings [name=model]", "gpt-realtime-whisper")
    await tab.page.click("#caption-mic")
    await tab.see("#captions p", "the quick")
    await tab.page.click("#caption-stop")
    await tab.see("#caption-mic")
    assert "brown fox" in await saved(tab, "[data-format=txt]")


async def test_a_file_is_captioned_as_it_plays(serve: Any, visit: Any, tmp_path: Path) -> None:
    tab = await visit(serve("captions").url + "#transcribe")
    await tab.page.select_option("#caption-settings [name=model]", "gpt-4o-transcribe")
    async with tab.page.expect_file_chooser() as choosing:
        await tab.page.click("#caption-file")
    await (await choosing.value).set_files(short(tmp_path))
    await tab.see("#caption-player audio")
    await tab.see("#caption-save")  # it stops by itself when the file is over
    assert await saved(tab, "[data-format=txt]") == "the quick brown fox\n" * 2


async def test_a_file_that_cannot_be_played_is_told_in_words(serve: Any, visit: Any, tmp_path: Path) -> None:
    tab = await visit(serve("captions").url + "#transcribe")
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no music at all" * 100)
    async with tab.page.expect_file_chooser() as choosing:
        await tab.page.click("#caption-file")
    await (await choosing.value).set_files(broken)
    await tab.see("#notice[data-problem=file]", "broken.mp3")
    assert await tab.page.is_enabled("#caption-file")


async def test_large_type_is_a_matter_of_one_slider(serve: Any, visit: Any) -> None:
    tab = await visit(serve("captions").url + "#transcribe")
    size = "parseFloat(getComputedStyle(document.querySelector('#captions')).fontSize)"
    before = await tab.page.evaluate(size)
    await tab.page.focus("#caption-settings [name=size]")
    await tab.page.keyboard.press("End")
    assert await tab.page.evaluate(size) > 2 * before


async def test_an_interpreter_writes_and_speaks_the_other_language(serve: Any, visit: Any, tmp_path: Path) -> None:
    tab = await visit(serve("interpreter").url + "#interpret", mic=spoken(tmp_path))
    await tab.page.select_option("#interpret-settings [name=target]", "es")
    await tab.page.click("#interpret-mic")
    await tab.see("#source-text p", "good morning to all of you")
    await tab.see("#target-text p", "goodo morningo")
    await tab.settle("parseFloat(document.querySelector('#interpret-level-out').style.getPropertyValue('--level')) > 0.2")
    await tab.page.click("#interpret-stop")
    await tab.see("#interpret-mic")
    assert "— Spanish —" in await saved(tab, "#interpret-save-text")


async def test_a_file_is_interpreted_as_it_plays_and_steps_back_for_the_voice(serve: Any, visit: Any, tmp_path: Path) -> None:
    tab = await visit(serve("interpreter").url + "#interpret")
    async with tab.page.expect_file_chooser() as choosing:
        await tab.page.click("#interpret-file")
    await (await choosing.value).set_files(short(tmp_path))
    await tab.see("#interpret-player audio")
    await tab.see("#target-text p", "goodo")
    await tab.see("#interpret-save", timeout_ms=40_000)
    assert (await tab.page.inner_text("#target-text")).count("goodo") == 2, "the last words were waited for"


async def test_a_server_that_cannot_translate_says_so_and_how_to_change_it(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url + "#interpret")
    await tab.see("#interpret-missing", "VIVAVOCE_LLM_BASE_URL")
    assert await tab.page.is_disabled("#interpret-mic") and await tab.page.is_disabled("#interpret-file")


@pytest.mark.parametrize("began", ["transcribe", "talk"])
async def test_there_is_one_call_at_a_time(serve: Any, visit: Any, tmp_path: Path, began: str) -> None:
    tab = await visit(serve("talk").url)
    first, second = ("#caption-mic", "#connect") if began == "transcribe" else ("#connect", "#caption-mic")
    tabs = ("#tab-transcribe", "#tab-talk") if began == "transcribe" else ("#tab-talk", "#tab-transcribe")
    await tab.page.click(tabs[0])
    await tab.page.click(first)
    await tab.see(f"{tabs[0]}[data-live]")
    await tab.page.click(tabs[1])
    await tab.page.click(second)
    await tab.see(f"{tabs[1]}[data-live]")
    assert await tab.page.locator("[data-live]").count() == 1
