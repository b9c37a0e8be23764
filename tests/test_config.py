"""What the operator decides: precedence, errors in one line, and secrets that stay secret."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from vivavoce.config import (
    ConfigError,
    EngineNames,
    KeySettings,
    LimitSettings,
    LlmSettings,
    ModelSettings,
    PriceSettings,
    Secret,
    ServerSettings,
    Settings,
    load_settings,
)

HOME = {"HOME": "/home/ada"}
EVERY_ERROR_FITS_ONE_LINE = 400

DESIGNED = """
[server]
host = "127.0.0.1"
port = 8000
api_keys = ["env:VIVAVOCE_API_KEY"]

[llm.default]
base_url = "http://127.0.0.1:11434/v1"
model = "qwen3:8b"

[models."gpt-realtime-2"]
kind = "agent"
recognizer = "pocketsphinx"
llm = "default"
synthesizer = "flite"
endpointer = "smart-turn"
"""


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str, name: str = "vivavoce.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(environ: dict[str, str] | None = None, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(HOME | (environ or {}), **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < EVERY_ERROR_FITS_ONE_LINE
    return message


# --- where settings come from ---------------------------------------------------------------------------------------------------


def test_without_anything_there_are_defaults() -> None:
    settings = load_settings(HOME)
    assert settings.server == ServerSettings(
        host="127.0.0.1", port=8000, api_keys=(), max_sessions=None, max_session_minutes=60, log_level="info"
    )
    assert (settings.llms, settings.models, settings.defaults) == ({}, {}, EngineNames())
    assert (settings.profile, settings.profile_file) == ("embedded", None)
    assert settings.home == Path("/home/ada/.local/share/vivavoce")


def test_the_documented_file_is_read(file: Any) -> None:
    settings = load_settings(HOME | {"VIVAVOCE_API_KEY": "k1"}, config_file=file(DESIGNED))
    assert settings.server.api_keys == (Secret("k1"),)
    assert settings.llms == {"default": LlmSettings("http://127.0.0.1:11434/v1", "qwen3:8b")}
    assert settings.models == {
        "gpt-realtime-2": ModelSettings(
            kind="agent",
            engines=EngineNames(recognizer="pocketsphinx", llm="default", synthesizer="flite", endpointer="smart-turn"),
        )
    }


def test_the_environment_goes_before_the_file_and_flags_before_both(file: Any) -> None:
    path = file('[server]\nhost = "127.0.0.2"\nport = 1\nlog_level = "debug"\n')
    environ = HOME | {"VIVAVOCE_PORT": "2", "VIVAVOCE_LOG_LEVEL": "ERROR"}
    server = load_settings(environ, config_file=path, overrides={"log_level": "warning", "host": None}).server
    assert (server.host, server.port, server.log_level) == ("127.0.0.2", 2, "warning")


def test_the_file_is_named_by_flag_or_environment_and_the_flag_goes_first(file: Any) -> None:
    one, two = file("[server]\nport = 1\n", "one.toml"), file("[server]\nport = 2\n", "two.toml")
    assert load_settings(HOME | {"VIVAVOCE_CONFIG": str(one)}).server.port == 1
    assert load_settings(HOME | {"VIVAVOCE_CONFIG": str(one)}, config_file=two).server.port == 2


def test_every_variable_has_its_place() -> None:
    settings = load_settings(
        {
            "VIVAVOCE_HOST": "0.0.0.0",
            "VIVAVOCE_PORT": "9000",
            "VIVAVOCE_API_KEYS": "k1, k2,",
            "VIVAVOCE_HOME": "/data",
            "VIVAVOCE_PROFILE": "null",
            "VIVAVOCE_LLM_BASE_URL": "http://llm:8000/v1/",
            "VIVAVOCE_LLM_MODEL": "qwen",
            "VIVAVOCE_LLM_API_KEY": "k3",
            "VIVAVOCE_LOG_LEVEL": "debug",
        }
    )
    assert settings.server == ServerSettings("0.0.0.0", 9000, (Secret("k1"), Secret("k2")), log_level="debug")
    assert settings.llms == {"default": LlmSettings("http://llm:8000/v1", "qwen", Secret("k3"))}
    assert (settings.home, settings.profile) == (Path("/data"), "null")


def test_an_empty_variable_counts_as_not_set() -> None:
    names = ("CONFIG", "HOST", "PORT", "API_KEYS", "HOME", "PROFILE", "LLM_BASE_URL", "LLM_MODEL", "LLM_API_KEY", "LOG_LEVEL")
    assert load_settings(HOME | {f"VIVAVOCE_{name}": " " for name in names}) == load_settings(HOME)


def test_flags_have_the_names_of_the_variables(tmp_path: Path) -> None:
    overrides = {
        "host": "::1",
        "port": 0,
        "api_keys": ("k1",),
        "home": tmp_path,
        "profile": "null",
        "llm_base_url": "https://llm/v1",
        "llm_model": "m",
        "llm_api_key": "k",
        "max_sessions": 7,
    }
    settings = load_settings(HOME, overrides=overrides)
    assert settings.server == ServerSettings("::1", 0, (Secret("k1"),), max_sessions=7)
    assert settings.llms["default"] == LlmSettings("https://llm/v1", "m", Secret("k"))
    assert (settings.home, settings.profile) == (tmp_path, "null")


def test_the_environment_completes_a_table_of_the_file(file: Any) -> None:
    path = file('[llm.default]\nbase_url = "http://a/v1"\nmodel = "m"\n[llm.big]\nbase_url = "http://b/v1"\n')
    llms = load_settings(HOME | {"VIVAVOCE_LLM_BASE_URL": "http://c/v1"}, config_file=path).llms
    assert llms == {"default": LlmSettings("http://c/v1", "m"), "big": LlmSettings("http://b/v1")}


def test_an_empty_model_table_is_a_model(file: Any) -> None:
    assert load_settings(HOME, config_file=file('[models."my-voice"]\n')).models == {"my-voice": ModelSettings()}


def test_all_keys_of_the_tables_are_read(file: Any) -> None:
    text = """
    home = "data"
    [server]
    max_sessions = 4
    max_session_minutes = 90
    drain_seconds = 0
    [llm.big]
    base_url = "http://b/v1"
    timeout_s = 60
    first_token_timeout_s = 2.5
    stall_timeout_s = 3
    extra_body = { temperature = 0.3 }
    [defaults]
    vad = "silero"
    endpointer = "none"
    [models.mine]
    kind = "translation"
    aliases = ["yours", "ours"]
    """
    path = file(text)
    settings = load_settings(HOME, config_file=path)
    assert settings.home == path.parent / "data"
    assert settings.server == ServerSettings(max_sessions=4, max_session_minutes=90, drain_seconds=0)
    expected = LlmSettings(
        "http://b/v1", timeout_s=60, first_token_timeout_s=2.5, stall_timeout_s=3, extra_body={"temperature": 0.3}
    )
    assert settings.llms["big"] == expected
    assert settings.defaults == EngineNames(vad="silero", endpointer="none")
    assert settings.models["mine"] == ModelSettings("translation", aliases=("yours", "ours"))


def test_a_profile_file_lies_beneath_the_configuration(file: Any) -> None:
    profile = file(
        'base = "null"\n[defaults]\nsynthesizer = "flite"\n[llm.default]\nbase_url = "http://p/v1"\nmodel = "p"\n', "box.toml"
    )
    config = file('profile = "box.toml"\n[llm.default]\nmodel = "c"\n')
    settings = load_settings(HOME, config_file=config)
    assert (settings.profile, settings.profile_file) == ("null", profile)
    assert settings.defaults.synthesizer == "flite"
    assert settings.llms["default"] == LlmSettings("http://p/v1", "c")


def test_home_is_where_the_user_keeps_data() -> None:
    assert load_settings(HOME | {"XDG_DATA_HOME": "/xdg"}).home == Path("/xdg/vivavoce")
    assert load_settings(HOME | {"VIVAVOCE_HOME": "~/voice"}).home == Path("/home/ada/voice")


# --- what is refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[server]\nport = 70000", ["server.port = 70000", "an integer from 0 to 65535"]),
        ("[server]\nport = true", ["server.port = True"]),
        ("[server]\nport = 80.5", ["server.port = 80.5"]),
        ("[server]\nmax_session_minutes = 0", ["server.max_session_minutes = 0", "a number above 0"]),
        ("[server]\nmax_sessions = 0", ["an integer 1 or more"]),
        ("[server]\ndrain_seconds = -1", ["a number 0 or more"]),
        ('[server]\nlog_level = "debig"', ["'debig'", "debug, info", "did you mean 'debug'?"]),
        ('[server]\nhost = ""', ["server.host = ''", "not empty"]),
        ("[server]\nhsot = 1", ["server.hsot", "did you mean 'host'?", "known are host, port"]),
        ("[sever]\nport = 1", ["sever", "did you mean 'server'?"]),
        ("server = 1", ["server", "must be a table, written [server]"]),
        ('[llm.big]\nmodel = "m"', ["llm.big.base_url", "is missing"]),
        ('[llm.big]\nbase_url = "ftp://x"', ["llm.big.base_url = 'ftp://x'", "http:// or https://"]),
        ('[llm.big]\nbase_url = "http://x:abc/v1"', ["http://x:abc/v1"]),
        ('[llm.big]\nbase_url = "http://x"\nextra_body = 1', ["llm.big.extra_body = 1", "a table"]),
        ('[models."a.b"]\nkind = "agnet"', ['models."a.b".kind', "did you mean 'agent'?"]),
        ("[models.x]\naliases = 1", ["models.x.aliases = 1", "a list of texts"]),
        ("[models.x]\nvoice = 1", ["models.x.voice", "unknown key"]),
        ("[models]\nx = 1", ["models.x", "must be a table"]),
        ('profile = "nul"', ["profile = 'nul'", "embedded, null or the path of a TOML file", "did you mean 'null'?"]),
        ("port = = 1", ["is not TOML"]),
    ],
)
def test_a_wrong_file_is_refused_with_the_key_the_value_and_what_is_allowed(file: Any, text: str, parts: list[str]) -> None:
    message = refused(config_file=file(text))
    assert "vivavoce.toml" in message
    for part in parts:
        assert part in message


def test_errors_name_their_source(file: Any) -> None:
    assert "(from VIVAVOCE_PORT)" in refused({"VIVAVOCE_PORT": "eighty"})
    assert "(from --port)" in refused(overrides={"port": -1})
    assert "VIVAVOCE_LLM_BASE_URL" in refused({"VIVAVOCE_LLM_MODEL": "m"})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "nowhere.toml: cannot be read" in refused(config_file=tmp_path / "nowhere.toml")
    assert "nowhere.toml: cannot be read" in refused({"VIVAVOCE_CONFIG": str(tmp_path / "nowhere.toml")})


def test_an_unknown_flag_is_refused() -> None:
    assert "did you mean 'llm_model'?" in refused(overrides={"lm_model": "x"})


def test_a_profile_does_not_configure_the_server(file: Any) -> None:
    profile = file("[server]\nport = 1\n", "box.toml")
    assert "put this table into the configuration file" in refused({"VIVAVOCE_PROFILE": str(profile)})


# --- secrets ----------------------------------------------------------------------------------------------------------------------


def test_secrets_may_be_kept_in_any_variable(file: Any) -> None:
    path = file('[llm.a]\nbase_url = "http://a"\napi_key = "env:A_KEY"\n')
    environ = HOME | {"A_KEY": "hush", "VIVAVOCE_API_KEYS": "env:A_KEY,plain"}
    settings = load_settings(environ, config_file=path)
    key = settings.llms["a"].api_key
    assert key is not None
    assert key.reveal() == "hush"
    assert [each.reveal() for each in settings.server.api_keys] == ["hush", "plain"]


def test_a_secret_in_a_variable_that_is_not_set_is_refused(file: Any) -> None:
    message = refused(config_file=file('[server]\napi_keys = ["env:NOT_THERE"]\n'))
    assert "the environment variable NOT_THERE is not set" in message


def test_secrets_never_show() -> None:
    environ = HOME | {"VIVAVOCE_API_KEYS": "hush1", "VIVAVOCE_LLM_API_KEY": "hush2", "VIVAVOCE_LLM_BASE_URL": "http://a"}
    settings = load_settings(environ)
    for shown in (repr(settings), str(settings), str(asdict(settings)), f"{settings.server.api_keys[0]}"):
        assert "hush" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "[server]\napi_keys = 5551234",
        "[server]\napi_keys = [5551234]",
        "[llm.a]\napi_key = 5551234",
        '[llm]\napi_key = "5551234"',
        'api_key = "5551234"',
        '[llm.a]\nbase_url = "https://me:5551234@host/v1"',
        '[llm.a]\nbase_url = "me:5551234@host/v1"',
    ],
)
def test_errors_do_not_show_secrets(file: Any, text: str) -> None:
    assert "5551234" not in refused(config_file=file(text))


# --- exposure ---------------------------------------------------------------------------------------------------------------------


def served_at(host: str, **more: Any) -> Settings:
    settings = load_settings({}, overrides={"host": host})
    return replace(settings, server=replace(settings.server, **more))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_may_be_open(host: str) -> None:
    served_at(host).check()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "voice.example.com"])
def test_a_public_address_needs_a_key(host: str) -> None:
    with pytest.raises(ConfigError, match="VIVAVOCE_API_KEYS"):
        served_at(host).check()
    served_at(host, api_keys=(Secret("k"),)).check()
    replace(served_at(host), keys={"kiosk": KeySettings(Secret("k"))}).check()


def test_a_certificate_comes_with_its_key() -> None:
    with pytest.raises(ConfigError, match="tls_key go together"):
        served_at("127.0.0.1", tls_cert=Path("cert.pem")).check()
    with pytest.raises(ConfigError, match="makes a certificate of its own"):
        served_at("127.0.0.1", tls_cert=Path("cert.pem"), tls_key=Path("key.pem"), tls_self_signed=True).check()


# --- keys, limits, prices -----------------------------------------------------------------------------------------------------------


def test_a_named_key_has_the_limits_of_all_and_its_own(file: Any) -> None:
    config = file('[limits]\nconcurrent_sessions = 3\nrequests_per_minute = 60\n[keys.kiosk]\nkey = "k"\nrequests_per_minute = 5')
    settings = load_settings({}, config_file=config)
    assert settings.limits == LimitSettings(concurrent_sessions=3, requests_per_minute=60)
    assert settings.keys["kiosk"] == KeySettings(Secret("k"), LimitSettings(concurrent_sessions=3, requests_per_minute=5))
    assert settings.keyed


def test_a_named_key_without_a_key_is_refused(file: Any) -> None:
    assert "keys.kiosk.key is missing" in refused(config_file=file("[keys.kiosk]\ntokens_per_minute = 5"))


def test_prices_are_given_per_model(file: Any) -> None:
    settings = load_settings({}, config_file=file('[prices."gpt-realtime-2"]\naudio_out = 10'))
    assert settings.prices["gpt-realtime-2"] == PriceSettings(audio_out=10.0)


@pytest.mark.parametrize(("text", "value"), [("true", True), ('"yes"', True), ("false", False), ('"off"', False)])
def test_a_switch_is_a_boolean_or_a_word(file: Any, text: str, value: bool) -> None:
    assert load_settings({}, config_file=file(f"[server]\nbeta = {text}")).server.beta is value


def test_a_switch_is_nothing_else(file: Any) -> None:
    assert "must be true or false" in refused(config_file=file('[server]\nbeta = "perhaps"'))


def test_translations_are_worded_by_a_glossary_for_all_languages_and_for_each(file: Any) -> None:
    path = file("""
[translation]
terminology = "Orders in a coffee bar."
style = "Informal."
[translation.glossary]
"Vivavoce" = "Vivavoce"
[translation.glossary.es]
"order" = "pedido"
""")
    translation = load_settings(HOME, config_file=path).translation
    assert translation.glossary == {"": {"Vivavoce": "Vivavoce"}, "es": {"order": "pedido"}}
    assert (translation.terminology, translation.style) == ("Orders in a coffee bar.", "Informal.")
    assert load_settings(HOME).translation.glossary == {}


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("glossary = 3", "translation.glossary"),
        ('glossary = {"order" = 3}', "translation.glossary.order"),
        ('glossary = {"es" = {"order" = ""}}', "translation.glossary.es.order"),
        ('glossary = {"Spanish" = {"order" = "pedido"}}', "Spanish"),
        ('glosary = {"order" = "pedido"}', "did you mean 'glossary'"),
        ("style = 3", "translation.style"),
    ],
)
def test_a_glossary_that_cannot_be_read_is_named(file: Any, table: str, named: str) -> None:
    assert named in refused(config_file=file(f"[translation]\n{table}\n"))
