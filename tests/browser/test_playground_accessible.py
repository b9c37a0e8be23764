"""Whether everybody can use the page: by keyboard, with a screen reader, in the dark, on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_kit import DESKTOP, PHONE

PANELS = ("talk", "transcribe", "interpret")
AUDIT = (Path(__file__).parent / "audit.js").read_text()
"""A function of the page: what is wrong with it."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_has_a_name_and_can_be_read(serve: Any, visit: Any, scheme: str) -> None:
    tab = await visit(serve("talk").url, color_scheme=scheme)
    for panel in PANELS:
        await tab.page.click(f"#tab-{panel}")
        await tab.page.wait_for_timeout(250)
        assert await tab.page.evaluate(AUDIT) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_so_it_is_during_a_call(serve: Any, visit: Any, scheme: str) -> None:
    tab = await visit(serve("talk").url, color_scheme=scheme)
    await tab.page.click(".tools summary")
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a large latte")
    await tab.see(".entry.assistant", "Your order is placed.")
    await tab.say("a list please")
    await tab.see(".entry.assistant .now")
    await tab.page.click("#interrupt")
    await tab.see(".entry.assistant s")
    for sheet in ("events", "timing", "cost"):
        await tab.page.click(f"#tab-{sheet}")
        await tab.page.wait_for_timeout(250)
        assert await tab.page.evaluate(AUDIT) == []


async def test_the_keyboard_does_everything(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url)
    press, focus = tab.page.keyboard.press, "document.activeElement.id"
    await press("Tab")
    assert await tab.page.evaluate("document.activeElement.className") == "skip"
    await press("Tab")
    assert await tab.page.evaluate(focus) == "tab-talk"
    await press("ArrowRight")
    assert await tab.page.evaluate(focus) == "tab-transcribe" and tab.page.url.endswith("#transcribe")
    await press("End")
    assert await tab.page.is_visible("#interpret-panel")
    await press("Home")
    assert await tab.page.is_visible("#talk-panel")
    for _ in range(60):
        if await tab.page.evaluate(focus) == "connect-text":
            break
        await press("Tab")
    await press("Enter")
    await tab.see("#live")
    assert await tab.page.evaluate(focus) == "message", "typing can begin at once"
    await tab.page.keyboard.type("hello")
    await press("Enter")
    await tab.see(".entry.assistant", "Hello")
    while await tab.page.evaluate(focus) != "hang-up":
        await press("Shift+Tab")
    await press("Enter")
    await tab.see("#connect")
    assert await tab.page.evaluate(focus) == "connect", "focus is not lost with the button"


async def test_screen_readers_are_told_whole_sentences(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a large latte")
    await tab.see(".entry.assistant", "Your order is placed.")
    told = "[...document.querySelectorAll('#announcer p')].map((line) => line.textContent)"
    await tab.settle(f"({told}).length === 3")
    lines = await tab.page.evaluate(told)
    assert lines[0] == "You: a large latte"
    assert lines[1].startswith("The tool orderDrink returned")
    assert lines[2] == "Agent: Your order is placed."


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
async def test_nothing_sticks_out_at_any_width(serve: Any, visit: Any, width: int) -> None:
    tab = await visit(serve("talk").url, viewport={"width": width, "height": 800})
    for panel in PANELS:
        await tab.page.click(f"#tab-{panel}")
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
    await tab.page.click("#tab-talk")
    for pane in ("agent", "inspector", "conversation"):
        button = tab.page.locator(f".panes [data-pane={pane}]")
        if await button.is_visible():
            await button.click()
            assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_phone_holds_a_conversation(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url, viewport=PHONE, has_touch=True, is_mobile=True)
    await tab.page.tap("#connect")
    await tab.see("#live")
    await tab.say("a large latte")
    await tab.see(".entry.assistant", "Your order is placed.")
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await tab.page.tap(".panes [data-pane=inspector]")
    await tab.see(".event", "response.done")
    await tab.page.tap(".panes [data-pane=conversation]")
    await tab.page.tap("#hang-up")
    await tab.see("#connect")


async def test_the_theme_follows_the_system_until_its_button_is_pressed(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url, color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = await tab.page.evaluate(colour)
    await tab.page.click("#theme-button")
    light = await tab.page.evaluate(colour)
    assert light != dark
    await tab.page.reload()
    await tab.see("#server[data-state=ready]")
    assert await tab.page.evaluate(colour) == light, "it is remembered"
    await tab.page.click("#theme-button")
    assert await tab.page.evaluate(colour) == dark


async def test_who_wants_less_motion_gets_none(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url, reduced_motion="reduce", viewport=DESKTOP)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("hello")
    entry = await tab.see(".entry.assistant")
    assert await entry.evaluate("(element) => parseFloat(getComputedStyle(element).animationDuration)") < 0.001
