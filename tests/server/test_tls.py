"""TLS: sessions over wss with a certificate made here, and certificates that cannot be used refused in one line before the start."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import stat
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from openai import AsyncOpenAI
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from kit import MODEL, TURN, Client, scripted, serving, settings
from vivavoce.api.server import build_server
from vivavoce.api.tls import LIFE, RENEWAL, expiry, kept_files, self_signed, tls_files
from vivavoce.cli.addresses import base_url, how_to_connect
from vivavoce.cli.child import ServerProcess
from vivavoce.cli.errors import MISUSED
from vivavoce.cli.main import app
from vivavoce.config import ConfigError, Settings, usual_home
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.script import Say
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.transports import websocket

KEY = "sk-test"


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts this certificate alone, as strictly as any client does."""
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of our own, the one the server's settings name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return usual_home({"HOME": str(tmp_path)})


def with_home(home: Path, **server: Any) -> Settings:
    return replace(settings(**server), home=home)


# --- serving ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_session_is_held_over_wss_with_the_certificate_verified(home: Path, host: str) -> None:
    async with serving(tls_self_signed=True, keys=(KEY,)) as server:
        url = f"wss://{host}:{server.port}/v1/realtime?model={MODEL}"
        headers = {"Authorization": f"Bearer {KEY}"}
        async with connect(url, ssl=trusting(kept_files(home)[0]), additional_headers=headers, max_queue=None) as socket:
            client = Client(socket.send, socket.recv, socket)
            await client.until("session.created")
            await client.append(TURN)
            done = await client.done()
        assert done["status"] == "completed"
        assert client.audio(done["id"])


async def test_who_does_not_trust_the_certificate_does_not_get_in_and_disturbs_nobody(home: Path) -> None:
    async with serving(tls_self_signed=True) as server:
        url = f"wss://127.0.0.1:{server.port}/v1/realtime?model={MODEL}"
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(url, ssl=ssl.create_default_context())
        async with httpx.AsyncClient(verify=trusting(kept_files(home)[0])) as http:
            with pytest.raises(httpx.TransportError):
                await http.get(f"http://127.0.0.1:{server.port}/healthz")
            assert (await http.get(f"https://127.0.0.1:{server.port}/healthz")).text == "ok\n"


async def test_a_client_that_does_not_read_is_held_back_over_tls_as_well(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(websocket, "STALL_S", 0.5)
    words, voice = 4_000, ScriptedSynthesizer()
    stack = scripted(ScriptedBrain(Say("word. " * words)), synthesizer=voice)
    async with serving(stack, tls_self_signed=True) as server:
        url = f"wss://127.0.0.1:{server.port}/v1/realtime?model={MODEL}"
        options: dict[str, Any] = {
            "ssl": trusting(kept_files(home)[0]),
            "max_queue": 1,
            "compression": None,
            "close_timeout": 0.2,
        }
        async with connect(url, **options) as client:
            await client.send(json.dumps({"type": "response.create"}))
            await server.empty()
            client.transport.abort()
    assert len(voice.clauses) < words / 4, "what the buffers on the way took, and little more"
    assert voice.cancelled == 1
    caplog.clear()


async def test_the_command_serves_https_and_the_official_client_connects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--profile", "null", "--port", "0", "--tls-self-signed", "--api-key", KEY)
    environment = {**os.environ, "VIVAVOCE_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with ServerProcess(arguments, environment, tmp_path / "log") as process:
        address = await asyncio.to_thread(process.start)
        assert address.startswith("https://127.0.0.1:")
        monkeypatch.setenv("SSL_CERT_FILE", str(kept_files(tmp_path)[0]))
        async with AsyncOpenAI(base_url=address, api_key=KEY, max_retries=0) as client:
            assert [model.id async for model in client.models.list()]
            async with client.realtime.connect(model=MODEL) as connection:
                assert (await connection.recv()).type == "session.created"


@pytest.mark.parametrize("stated", [{"keys": (KEY,)}, {"keys": (KEY,), "host": "localhost"}])
def test_keys_on_this_machine_alone_need_no_warning(stated: dict[str, Any], log: list[MutableMapping[str, Any]]) -> None:
    build_server(settings(**stated))
    assert not log


def test_keys_that_would_cross_a_network_in_clear_are_warned_about(home: Path, log: list[MutableMapping[str, Any]]) -> None:
    build_server(settings(host="0.0.0.0", keys=(KEY,)))
    assert [line["level"] for line in log] == ["warning"]
    assert "in clear" in log.pop()["event"]
    build_server(settings(host="0.0.0.0", keys=(KEY,), tls_self_signed=True))
    assert not log


# --- the certificate made here ----------------------------------------------------------------------------------------------------


def test_the_certificate_names_this_machine_and_the_address_served(tmp_path: Path) -> None:
    cert, _ = self_signed(tmp_path, "192.0.2.7")
    assert names(cert) >= {"localhost", "127.0.0.1", "::1", "192.0.2.7"}
    assert "0.0.0.0" not in names(self_signed(tmp_path, "0.0.0.0")[0])


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    _, key = self_signed(tmp_path)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    self_signed(tmp_path)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_certificate_is_kept_until_it_nears_its_end(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    cert, key = self_signed(tmp_path, now=now)
    first, secret = cert.read_bytes(), key.read_bytes()
    self_signed(tmp_path, now=now + LIFE - RENEWAL - timedelta(days=1))
    assert cert.read_bytes() == first
    late = now + LIFE - RENEWAL + timedelta(days=1)
    self_signed(tmp_path, now=late)
    assert cert.read_bytes() != first
    assert key.read_bytes() == secret, "who copied the key's fingerprint need not learn another"
    assert expiry(cert) > late + LIFE - timedelta(hours=1)


def test_another_address_is_added_to_the_names_and_none_is_lost(tmp_path: Path) -> None:
    self_signed(tmp_path, "192.0.2.7")
    cert, _ = self_signed(tmp_path, "192.0.2.8")
    assert names(cert) >= {"192.0.2.7", "192.0.2.8"}
    both = cert.read_bytes()
    self_signed(tmp_path, "192.0.2.7")
    assert cert.read_bytes() == both


@pytest.mark.parametrize("found", [b"", b"not a certificate", "another key's"])
def test_a_certificate_that_is_of_no_use_is_made_again(tmp_path: Path, found: bytes | str) -> None:
    cert, key = self_signed(tmp_path)
    cert.write_bytes(found if isinstance(found, bytes) else self_signed(tmp_path / "other")[0].read_bytes())
    self_signed(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)


def test_servers_that_start_at_once_share_one_pair(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        pairs = set(pool.map(lambda _: self_signed(tmp_path), range(16)))
    assert len(pairs) == 1
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*pairs.pop())
    assert len(list((tmp_path / "tls").iterdir())) == 2, "no half-written file is left behind"


def test_a_key_we_did_not_make_is_not_overwritten(tmp_path: Path) -> None:
    _, key = self_signed(tmp_path)
    for other in (b"dear diary", pem(rsa.generate_private_key(65537, 2048))):
        key.write_bytes(other)
        with pytest.raises(ConfigError, match="delete it"):
            self_signed(tmp_path)
        assert key.read_bytes() == other


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ConfigError, match="VIVAVOCE_HOME"):
        tls_files(with_home(tmp_path / "home", tls_self_signed=True))


# --- the operator's certificate ---------------------------------------------------------------------------------------------------


def test_the_operators_pair_is_served_as_it_is(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    assert tls_files(settings(tls_cert=cert, tls_key=key)) == (cert, key)
    assert tls_files(settings()) is None


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("no certificate", "server.tls_cert = .* cannot be read: No such file"),
        ("no key", "server.tls_key = .* cannot be read: No such file"),
        ("a folder", "server.tls_cert = .* cannot be read: Is a directory"),
        ("text for a certificate", "server.tls_cert = .* is no certificate in PEM form"),
        ("text for a key", "server.tls_key = .* is no private key in PEM form"),
        ("swapped", "server.tls_cert = .* is no certificate in PEM form"),
        ("another key", "server.tls_key = .* is not the key of the certificate"),
        ("a key of another kind", "server.tls_key = .* (is not the key of|goes with) the certificate"),
        ("an encrypted key", "server.tls_key = .* is encrypted"),
    ],
)
def test_a_pair_that_cannot_be_served_is_misuse_and_says_why(tmp_path: Path, bad: str, said: str) -> None:
    cert, key = self_signed(tmp_path)
    note = tmp_path / "note.txt"
    note.write_text("dear diary")
    given = {
        "no certificate": (tmp_path / "none.pem", key),
        "no key": (cert, tmp_path / "none.key"),
        "a folder": (tmp_path, key),
        "text for a certificate": (note, key),
        "text for a key": (cert, note),
        "swapped": (key, cert),
        "another key": (cert, self_signed(tmp_path / "other")[1]),
        "a key of another kind": (cert, written(tmp_path / "rsa.key", pem(rsa.generate_private_key(65537, 2048)))),
        "an encrypted key": (cert, written(tmp_path / "locked.key", pem(_loaded(key), b"secret"))),
    }[bad]
    with pytest.raises(ConfigError, match=said):
        tls_files(settings(tls_cert=given[0], tls_key=given[1]))
    arguments = ["serve", "--profile", "null", "--port", "0", "--tls-cert", str(given[0]), "--tls-key", str(given[1])]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == MISUSED
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: server.tls_")


def test_half_a_pair_and_two_pairs_are_misuse(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    for flags in (["--tls-cert", str(cert)], ["--tls-self-signed", "--tls-cert", str(cert), "--tls-key", str(key)]):
        assert CliRunner().invoke(app, ["serve", "--profile", "null", "--port", "0", *flags]).exit_code == MISUSED


# --- what is said about it --------------------------------------------------------------------------------------------------------


def test_what_clients_need_is_shown_only_where_nobody_else_vouches_for_the_certificate() -> None:
    address = base_url("0.0.0.0", 8443, secure=True)
    assert address == "https://127.0.0.1:8443/v1"
    assert "export NODE_EXTRA_CA_CERTS='/my home/localhost.pem'" in how_to_connect(
        address, certificate=Path("/my home/localhost.pem")
    )
    assert "NODE_EXTRA_CA_CERTS" not in how_to_connect(address)


def test_doctor_tells_what_tls_does(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    self_signed(tmp_path / "old", now=datetime.now(UTC) - LIFE + timedelta(days=2))
    old_cert, old_key = kept_files(tmp_path / "old")
    public = f'host = "0.0.0.0"\napi_keys = ["{KEY}"]'
    for server, line in {
        "": "ok off",
        public: "warn off: API keys come in clear",
        "tls_self_signed = true": "ok certificate",
        f'tls_cert = "{cert}"\ntls_key = "{key}"': "ok certificate",
        f'tls_cert = "{old_cert}"\ntls_key = "{old_key}"': "warn certificate",
        f'tls_cert = "{cert}"\ntls_key = "{old_key}"': "fail server.tls_key",
    }.items():
        assert examined(tmp_path, server).startswith(line)


def examined(folder: Path, server: str) -> str:
    from vivavoce.cli.checks import examine

    file = written(folder / "vivavoce.toml", f"[server]\nport = 0\n{server}\n".encode())
    checks = {check.name: check for check in examine({"VIVAVOCE_HOME": str(folder)}, file, "null")}
    return f"{checks['tls'].status} {checks['tls'].detail}"


def names(certificate: Path) -> set[str]:
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    named = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*named.get_values_for_type(x509.DNSName), *map(str, named.get_values_for_type(x509.IPAddress))}


def written(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    return file


def pem(key: Any, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return made


def _loaded(key: Path) -> Any:
    return serialization.load_pem_private_key(key.read_bytes(), password=None)
