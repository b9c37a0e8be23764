"""The page of the documentation, as it stands there, in a real browser, from another origin than the server's."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from test_calls_offers import secret

from kit import MODEL, PATIENCE_S, eventually, scripted, serving
from vivavoce.testing.brain import ScriptedBrain

KEY = "sk-test-1234567890"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "webrtc.md"
FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]


def script(url: str, value: str) -> str:
    """Return the lines of the documentation for a server and a secret."""
    lines = re.search(r"```js\n(const \{ value \}.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert lines is not None
    code = lines[1].replace('await (await fetch("/secret")).json()', f"{{ value: '{value}' }}")
    assert code != lines[1] and "https://voice.example.com" in code
    return f"(async () => {{ {code.replace('https://voice.example.com', url)} }})()"


@asynccontextmanager
async def page_of_another_origin() -> AsyncGenerator[str]:
    """Serve an empty page; yield its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!doctype html><title>page</title>"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}/"


def chromium() -> str:
    """Return where Chromium is; skip the test where it is not."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("VIVAVOCE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium: install the package `chromium`, or set VIVAVOCE_CHROMIUM to its path")
    return found


async def test_the_twenty_lines_of_the_documentation_hold_a_call() -> None:
    executable = chromium()
    playwright: Any = pytest.importorskip("playwright.async_api", reason="playwright is not installed: pip install playwright")
    said: list[str] = []
    async with (
        serving(scripted(ScriptedBrain("Hello to you.", repeat=True)), keys=(KEY,)) as server,
        page_of_another_origin() as url,
    ):
        value = await secret(server, type="realtime", model=MODEL)
        async with playwright.async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=executable, args=FLAGS)
            page = await browser.new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            await page.goto(url)
            await page.evaluate(script(server.url, value))
            await eventually(lambda: said, PATIENCE_S)
            await browser.close()
    assert said[0] == "assistant: Hello to you."
