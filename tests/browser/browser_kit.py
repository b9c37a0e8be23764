"""What the browser tests share: a server process, Chromium with a recording for a microphone, and the page."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RATE_HZ = 24_000
PATIENCE_MS = 20_000
"""How long a test waits for what must come; far more than it takes."""

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium() -> str:
    """Return where Chromium is; skip the test where it is not."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("VIVAVOCE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium: install the package `chromium`, or set VIVAVOCE_CHROMIUM to its path")
    return found


# --- sound ----------------------------------------------------------------------------------------------------------------------


def hum(ms: float) -> NDArray[np.int16]:
    """Return a hum that the scripted detector takes for speech."""
    time_s = np.arange(round(ms * RATE_HZ / 1000)) / RATE_HZ
    made: NDArray[np.int16] = (9_000 * np.sin(2 * np.pi * 220 * time_s)).astype(np.int16)
    return made


def quiet(ms: float) -> NDArray[np.int16]:
    """Return silence."""
    return np.zeros(round(ms * RATE_HZ / 1000), dtype=np.int16)


def write_wav(path: Path, *parts: NDArray[np.int16], rate_hz: int = RATE_HZ) -> Path:
    """Write a recording."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.concatenate(parts).tobytes())
    return path


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- the server -----------------------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """A server process that can be killed and started again at the same port."""

    asked: dict[str, Any]
    port: int = 0
    running: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        asked = {**self.asked, "settings": {"port": self.port, **self.asked.get("settings", {})}}
        command = [sys.executable, str(Path(__file__).with_name("playground_server.py")), json.dumps(asked)]
        self.running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        assert self.running.stdout is not None
        told = self.running.stdout.readline()
        if not told:
            self.kill()
            pytest.fail("the server did not start; its reason is on standard error")
        self.port = int(told)
        until = time.monotonic() + 90
        while not self.ready():
            assert time.monotonic() < until, "the server is not ready"
            assert self.running.poll() is None, "the server has died"
            time.sleep(0.05)

    def ready(self) -> bool:
        """Tell whether it takes calls."""
        try:
            with urllib.request.urlopen(f"{self.url}readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None


# --- the browser ----------------------------------------------------------------------------------------------------------------


@dataclass
class Visit:
    """A page that is open, and what it said that it should not have."""

    page: Any
    context: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    async def see(self, selector: str, text: str | None = None, timeout_ms: float = PATIENCE_MS) -> Any:
        """Wait until an element is visible, with this text somewhere in it."""
        locator = self.page.locator(selector)
        if text is not None:
            locator = locator.filter(has_text=text)
        await locator.first.wait_for(state="visible", timeout=timeout_ms)
        return locator.first

    async def gone(self, selector: str) -> None:
        """Wait until an element is not visible."""
        await self.page.locator(selector).first.wait_for(state="hidden", timeout=PATIENCE_MS)

    async def settle(self, expression: str, timeout_ms: float = PATIENCE_MS) -> Any:
        """Wait until an expression is true in the page; return its value. (The page's policy forbids playwright's own way to wait.)"""
        async with asyncio.timeout(timeout_ms / 1000):
            while not (value := await self.page.evaluate(expression)):  # noqa: ASYNC110 - what is looked at knows no event loop
                await asyncio.sleep(0.03)
        return value

    async def say(self, text: str) -> None:
        """Type a message."""
        await self.page.fill("#message", text)
        await self.page.press("#message", "Enter")

    async def events(self) -> list[dict[str, Any]]:
        """Return the events of the call, as the inspector saves them."""
        async with self.page.expect_download() as saving:
            await self.page.evaluate("document.querySelector('#event-save').click()")
        saved = await (await saving.value).path()
        return _json_lines(saved)

    async def types(self, direction: str = "received") -> list[str]:
        """Return the types of the events in one direction."""
        return [entry["event"]["type"] for entry in await self.events() if entry["direction"] == direction]


@asynccontextmanager
async def browsing(
    url: str,
    folder: Path,
    *,
    mic: Path | None = None,
    permit: bool = True,
    flags: tuple[str, ...] = (),
    forgive: tuple[str, ...] = (),
    load: bool = True,
    **context: Any,
) -> AsyncGenerator[Visit]:
    """Open the page in a browser of its own.

    Args:
        url: where it is.
        folder: for what has to be written.
        mic: what the microphone hears, once; silence without one.
        permit: whether the user allows the microphone.
        flags: further flags of the browser.
        forgive: texts in complaints that are part of the test.
        load: whether to wait until the page is ready to talk.
        context: options of the browser context, such as `viewport`.
    """
    playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed: pip install playwright")
    executable = chromium()
    heard = mic or write_wav(folder / "silence.wav", quiet(2_000))
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}%noloop",
        "--autoplay-policy=user-gesture-required",
        *(["--use-fake-ui-for-media-stream"] if permit else []),
        *flags,
    ]
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable, args=arguments)
        opened = await browser.new_context(**{"viewport": DESKTOP, "locale": "en-US", **context})
        page = await opened.new_page()
        made = Visit(page, opened)

        def complain(text: str) -> None:
            if not any(part in text for part in forgive):
                made.complaints.append(text)

        page.on("console", lambda message: complain(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("request", lambda request: made.requests.append(request))
        await page.goto(url)
        if load:
            await made.see("#server[data-state=ready]")
            await made.settle("document.querySelector('#agent [name=model]').options.length > 0")
        try:
            yield made
        finally:
            await browser.close()
