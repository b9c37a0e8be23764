"""`[webrtc]`: how calls reach the server, and what is refused when it starts rather than when somebody calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vivavoce.api.app import _reachable
from vivavoce.config import ConfigError, IceServer, Secret, WebRtcSettings, load_settings

File = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(text: str) -> Path:
        path = tmp_path / "vivavoce.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def webrtc(path: Path, **environ: str) -> WebRtcSettings:
    return load_settings(environ, config_file=path).webrtc


def test_without_a_word_calls_are_taken_by_one_process_on_any_port(file: File) -> None:
    assert webrtc(file("")) == WebRtcSettings()
    assert (WebRtcSettings().enabled, WebRtcSettings().processes, WebRtcSettings().ports) == (True, 1, None)


def test_everything_can_be_said(file: File) -> None:
    text = """
        [webrtc]
        enabled = false
        processes = 4
        ports = [50000, 50099]
        public_address = "203.0.113.7"
        connect_timeout_s = 5
        loopback = true
        echo = false

        [[webrtc.ice_servers]]
        urls = "stun:stun.example.org:3478"

        [[webrtc.ice_servers]]
        urls = ["turn:turn.example.org:3478?transport=udp", "turns:[2001:db8::1]:5349"]
        username = "me"
        credential = "env:TURN_PASSWORD"
    """
    turn = IceServer(("turn:turn.example.org:3478?transport=udp", "turns:[2001:db8::1]:5349"), "me", Secret("5551234"))
    expected = WebRtcSettings(
        enabled=False,
        processes=4,
        ports=(50_000, 50_099),
        public_address="203.0.113.7",
        ice_servers=(IceServer(("stun:stun.example.org:3478",)), turn),
        connect_timeout_s=5.0,
        loopback=True,
        echo=False,
    )
    assert webrtc(file(text), TURN_PASSWORD="5551234") == expected
    assert "5551234" not in repr(expected)


def test_containers_say_it_in_the_environment(file: File) -> None:
    found = webrtc(file(""), VIVAVOCE_WEBRTC_PORTS="50000-50010", VIVAVOCE_WEBRTC_ADDRESS="2001:db8::1")
    assert (found.ports, found.public_address) == ((50_000, 50_010), "2001:db8::1")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ports = 50000", "webrtc.ports"),
        ('ports = "50000"', "webrtc.ports"),
        ('ports = "50099-50000"', "webrtc.ports"),
        ('ports = "80-90"', "webrtc.ports"),
        ("ports = [50000, 70000]", "webrtc.ports"),
        ("ports = [50000, true]", "webrtc.ports"),
        ('public_address = "voice.example.com"', "webrtc.public_address"),
        ("processes = 0", "webrtc.processes"),
        ("connect_timeout_s = 0", "webrtc.connect_timeout_s"),
        ('ice_servers = "stun:stun.example.org"', "webrtc.ice_servers"),
        ("[[webrtc.ice_servers]]\nusername = 'me'", "webrtc.ice_servers.urls"),
        ("[[webrtc.ice_servers]]\nurls = 'http://stun.example.org'", "webrtc.ice_servers.urls"),
        ("[[webrtc.ice_servers]]\nurls = 'turn:turn.example.org'", "webrtc.ice_servers"),
        ("[[webrtc.ice_servers]]\nurl = 'stun:stun.example.org'", "did you mean 'urls'"),
        ("port = 1", "did you mean 'ports'"),
    ],
)
def test_what_cannot_be_used_is_named(file: File, text: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as refused:
        webrtc(file(f"[webrtc]\n{text}"))
    assert wrong in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "urls = 'turn:turn.example.org'\nusername = 'me'\ncredential = 5551234",
        "urls = 'turn:me:5551234@turn.example.org'",
        "urls = 'turn:turn.example.org'\ncredential = '5551234'",
        "credentials = '5551234'",
    ],
)
def test_errors_do_not_show_what_opens_a_relay(file: File, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        webrtc(file(f"[[webrtc.ice_servers]]\n{text}"))
    assert "5551234" not in str(refused.value)


def test_the_calls_of_a_server_on_loopback_come_over_loopback(file: File) -> None:
    def offered(**server: Any) -> bool | None:
        return _reachable(load_settings({}, overrides=server)).loopback

    assert offered(host="127.0.0.1") is True
    assert offered(host="203.0.113.7") is False
