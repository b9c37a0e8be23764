"""Who may talk, and what the page says when something is in the way."""

from __future__ import annotations

from typing import Any

import pytest

KEY = "sk-test-of-the-page"
OFFLINE = ("Failed to load resource", "ERR_CONNECTION_REFUSED")


async def test_without_keys_the_page_calls_with_a_short_lived_secret(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    call = next(request for request in tab.requests if request.url.endswith("/v1/realtime/calls"))
    assert (await call.all_headers())["authorization"].startswith("Bearer ek_")
    assert any(request.url.endswith("/playground/secret") for request in tab.requests)


async def test_with_keys_the_page_asks_for_one_and_keeps_it_in_this_tab_only(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk", keys=[KEY]).url, load=False, forgive=("401",))
    await tab.see("#key-dialog")
    await tab.page.fill("#key-input", "sk-wrong")
    await tab.page.keyboard.press("Enter")
    await tab.see("#notice[data-problem=key-wrong]", "The key is not accepted.")
    await tab.page.click("#notice [data-action=key]")
    await tab.page.fill("#key-input", KEY)
    await tab.page.keyboard.press("Enter")
    await tab.settle("document.querySelector('#agent [name=model]').options.length > 0")
    await tab.gone("#notice")
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello, what would you like?")
    stored = await tab.page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")
    assert KEY not in stored[0] and KEY in stored[1] and stored[2] == ""
    call = next(request for request in tab.requests if request.url.endswith("/v1/realtime/calls"))
    assert (await call.all_headers())["authorization"].startswith("Bearer ek_"), "the key itself makes no call"
    assert not any(request.url.endswith("/playground/secret") for request in tab.requests)


async def test_a_key_can_be_forgotten(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk", keys=[KEY]).url, load=False)
    await tab.page.fill("#key-input", KEY)
    await tab.page.keyboard.press("Enter")
    await tab.settle("document.querySelector('#agent [name=model]').options.length > 0")
    await tab.page.click("#key-button")
    await tab.page.click("#key-forget")
    assert await tab.page.evaluate("sessionStorage.length") == 0
    await tab.page.click("#connect-text")
    await tab.see("#notice[data-problem=key-missing]")


async def test_a_denied_microphone_is_explained_and_typing_goes_on(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url, permit=False)
    await tab.page.click("#connect")
    await tab.see("#notice[data-problem=mic-denied]", "The microphone is blocked.")
    await tab.page.click("#notice [data-action=text]")
    await tab.see("#live")
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello, what would you like?")
    await tab.gone("#notice")


async def test_a_page_opened_from_the_network_says_why_it_has_no_microphone(serve: Any, visit: Any) -> None:
    server = serve("talk")
    flags = ("--host-resolver-rules=MAP voice.example 127.0.0.1",)
    forgive = ("Cross-Origin-Opener-Policy",)  # which an address without TLS cannot have, as the browser says
    tab = await visit(f"http://voice.example:{server.port}/", flags=flags, forgive=forgive)
    await tab.page.click("#connect")
    await tab.see("#notice[data-problem=insecure]", "--tls-self-signed")


async def test_settings_the_server_refuses_are_told_at_their_field(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url, forgive=("400",))
    await tab.page.click(".tools summary")
    await tab.page.fill("[name=tools]", '[{"type": "function", "name": ""}]')
    await tab.page.click("#agent h2")
    await tab.page.click("#connect-text")
    await tab.see("#agent-error", "tools[0].name")
    assert await tab.page.get_attribute("[name=tools]", "aria-invalid") == "true"
    await tab.page.fill("[name=tools]", "[nonsense")
    await tab.page.click("#agent h2")
    await tab.see("#agent-error", "not JSON")


async def test_a_server_that_dies_is_told_and_the_call_is_taken_up_again(serve_alone: Any, visit: Any) -> None:
    server = serve_alone("talk")
    tab = await visit(server.url, forgive=OFFLINE)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello")
    server.kill()
    await tab.see("#notice[data-problem=server-gone]", "The server does not answer.")
    assert await tab.page.locator(".entry.assistant").count() == 1, "what was said can still be read"
    server.start()
    await tab.page.click("#notice [data-action=reconnect]")
    await tab.see("#live")
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello")


async def test_a_page_that_is_reloaded_keeps_its_settings_and_leaves_its_call(serve_alone: Any, visit: Any) -> None:
    server = serve_alone("talk", settings={"max_sessions": 1})
    tab = await visit(server.url)
    await tab.page.fill("[name=instructions]", "Remember me.")
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.page.reload()
    await tab.see("#server[data-state=ready]")
    assert await tab.page.input_value("[name=instructions]") == "Remember me."
    await tab.settle("document.querySelector('#agent [name=model]').options.length > 0")
    await tab.page.wait_for_timeout(500)
    await tab.page.click("#connect-text")
    await tab.see("#live")  # there is room for one call: the other one has ended


async def test_a_call_ends_when_its_time_is_over_and_says_so(serve_alone: Any, visit: Any) -> None:
    tab = await visit(serve_alone("talk", settings={"playground_minutes": 0.04}).url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.see("#notice[data-problem=session-over]", "The time of this call is over.")


async def test_a_server_without_calls_says_so(serve_alone: Any, visit: Any) -> None:
    tab = await visit(serve_alone("talk", webrtc={"enabled": False}).url)
    await tab.page.click("#connect")
    await tab.see("#notice[data-problem=webrtc-off]")


async def test_a_full_server_says_so(serve_alone: Any, visit: Any) -> None:
    server = serve_alone("talk", settings={"max_sessions": 1})
    one, other = await visit(server.url), await visit(server.url, forgive=("503", "429"))
    await one.page.click("#connect-text")
    await one.see("#live")
    await other.page.click("#connect-text")
    problem = await other.see("#notice")
    assert await problem.get_attribute("data-problem") in ("busy", "limit")


@pytest.mark.parametrize("path", ["", "#transcribe", "#interpret"])
async def test_the_page_asks_nobody_but_its_own_server(serve: Any, visit: Any, path: str) -> None:
    server = serve("talk")
    tab = await visit(server.url + path)
    assert all(request.url.startswith((server.url, "data:", "blob:")) for request in tab.requests)
