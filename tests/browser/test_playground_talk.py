"""Talking to an agent in the page: by voice, by typing, with tools, and being interrupted."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
from browser_kit import hum, quiet, write_wav


def recorded(path: Path) -> Any:
    """Return a recording and its rate."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16), file.getframerate()


async def test_a_call_begins_with_one_press_and_ends_with_another(serve: Any, visit: Any, tmp_path: Path) -> None:
    server = serve("talk")
    mic = write_wav(tmp_path / "mic.wav", quiet(1_500), hum(900), quiet(60_000))
    tab = await visit(server.url, mic=mic)
    await tab.page.click("#connect")
    await tab.see(".entry.user", "a list of everything")
    await tab.see(".entry.assistant", "Number one is on the list.")
    await tab.see("#doing", "Speaking")
    types = await tab.types()
    order = ["session.created", "input_audio_buffer.speech_started", "input_audio_buffer.committed", "response.created"]
    assert [kind for kind in types if kind in order] == order
    assert "output_audio_buffer.started" in types
    assert "response.output_audio.delta" not in types
    await tab.page.click("#hang-up")
    await tab.see("#connect")
    assert await tab.page.locator(".entry.assistant").count() == 1, "what was said can still be read"


async def test_words_are_marked_as_they_are_heard(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a list please")
    await tab.see(".entry.assistant .now")
    heard = "document.querySelector('.entry.assistant').textContent.indexOf(document.querySelector('.entry.assistant .coming')?.textContent)"
    early = await tab.page.evaluate(heard)
    await tab.settle(f"({heard}) > {early} + 20")


async def test_a_typed_order_calls_the_tool_and_shows_what_it_returned(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a large latte")
    card = await tab.see(".tool", "returned")
    shown = await card.inner_text()
    assert "orderDrink" in shown and "latte" in shown and "order_number" in shown
    await tab.see(".entry.assistant", "Your order is placed.")
    output = [
        entry["event"]["item"]["output"]
        for entry in await tab.events()
        if entry["direction"] == "sent" and entry["event"].get("item", {}).get("type") == "function_call_output"
    ]
    assert len(output) == 1 and '"order_number":' in output[0]
    await tab.page.click("#tab-timing")
    await tab.see(".turn", "a tool returned")
    await tab.page.click("#tab-cost")
    assert float(await tab.page.get_attribute(".total", "data-total")) > 0


async def test_calls_can_be_answered_by_hand(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click(".tools summary")
    await tab.page.check("[name=byHand]")
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a large latte")
    field = await tab.see(".tool textarea")
    await field.fill('{"order_number": 4711}')
    await tab.page.click(".tool .primary")
    await tab.see(".tool pre", "4711")
    await tab.see(".entry.assistant", "Your order is placed.")


async def test_speaking_interrupts_and_what_was_not_heard_is_struck_through(serve: Any, visit: Any, tmp_path: Path) -> None:
    server = serve("talk")
    mic = write_wav(tmp_path / "mic.wav", quiet(1_000), hum(800), quiet(3_500), hum(700), quiet(60_000))
    tab = await visit(server.url, mic=mic)
    await tab.page.click("#connect")
    struck = await tab.see(".entry.assistant s")
    lost = (await struck.inner_text()).removeprefix("Not heard:").strip()
    whole = await tab.page.locator(".entry.assistant").first.inner_text()
    assert lost and whole.strip().endswith(lost)
    assert "Number one" not in lost, "the first words were heard"
    types = await tab.types()
    assert types.index("output_audio_buffer.cleared") < types.index("conversation.item.truncated")
    assert "conversation.item.retrieve" in await tab.types("sent")


async def test_the_button_interrupts_too(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a list please")
    await tab.see("#doing", "Speaking")
    await tab.page.click("#interrupt")
    await tab.see(".entry.assistant s")
    await tab.see("#doing", "Microphone off")


async def test_push_to_talk_hears_while_the_button_is_held(serve: Any, visit: Any, tmp_path: Path) -> None:
    server = serve("talk")
    tab = await visit(server.url, mic=write_wav(tmp_path / "mic.wav", hum(60_000)))
    await tab.page.check("[name=detection][value=none]")
    await tab.page.click("#connect")
    hold = await tab.see("#hold")
    await tab.see("#doing", "Hold the button to talk")
    box = await hold.bounding_box()
    await tab.page.mouse.move(box["x"] + 10, box["y"] + 10)
    await tab.page.mouse.down()
    await tab.see("#doing", "Let go to send")
    await tab.page.wait_for_timeout(900)
    await tab.page.mouse.up()
    await tab.see(".entry.user", "a list of everything")
    await tab.see(".entry.assistant", "Number one")
    sent = await tab.types("sent")
    assert sent[:3] == ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]
    assert "input_audio_buffer.speech_started" not in await tab.types()


async def test_the_space_bar_is_the_button_of_push_to_talk(serve: Any, visit: Any, tmp_path: Path) -> None:
    server = serve("talk")
    tab = await visit(server.url, mic=write_wav(tmp_path / "mic.wav", hum(60_000)))
    await tab.page.check("[name=detection][value=none]")
    await tab.page.click("#connect")
    await tab.see("#hold")
    await tab.page.focus("#thread")
    await tab.page.keyboard.down("Space")
    await tab.see("#doing", "Let go to send")
    await tab.page.wait_for_timeout(600)
    await tab.page.keyboard.up("Space")
    await tab.see(".entry.user", "a list of everything")


async def test_settings_change_during_the_call(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.page.fill("[name=instructions]", "Be kind.")
    await tab.page.click("#agent h2")
    await tab.settle("document.querySelector('#event-list').textContent.includes('session.updated')")
    update = next(entry["event"] for entry in await tab.events() if entry["event"]["type"] == "session.update")
    assert update["session"] == {"type": "realtime", "instructions": "Be kind."}
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello, what would you like?")
    await tab.page.select_option("[name=voice]", "cedar")
    await tab.see("#agent-error", "voice")
    assert await tab.page.get_attribute("[name=voice]", "aria-invalid") == "true"


async def test_a_message_typed_while_the_agent_speaks_is_answered_next(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("a list please")
    await tab.see("#doing", "Speaking")
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello, what would you like?")
    assert "error" not in await tab.types()


async def test_an_example_starts_a_call_and_says_it(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click(".examples button >> nth=0")
    await tab.see(".entry.user", "A large latte")
    await tab.see(".tool", "returned")


async def test_events_can_be_searched_and_opened(serve: Any, visit: Any) -> None:
    server = serve("talk")
    tab = await visit(server.url)
    await tab.page.click("#connect-text")
    await tab.see("#live")
    await tab.say("hello")
    await tab.see(".event", "response.done")
    await tab.page.fill("#event-query", "response.done completed")
    await tab.settle("document.querySelectorAll('.event').length === 1")
    await tab.page.click(".event summary")
    await tab.see(".event pre", '"object": "realtime.response"')
    await tab.page.fill("#event-query", "")
    await tab.page.select_option("#event-direction", "sent")
    await tab.settle("[...document.querySelectorAll('.event')].every((event) => event.classList.contains('sent'))")


async def test_a_recorded_guest_orders_a_coffee_from_the_embedded_engines(
    serve_alone: Any, visit: Any, speech: Path, tmp_path: Path
) -> None:
    order, rate = recorded(speech / "orders" / "0075d273-51bb-47cb-b323-4437bd0de029.wav")
    yes, _ = recorded(speech / "caller" / "yes.wav")
    still = np.zeros(rate, dtype=np.int16)
    mic = write_wav(tmp_path / "guest.wav", still, order, *[still] * 8, yes, *[still] * 60, rate_hz=rate)
    server = serve_alone("talk", profile="embedded")
    tab = await visit(server.url, mic=mic)
    await tab.page.click("#connect")
    await tab.see(".entry.user", "coffee", timeout_ms=40_000)
    card = await tab.see(".tool", "returned", timeout_ms=40_000)
    shown = await card.inner_text()
    assert "orderDrink" in shown and "coffee" in shown
    await tab.see(".entry.assistant", "Thank you. Order")


async def test_a_muted_microphone_is_not_heard(serve: Any, visit: Any, tmp_path: Path) -> None:
    mic = write_wav(tmp_path / "mic.wav", quiet(3_000), *[part for _ in range(20) for part in (hum(500), quiet(1_000))])
    tab = await visit(serve("talk").url, mic=mic)
    await tab.page.click("#connect")
    await tab.page.click("#mute")
    await tab.see("#doing", "Muted")
    await tab.page.wait_for_timeout(4_000)
    assert "input_audio_buffer.speech_started" not in await tab.types()
    await tab.page.click("#mute")
    await tab.see(".entry.user")


async def test_a_call_begun_by_typing_can_take_up_the_microphone(serve: Any, visit: Any, tmp_path: Path) -> None:
    mic = write_wav(tmp_path / "mic.wav", *[part for _ in range(20) for part in (hum(500), quiet(1_000))])
    tab = await visit(serve("talk").url, mic=mic)
    await tab.page.click("#connect-text")
    await tab.see("#doing", "Microphone off")
    await tab.page.click("#mute")
    await tab.see(".entry.user", "a list of everything")


async def test_another_microphone_can_be_chosen_in_a_call(serve: Any, visit: Any) -> None:
    tab = await visit(serve("talk").url)
    await tab.page.click("#connect")
    await tab.page.click("#sound")
    await tab.settle("document.querySelector('#device-in').options.length > 2")
    await tab.page.select_option("#device-in", index=2)
    chosen = await tab.page.evaluate("document.querySelector('#device-in').value")
    await tab.settle(f"(localStorage.getItem('vivavoce.devices') ?? '').includes({chosen!r})")
    await tab.page.keyboard.press("Escape")
    await tab.say("hello")
    await tab.see(".entry.assistant", "Hello")
    await tab.gone("#notice")
