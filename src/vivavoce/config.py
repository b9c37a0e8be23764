"""What the operator has decided: built-in defaults < profile file < configuration file < environment < flags.

`load_settings` reads all of it into frozen dataclasses, or says in one line which key has which value and what would be allowed.
It knows names and types only; which engines and models exist is for those who build them to check (`nearest` words their
suggestions alike).

    [server]
    host = "127.0.0.1"
    port = 8000
    api_keys = ["env:VIVAVOCE_API_KEY"]

    [llm.default]
    base_url = "http://127.0.0.1:11434/v1"

    [defaults]                      # for every model that does not say otherwise
    synthesizer = "flite"

    [models."gpt-realtime-2"]
    kind = "agent"
    llm = "default"

    [limits]                        # of every key
    concurrent_sessions = 20

    [keys.kiosk]                    # one more key, with a name, and limits of its own
    key = "sha256:…"
    tokens_per_minute = 40_000

    [prices."gpt-realtime-2"]       # US dollars per million tokens
    audio_out = 64

    [webrtc]
    ports = "50000-50099"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from vivavoce.config_values import (
    ConfigError,
    Given,
    Reader,
    Secret,
    list_of,
    nearest,
    number,
    one_of,
    read_address,
    read_flag,
    read_ice_url,
    read_path,
    read_ports,
    read_secret,
    read_table,
    read_terms,
    read_text,
    read_url,
)
from vivavoce.settings import (
    BUILT_IN_PROFILES,
    DEFAULT_LLM,
    KINDS,
    LOG_LEVELS,
    EngineNames,
    IceServer,
    KeySettings,
    LimitSettings,
    LlmSettings,
    ModelSettings,
    PriceSettings,
    ServerSettings,
    Settings,
    TranslationSettings,
    WebRtcSettings,
)

__all__ = [
    "BUILT_IN_PROFILES",
    "DEFAULT_LLM",
    "KINDS",
    "LOG_LEVELS",
    "ConfigError",
    "EngineNames",
    "IceServer",
    "KeySettings",
    "LimitSettings",
    "LlmSettings",
    "ModelSettings",
    "PriceSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "TranslationSettings",
    "WebRtcSettings",
    "load_settings",
    "nearest",
]

# --- the keys ---------------------------------------------------------------------------------------------------------------------

_SECONDS = number(float, 0, float("inf"), above=True)
_ENGINES: dict[str, Reader] = {engine.name: read_text for engine in fields(EngineNames)}
_SERVER: dict[str, Reader] = {
    "host": read_text,
    "port": number(int, 0, 65_535),
    "api_keys": list_of(read_secret),
    "origins": list_of(read_text),
    "signing_key": read_secret,
    "tls_cert": read_path,
    "tls_key": read_path,
    "tls_self_signed": read_flag,
    "beta": read_flag,
    "prompts": read_path,
    "max_sessions": number(int, 1, float("inf")),
    "max_session_minutes": _SECONDS,
    "playground": read_flag,
    "playground_minutes": _SECONDS,
    "log_level": one_of(*LOG_LEVELS),
    "drain_seconds": number(float, 0, float("inf")),
}
_LLM: dict[str, Reader] = {
    "base_url": read_url,
    "model": read_text,
    "api_key": read_secret,
    "timeout_s": _SECONDS,
    "first_token_timeout_s": _SECONDS,
    "stall_timeout_s": _SECONDS,
    "images": read_flag,
    "extra_body": read_table,
}
_MODEL: dict[str, Reader] = {"kind": one_of(*KINDS), "aliases": list_of(read_text), **_ENGINES}
_COUNT = number(int, 1, float("inf"))
_LIMITS: dict[str, Reader] = {limit.name: _COUNT for limit in fields(LimitSettings)}
_KEY: dict[str, Reader] = {"key": read_secret, **_LIMITS}
_PRICES: dict[str, Reader] = {price.name: number(float, 0, float("inf")) for price in fields(PriceSettings)}
_TRANSLATION: dict[str, Reader] = {"glossary": read_terms, "terminology": read_text, "style": read_text}
_ICE_SERVER: dict[str, Reader] = {"urls": list_of(read_ice_url), "username": read_text, "credential": read_secret}


def _ice_servers(given: Given) -> tuple[IceServer, ...]:
    """Read STUN and TURN servers: a list of tables."""
    if not isinstance(given.value, list):
        raise replace(given, secret=True).wrong("tables, each headed [[webrtc.ice_servers]]")
    return tuple(_ice_server(replace(given, value=value)) for value in given.value)


def _ice_server(given: Given) -> IceServer:
    table = _expect_table(("webrtc", "ice_servers"), given.value, given.source)
    _expect_known(table, _ICE_SERVER, ("webrtc", "ice_servers"), given.source)
    values = {
        name: _ICE_SERVER[name](replace(given, key=f"{given.key}.{name}", value=value, secret=name == "credential"))
        for name, value in table.items()
    }
    if "urls" not in values:
        raise ConfigError(f"{given.key}.urls (from {given.source}) is missing: add the address of a STUN or TURN server")
    relays = any(url.startswith("turn") for url in values["urls"])
    if relays and not {"username", "credential"} <= values.keys():
        raise ConfigError(f"{given.key} (from {given.source}): a TURN server needs a username and a credential")
    return IceServer(**values)


_WEBRTC: dict[str, Reader] = {
    "enabled": read_flag,
    "processes": number(int, 1, 256),
    "ports": read_ports,
    "public_address": read_address,
    "ice_servers": _ice_servers,
    "connect_timeout_s": _SECONDS,
    "loopback": read_flag,
    "echo": read_flag,
}
_SECRET_KEYS = frozenset({"api_key", "api_keys", "key", "signing_key"})

_ONE_TABLE: dict[str, dict[str, Reader]] = {
    "server": _SERVER,
    "defaults": _ENGINES,
    "limits": _LIMITS,
    "translation": _TRANSLATION,
    "webrtc": _WEBRTC,
}
_NAMED_TABLES: dict[str, dict[str, Reader]] = {"llm": _LLM, "models": _MODEL, "keys": _KEY, "prices": _PRICES}

_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "VIVAVOCE_BETA": ("server", "beta"),
    "VIVAVOCE_HOST": ("server", "host"),
    "VIVAVOCE_PORT": ("server", "port"),
    "VIVAVOCE_API_KEYS": ("server", "api_keys"),
    "VIVAVOCE_LOG_LEVEL": ("server", "log_level"),
    "VIVAVOCE_ORIGINS": ("server", "origins"),
    "VIVAVOCE_PLAYGROUND": ("server", "playground"),
    "VIVAVOCE_PROMPTS": ("server", "prompts"),
    "VIVAVOCE_SIGNING_KEY": ("server", "signing_key"),
    "VIVAVOCE_WEBRTC_PORTS": ("webrtc", "ports"),
    "VIVAVOCE_WEBRTC_ADDRESS": ("webrtc", "public_address"),
    "VIVAVOCE_PROFILE": ("profile",),
    "VIVAVOCE_HOME": ("home",),
    "VIVAVOCE_LLM_BASE_URL": ("llm", DEFAULT_LLM, "base_url"),
    "VIVAVOCE_LLM_MODEL": ("llm", DEFAULT_LLM, "model"),
    "VIVAVOCE_LLM_API_KEY": ("llm", DEFAULT_LLM, "api_key"),
}
_FLAGS: dict[str, tuple[str, ...]] = {
    **{name.removeprefix("VIVAVOCE_").lower(): path for name, path in _ENVIRONMENT.items()},
    **{name: ("server", name) for name in _SERVER},
}

_Layer = dict[tuple[str, ...], Given]


# --- loading ----------------------------------------------------------------------------------------------------------------------


def load_settings(
    environ: Mapping[str, str],
    *,
    config_file: Path | str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Gather the settings from everywhere.

    Args:
        environ: the environment, usually `os.environ`; an empty variable counts as not set.
        config_file: the flag `--config`; goes before `VIVAVOCE_CONFIG`. Without either no file is read.
        overrides: the other flags by name (`host`, `port`, `profile`, `llm_base_url`, …); None values are ignored.

    Raises:
        ConfigError: something is unknown, unreadable or not allowed.
    """
    config: _Layer = {}
    named = str(config_file or environ.get("VIVAVOCE_CONFIG", "").strip())
    if named:
        source = "--config" if config_file else "VIVAVOCE_CONFIG"
        path = read_path(Given("config", named, source, environ, Path.cwd()))
        config = _file_layer(path, environ, also=("profile", "home"))
    config |= _environment_layer(environ) | _flag_layer(overrides or {}, environ)

    profile, profile_file, beneath = _profile(config.pop(("profile",), None), environ)
    layer = beneath | config
    home = layer.pop(("home",), None)
    limits = LimitSettings(**_values(layer, _LIMITS, "limits"))
    return Settings(
        server=ServerSettings(**_values(layer, _SERVER, "server")),
        llms={name: _llm(layer, name) for name in _names(layer, "llm")},
        models={name: _model(layer, name) for name in _names(layer, "models")},
        defaults=EngineNames(**_values(layer, _ENGINES, "defaults")),
        profile=profile,
        profile_file=profile_file,
        home=read_path(home) if home else usual_home(environ),
        limits=limits,
        keys={name: _key(layer, name, limits) for name in _names(layer, "keys")},
        prices={name: PriceSettings(**_values(layer, _PRICES, "prices", name)) for name in _names(layer, "prices")},
        translation=TranslationSettings(**_values(layer, _TRANSLATION, "translation")),
        webrtc=WebRtcSettings(**_values(layer, _WEBRTC, "webrtc")),
    )


def _file_layer(path: Path, environ: Mapping[str, str], *, also: tuple[str, ...]) -> _Layer:
    """Read a TOML file; `also` are the keys allowed beside the tables."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    source = str(path)
    _expect_known(document, (*also, *_ONE_TABLE, *_NAMED_TABLES), (), source)
    entries: dict[tuple[str, ...], object] = {(key,): value for key, value in document.items() if key in also}
    for key, readers in _ONE_TABLE.items():
        entries |= _table_entries((key,), document.get(key, {}), readers, source)
    for key, readers in _NAMED_TABLES.items():
        for name, table in _expect_table((key,), document.get(key, {}), source).items():
            entries[key, name] = None  # an empty table is an entry as well
            entries |= _table_entries((key, name), table, readers, source)
    return {keys: _given(keys, value, source, environ, path.parent) for keys, value in entries.items()}


def _table_entries(
    keys: tuple[str, ...], value: object, readers: Mapping[str, Reader], source: str
) -> dict[tuple[str, ...], object]:
    table = _expect_table(keys, value, source)
    _expect_known(table, readers, keys, source)
    return {(*keys, key): entry for key, entry in table.items()}


def _expect_table(keys: tuple[str, ...], value: object, source: str) -> dict[str, object]:
    if not isinstance(value, dict):  # what it is stays unsaid: it may be a key under the wrong heading
        raise ConfigError(f"{_dotted(keys)} (from {source}): must be a table, written [{_dotted(keys)}]")
    return value


def _expect_known(table: Iterable[str], known: Iterable[str], keys: tuple[str, ...], source: str) -> None:
    for key in table:
        if key not in known:
            hint = nearest(key, known)
            raise ConfigError(f"{_dotted((*keys, key))} (from {source}): unknown key{hint}; known are {', '.join(known)}")


def _given(keys: tuple[str, ...], value: object, source: str, environ: Mapping[str, str], folder: Path) -> Given:
    return Given(_dotted(keys), value, source, environ, folder, secret=keys[-1] in _SECRET_KEYS)


def _dotted(keys: tuple[str, ...]) -> str:
    """Write a key as TOML does: with quotes around what is no bare word."""
    return ".".join(key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"' for key in keys)


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    return {
        keys: _given(keys, environ[name], name, environ, Path.cwd())
        for name, keys in _ENVIRONMENT.items()
        if environ.get(name, "").strip()
    }


def _flag_layer(overrides: Mapping[str, object], environ: Mapping[str, str]) -> _Layer:
    layer: _Layer = {}
    for name, value in overrides.items():
        if name not in _FLAGS:
            raise ConfigError(f"{name} (from a flag): unknown setting{nearest(name, _FLAGS)}; known are {', '.join(_FLAGS)}")
        if value is not None:
            keys = _FLAGS[name]
            plain = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            flag = "--" + name.replace("_", "-")
            layer[keys] = _given(keys, plain, flag, environ, Path.cwd())
    return layer


def _profile(given: Given | None, environ: Mapping[str, str]) -> tuple[Any, Path | None, _Layer]:
    """Return the built-in profile, the file that extends it, and what that file says.

    A profile file has the tables of a configuration file except `[server]`, and `base`, the built-in profile beneath it.
    """
    if given is None:
        return "embedded", None, {}
    text = read_text(given)
    if text in BUILT_IN_PROFILES:
        return text, None, {}
    path = read_path(given)
    if not path.is_file():
        raise given.wrong(f"{', '.join(BUILT_IN_PROFILES)} or the path of a TOML file" + nearest(text, BUILT_IN_PROFILES))
    layer = _file_layer(path, environ, also=("base",))
    if any(keys[0] == "server" for keys in layer):
        raise ConfigError(
            f"server (from {path}): a profile says what sessions are made of; put this table into the configuration file"
        )
    base = layer.pop(("base",), None)
    return one_of(*BUILT_IN_PROFILES)(base) if base else "embedded", path, layer


def _names(layer: _Layer, table: str) -> list[str]:
    return list(dict.fromkeys(keys[1] for keys in layer if keys[0] == table))


def _values(layer: _Layer, readers: Mapping[str, Reader], *keys: str) -> dict[str, Any]:
    return {name: read(layer[(*keys, name)]) for name, read in readers.items() if (*keys, name) in layer}


def _llm(layer: _Layer, name: str) -> LlmSettings:
    values = _values(layer, _LLM, "llm", name)
    if "base_url" not in values:
        source = next(given.source for keys, given in layer.items() if keys[:2] == ("llm", name))
        hint = ": set VIVAVOCE_LLM_BASE_URL, or" if name == DEFAULT_LLM else ":"
        raise ConfigError(
            f"{_dotted(('llm', name))}.base_url (see {source}) is missing{hint} add the address of an OpenAI-compatible endpoint"
        )
    return LlmSettings(**values)


def _key(layer: _Layer, name: str, limits: LimitSettings) -> KeySettings:
    values = _values(layer, _KEY, "keys", name)
    if "key" not in values:
        raise ConfigError(f"{_dotted(('keys', name))}.key is missing: add the key, or the hash that `vivavoce keys new` shows")
    return KeySettings(values.pop("key"), replace(limits, **values))


def _model(layer: _Layer, name: str) -> ModelSettings:
    values = _values(layer, _MODEL, "models", name)
    engines = EngineNames(**{key: values.pop(key) for key in _ENGINES if key in values})
    return ModelSettings(engines=engines, **values)


def usual_home(environ: Mapping[str, str]) -> Path:
    """Return where data goes if nobody says otherwise: `vivavoce` in the user's data folder.

    Source: XDG Base Directory Specification 0.8: `XDG_DATA_HOME`, ignored unless absolute, else `~/.local/share`.
    """
    data = environ.get("XDG_DATA_HOME", "")
    home = Path(environ.get("HOME") or Path.home())
    return (Path(data) if data.startswith("/") else home / ".local" / "share") / "vivavoce"
