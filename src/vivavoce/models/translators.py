"""Which translator a model has: resolved by name, without building any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from vivavoce.config import DEFAULT_LLM, ConfigError, Settings
from vivavoce.engines.mt.apertium import ApertiumTranslator
from vivavoce.engines.mt.apertium_modes import installed_modes, routes
from vivavoce.engines.mt.instant import InstantTranslator
from vivavoce.engines.mt.languages import TARGETS
from vivavoce.engines.mt.llm import LlmTranslator
from vivavoce.engines.mt.prompt import Wording
from vivavoce.engines.ports import LanguageModel, Translator
from vivavoce.models.roles import NONE

AUTO: Final = "auto"
APERTIUM: Final = "apertium"
INSTANT: Final = "instant"
_LLM: Final = "llm"


def translator_name(settings: Settings, names: Mapping[str, str]) -> str:
    """Return the name of a model's translator: `none`, `instant`, `apertium`, or `llm:` and the name of an endpoint.

    `auto` is the default endpoint where there is one, else apertium where it has a pair for one of the thirteen languages, else
    none. `llm` is the model's own endpoint, else the default one. The built-in brains translate nothing and are never used.

    Args:
        settings: what the operator decided.
        names: the names of the model's engines by role, as `engine_names` has them.

    Raises:
        ConfigError: it is to be an endpoint, and none is configured.
    """
    name = names["translator"]
    if name == AUTO:
        if DEFAULT_LLM in settings.llms:
            return f"{_LLM}:{DEFAULT_LLM}"
        return APERTIUM if apertium_pairs() else NONE
    if name in settings.llms:
        return f"{_LLM}:{name}"
    if name == _LLM:
        own = names["llm"] if names["llm"] in settings.llms else DEFAULT_LLM
        if own not in settings.llms:
            raise ConfigError(
                "translator = 'llm': no endpoint is configured; set VIVAVOCE_LLM_BASE_URL, or add [llm.default] with its base_url"
            )
        return f"{_LLM}:{own}"
    return name


def apertium_pairs() -> tuple[tuple[str, str], ...]:
    """Return the pairs apertium has here that lead to one of the thirteen languages."""
    return tuple(pair for pair in routes(installed_modes()) if pair[1] in TARGETS)


def translator_makers(settings: Settings, llm: Callable[[str], LanguageModel]) -> dict[str, Callable[[], Translator | None]]:
    """Return how each translator is made.

    Args:
        settings: what the operator decided.
        llm: returns the language model of an endpoint by its name; translators share it with the brains.
    """

    def by_llm(name: str) -> Callable[[], Translator]:
        said = settings.translation
        return lambda: LlmTranslator(llm(name), Wording(said.glossary, said.terminology, said.style))

    return {
        NONE: lambda: None,
        INSTANT: InstantTranslator,
        APERTIUM: ApertiumTranslator,
        **{f"{_LLM}:{name}": by_llm(name) for name in settings.llms},
    }
