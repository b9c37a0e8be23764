"""Take the pictures of docs/playground.md: `python tests/browser/screenshots.py` (`make screenshots`).

Scripted engines and a hum for a voice, so that the pictures are the same every time; the page, the server and the calls are the real ones.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser_kit import DESKTOP, PHONE, Process, Visit, browsing, hum, quiet, write_wav

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "playground"


RESULTS = """() => {
  const field = document.querySelector("[name=results]");
  field.value = '{"orderDrink": {"order_number": 42, "minutes": 5}}';
  field.dispatchEvent(new Event("change", { bubbles: true }));
}"""
"""Let the tool return what the script of the pictures says of it."""


def voice(folder: Path, sentences: int) -> Path:
    """Return a recording of somebody who says so many sentences."""
    return write_wav(folder / "voice.wav", quiet(700), *[part for _ in range(sentences) for part in (hum(1_300), quiet(1_500))])


async def talk(tab: Visit) -> None:
    """Order a drink, and interrupt what comes after."""
    await tab.page.evaluate(RESULTS)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("A large latte with soy milk, please.")
    await tab.see(".entry.assistant", "Order 42")
    await tab.see("#doing", "Speaking")
    await tab.see("#doing", "Microphone off")
    await tab.say("What else do you have?")
    await tab.see("#doing", "Speaking")
    await asyncio.sleep(3.2)
    await tab.page.click("#interrupt")
    await tab.see(".entry.assistant s")
    await tab.say("Just the latte, thank you.")
    await tab.see("#doing", "Speaking")
    await asyncio.sleep(2)
    await tab.page.locator("#message").blur()


async def timing(tab: Visit) -> None:
    """Look at the times of a conversation."""
    await talk(tab)
    await tab.page.click("#tab-timing")


async def captions(tab: Visit) -> None:
    """Caption three sentences."""
    await tab.page.select_option("#caption-settings [name=model]", "gpt-4o-transcribe")
    await tab.page.click("#caption-mic")
    await tab.settle("document.querySelectorAll('#captions p').length >= 4")


async def interpreter(tab: Visit) -> None:
    """Interpret three sentences."""
    await tab.page.click("#interpret-mic")
    await tab.settle("document.querySelector('#target-text').textContent.split('.').length > 3")
    await asyncio.sleep(0.5)


SHOTS: dict[str, tuple[str, str, Callable[[Visit], Any] | None, dict[str, Any]]] = {
    "start": ("pictures", "", None, {}),
    "talk": ("pictures", "", talk, {}),
    "talk-dark": ("pictures", "", timing, {"color_scheme": "dark"}),
    "talk-phone": ("pictures", "", talk, {"viewport": PHONE}),
    "transcribe": ("pictures", "#transcribe", captions, {}),
    "transcribe-dark": ("pictures", "#transcribe", captions, {"color_scheme": "dark"}),
    "transcribe-phone": ("pictures", "#transcribe", captions, {"viewport": PHONE}),
    "interpret": ("pictures", "#interpret", interpreter, {}),
    "interpret-dark": ("pictures", "#interpret", interpreter, {"color_scheme": "dark"}),
    "interpret-phone": ("pictures", "#interpret", interpreter, {"viewport": PHONE}),
}
"""Name → script of the server, tab, what to do, and how to look at it."""


async def take(name: str, folder: Path) -> None:
    """Take one picture."""
    script, tab_name, act, look = SHOTS[name]
    server = Process({"script": script})
    server.start()
    try:
        mic = voice(folder, 6)
        async with browsing(server.url + tab_name, folder, mic=mic, **{"viewport": DESKTOP, **look}) as tab:
            if act is not None:
                await act(tab)
            await asyncio.sleep(0.4)
            await tab.page.screenshot(path=FOLDER / f"{name}.png")
    finally:
        server.kill()


async def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in SHOTS:
            await take(name, Path(folder))
            print(FOLDER / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
