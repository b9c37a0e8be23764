"""`@openai/agents-realtime` as npm has it, in Chromium, over WebRTC: a URL and a client secret are all it is told."""

from __future__ import annotations

import asyncio
import functools
import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from browser_kit import PATIENCE_MS, RATE_HZ, Process, chromium, quiet, write_wav
from tests.conformance import installing

from vivavoce.audio.wav import read_wav

KEY = "sk-agents-in-a-browser"
MODEL = "gpt-realtime"
LOUD = 0.5
"""Of full scale: what a recording's loudest sample is brought to."""
AUTOPLAY = "--autoplay-policy=document-user-activation-required"
"""Chromium's own rule, and the package's assumption: a page that was clicked on may sound."""
LEAD_MS, LATER_MS = 2_500, 3_000
"""Before the person speaks: the call has to be up by then; and before the same words come again."""


@pytest.fixture(scope="module")
def package() -> Path:
    """The folder with the package's own bundle for browsers."""
    chromium()  # without one the package is not needed
    patch = pytest.MonkeyPatch()
    patch.setattr(installing, "INSTALL_S", 80.0)
    patch.setenv("npm_config_fetch_retries", "1")
    try:
        command = installing.install(installing.Client("agents_js", node=True))
    except installing.NotInstalled as missing:
        pytest.skip(f"@openai/agents-realtime is not here: {missing}")
    finally:
        patch.undo()
    bundle = Path(command[1]).parent / "node_modules/@openai/agents-realtime/dist/bundle"
    assert (bundle / "openai-realtime-agents.mjs").is_file()
    return bundle


class _Pages(http.server.SimpleHTTPRequestHandler):
    """The page, and beside it the package: an origin of its own, as an app would be."""

    def translate_path(self, path: str) -> str:
        name = Path(path.partition("?")[0]).name
        if path.startswith("/package/"):
            return str(Path(self.directory) / name)
        return str(Path(__file__).with_name("agents_page.html"))

    def guess_type(self, path: Any) -> str:
        return "text/javascript" if str(path).endswith(".mjs") else "text/html; charset=utf-8"

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def pages(package: Path) -> Iterator[str]:
    """Serve the page; give its address."""
    handler = functools.partial(_Pages, directory=str(package))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}/"
        serving.shutdown()
        thread.join()


def secret(server: Process) -> str:
    """Return a client secret, as an app's own server gets one for its users."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    body = json.dumps({"session": {"type": "realtime", "model": MODEL}}).encode()
    request = urllib.request.Request(f"{server.url}v1/realtime/client_secrets", body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        value: str = json.load(answer)["value"]
    assert value.startswith("ek_")
    return value


def open_calls(server: Process) -> float:
    """Return how many calls the server has."""
    request = urllib.request.Request(f"{server.url}metrics", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("vivavoce_calls{"))


def spoken(speech: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return a person's words, loud enough for a detector that goes by loudness."""
    samples, _ = read_wav(speech / "caller" / "help_me.wav", RATE_HZ)
    voice = samples.astype(np.float64)
    louder: np.ndarray[tuple[int], np.dtype[np.int16]] = (voice * LOUD * 32_767 / np.abs(voice).max()).astype(np.int16)
    return louder


async def test_the_official_client_talks_calls_a_tool_interrupts_and_hangs_up(
    serve: Any, visit: Any, package: Path, speech: Path, tmp_path: Path
) -> None:
    server = serve("talk", keys=[KEY])
    said = spoken(speech)
    mic = write_wav(tmp_path / "mic.wav", quiet(LEAD_MS), said, quiet(LATER_MS), said, quiet(60_000))
    with pages(package) as address:
        query = urlencode({"calls": f"{server.url}v1/realtime/calls", "key": secret(server), "model": MODEL})
        tab = await visit(f"{address}?{query}", mic=mic, load=False, flags=(AUTOPLAY,))

        # Connected means configured: the client waits for the `session.updated` that answers its own update.
        await tab.page.click("#start")
        await tab.settle("!['new', 'connecting'].includes(held.state)")
        assert await tab.page.evaluate("held.state") == "connected"
        assert (await tab.page.evaluate("held.callId")).startswith("rtc_")
        assert (await tab.page.evaluate("held.types()"))[:2] == ["session.created", "session.updated"]
        configured = await tab.page.evaluate("held.seen('session.updated')[0].session")
        assert [entry["name"] for entry in configured["tools"]] == ["orderDrink"]
        assert configured["audio"]["output"]["voice"] == "marin"

        # A voice in, a voice out; the same voice again interrupts, and the history keeps what was heard.
        await tab.settle("held.seen('conversation.item.input_audio_transcription.completed').length > 0")
        await tab.settle("held.seen('output_audio_buffer.started').length > 0")
        quiet_energy = await tab.page.evaluate("held.statistics('inbound-rtp').then((found) => found.totalAudioEnergy)")
        await asyncio.sleep(1.0)
        heard = await tab.page.evaluate("held.statistics('inbound-rtp')")
        assert heard["totalAudioEnergy"] - quiet_energy > 1e-4, "the answer sounds at the remote track"
        assert heard["packetsReceived"] > 50
        assert (await tab.page.evaluate("held.statistics('outbound-rtp')"))["packetsSent"] > 50
        await tab.settle("held.seen('conversation.item.truncated').length > 0")
        await tab.settle("held.history().some((item) => item.role === 'user' && item.content[0] === 'a list of everything')")

        # A button interrupts too: the client cancels and clears.
        await tab.settle("held.seen('output_audio_buffer.started').length > 1")
        cleared = await tab.page.evaluate("held.seen('output_audio_buffer.cleared').length")
        await asyncio.sleep(0.5)
        await tab.page.evaluate("held.session.interrupt()")
        await tab.settle(f"held.seen('output_audio_buffer.cleared').length > {cleared}")
        await tab.settle("held.seen('conversation.item.truncated').length > 1")

        # A tool: the call, its output, the answer that follows.
        await tab.page.evaluate("held.session.sendMessage('a large latte')")
        await tab.settle("held.calls.length === 1")
        assert await tab.page.evaluate("held.calls[0]") == {"coffeeDrink": "latte", "size": "large"}
        await tab.settle("held.ended.some((text) => text.includes('Your order is placed.'))")
        await tab.settle(
            "held.history().some((item) => item.role === 'assistant' && item.content[0] === 'Your order is placed.')"
        )
        calls = await tab.page.evaluate("held.history().filter((item) => item.type === 'function_call')")
        assert [json.loads(call["output"])["order_number"] for call in calls] == [4711]
        answered = await tab.page.evaluate(
            "held.history().filter((item) => item.role === 'assistant').map((item) => item.content[0])"
        )
        assert answered[0].startswith("Number one") and not answered[0].endswith("Number ten is on the list."), "what was heard"

        # The end, seen from both sides.
        await tab.page.evaluate("held.session.close()")
        assert await tab.page.evaluate("held.transport.status") == "disconnected"
        await tab.settle("held.status === 'disconnected'")
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while await asyncio.to_thread(open_calls, server):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.05)
        assert await tab.page.evaluate("held.errors") == []
