"""What the operator may decide, as frozen dataclasses. `vivavoce.config` reads them from files, environment and flags."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vivavoce.config_values import ConfigError, Secret

BUILT_IN_PROFILES = ("embedded", "null")
KINDS = ("agent", "transcription", "translation", "speech", "chat")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
DEFAULT_LLM = "default"
"""The `[llm.*]` entry that `VIVAVOCE_LLM_*` fill in; where it exists, it is the brain of every agent model that names no other."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`. `max_sessions` None leaves the limit to the engines; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: tuple[Secret, ...] = ()
    """Keys as they are, or as `sha256:` and the hex digest of one (`vivavoce keys new` makes both)."""
    origins: tuple[str, ...] = ()
    """Origins of the browsers that may come in; empty: every origin where keys are asked for, only this machine's where none are."""
    signing_key: Secret | None = None
    """Signs client secrets; None: one is made and kept in the home folder."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    """Serve TLS with a certificate of our own making, for JavaScript clients that insist on `wss` on this machine."""
    beta: bool = False
    """Speak the beta shapes to clients that ask for them, instead of refusing them."""
    prompts: Path | None = None
    """The folder of prompt templates."""
    max_sessions: int | None = None
    max_session_minutes: float = 60.0
    playground: bool = True
    """Serve the playground at `/`."""
    playground_minutes: float = 10.0
    """How long a call of the playground may last where no keys are asked for."""
    log_level: str = "info"
    drain_seconds: float = 30.0
    """How long sessions may go on after the server was told to stop."""

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """`[limits]`, for every key, and the same names in `[keys.<name>]` for one of them; None is no limit."""

    concurrent_sessions: int | None = None
    requests_per_minute: int | None = None
    """Responses, client secrets and handshakes."""
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class KeySettings:
    """`[keys.<name>]`: an API key with a name, which logs and metrics may show, and limits of its own."""

    key: Secret
    limits: LimitSettings = field(default_factory=LimitSettings)


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """`[prices."<model>"]`: US dollars per million tokens; None leaves the built-in price."""

    text_in: float | None = None
    text_cached: float | None = None
    text_out: float | None = None
    audio_in: float | None = None
    audio_cached: float | None = None
    audio_out: float | None = None
    image_in: float | None = None
    image_cached: float | None = None
    per_minute: float | None = None
    """Of transcribed audio."""


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """`[llm.<name>]`: an OpenAI-compatible endpoint. Without `model` the first one it lists is used."""

    base_url: str
    model: str | None = None
    api_key: Secret | None = None
    timeout_s: float = 120.0
    first_token_timeout_s: float = 20.0
    stall_timeout_s: float = 15.0
    images: bool = True
    """Whether the model can be shown images; without, clients that send one are refused at once."""
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further fields for every request, such as `{temperature = 0.3}`."""


@dataclass(frozen=True, slots=True)
class TranslationSettings:
    """`[translation]`: what translators that can be told are told."""

    glossary: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Terms and what they are to be called, by target language; those under the empty name are for every one."""
    terminology: str = ""
    """What the talk is about, and how to name things."""
    style: str = ""
    """How to speak, such as "formal address"."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """One of `[[webrtc.ice_servers]]`: a STUN or TURN server."""

    urls: tuple[str, ...]
    """Such as `stun:stun.example.org:3478` or `turn:turn.example.org:3478?transport=udp`."""
    username: str | None = None
    credential: Secret | None = None


@dataclass(frozen=True, slots=True)
class WebRtcSettings:
    """`[webrtc]`: calls from browsers, and how they find the server."""

    enabled: bool = True
    processes: int = 1
    """Media processes: they are started with the first calls, and calls are shared out among them."""
    ports: tuple[int, int] | None = None
    """UDP ports for media, the lowest and the highest; None leaves them to the operating system."""
    public_address: str | None = None
    """The IP address under which a server behind NAT is reached, offered beside its own."""
    ice_servers: tuple[IceServer, ...] = ()
    """What the server itself asks for its address (STUN) or has relay its media (TURN)."""
    connect_timeout_s: float = 15.0
    """How long a call may take to connect before it is given up."""
    loopback: bool | None = None
    """Whether 127.0.0.1 is offered as well; None: where the server listens on loopback."""
    echo: bool = True
    """Whether what the server plays is taken out of what it hears."""


@dataclass(frozen=True, slots=True)
class EngineNames:
    """Which engine does what; None leaves the choice to the profile."""

    recognizer: str | None = None
    llm: str | None = None
    synthesizer: str | None = None
    endpointer: str | None = None
    vad: str | None = None
    translator: str | None = None
    noise: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`[models."<public name>"]`. `kind` None: that of the built-in model of this name."""

    kind: Literal["agent", "transcription", "translation", "speech", "chat"] | None = None
    engines: EngineNames = field(default_factory=EngineNames)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator has decided.

    `profile` is the built-in one the rest rests on; `profile_file` the file it was extended by, if any. `home` holds the model
    store and data.
    """

    server: ServerSettings
    llms: Mapping[str, LlmSettings]
    models: Mapping[str, ModelSettings]
    defaults: EngineNames
    profile: Literal["embedded", "null"]
    profile_file: Path | None
    home: Path
    limits: LimitSettings = field(default_factory=LimitSettings)
    keys: Mapping[str, KeySettings] = field(default_factory=dict)
    prices: Mapping[str, PriceSettings] = field(default_factory=dict)
    translation: TranslationSettings = field(default_factory=TranslationSettings)
    webrtc: WebRtcSettings = field(default_factory=WebRtcSettings)

    @property
    def keyed(self) -> bool:
        """Whether clients must bring a key."""
        return bool(self.server.api_keys or self.keys)

    def check(self) -> None:
        """Refuse what must not be served: a public address without a key, half a certificate.

        Raises:
            ConfigError: one of these.
        """
        server = self.server
        if not server.on_loopback and not self.keyed:
            raise ConfigError(
                f"server.host = {server.host!r} can be reached from outside and server.api_keys is empty: "
                "set VIVAVOCE_API_KEYS, or use the host 127.0.0.1"
            )
        if (server.tls_cert is None) != (server.tls_key is None):
            raise ConfigError("server.tls_cert and server.tls_key go together: one of them is missing")
        if server.tls_self_signed and server.tls_cert is not None:
            raise ConfigError(
                "server.tls_self_signed makes a certificate of its own: leave out server.tls_cert and server.tls_key"
            )
