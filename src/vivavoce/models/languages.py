"""Which languages a stack can interpret between: what its recognizer hears, its translator translates and its voice speaks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from vivavoce.engines.mt.apertium import APERTIUM_HINT
from vivavoce.engines.mt.languages import TARGETS, name_of
from vivavoce.engines.tts.available import ESPEAK_HINT
from vivavoce.models.stack import Stack

ANY: Final = "*"
"""The source of a pair that begins in every language."""

NO_TRANSLATOR: Final = (
    f"no translator: set VIVAVOCE_LLM_BASE_URL to an OpenAI-compatible endpoint (or add [llm.default]), or {APERTIUM_HINT}"
)


def working_pairs(stack: Stack) -> tuple[tuple[str, str], ...]:
    """Return the (source, target) languages that work from ear to mouth, targets in the order of the thirteen.

    A source of `*` stands for every language: it is left where the recognizer does not say what it understands. A language is no
    pair with itself.
    """
    if stack.translator is None:
        return ()
    heard = _base(stack.recognizer.capabilities.languages)
    spoken = _base(stack.synthesizer.capabilities.languages)
    found: dict[tuple[str, str], None] = {}
    for source, target in sorted(stack.translator.capabilities.pairs, key=lambda pair: _place(pair[1])):
        if spoken and target not in spoken:
            continue
        sources = (heard or (ANY,)) if source == ANY else (source,) if not heard or source in heard else ()
        found.update({(each, target): None for each in sources if each != target})
    return tuple(found)


def way_out(stack: Stack, target: str = "") -> str:
    """Say what a translation into a language (without one, into any) lacks, and how to get it; nothing if it works."""
    pairs = [pair for pair in working_pairs(stack) if pair[1] == target or not target]
    if pairs:
        return ""
    if stack.translator is None:
        return NO_TRANSLATOR
    heard = _base(stack.recognizer.capabilities.languages)
    spoken = _base(stack.synthesizer.capabilities.languages)
    translated = [pair for pair in stack.translator.capabilities.pairs if pair[1] == target or not target]
    understood = [pair for pair in translated if pair[0] == ANY or not heard or pair[0] in heard]
    into = f" into {name_of(target)}" if target else ""
    if not translated:
        return f"the translator ({stack.translator.capabilities.name}) does not translate{into}"
    if not understood:
        return f"nothing that is understood here ({_listed(heard)}) can be translated{into}"
    if not any(not spoken or to in spoken for _, to in understood):
        which = name_of(target) if target else "what it translates into"
        return f"no voice speaks {which}; there is {_listed(spoken)}: {ESPEAK_HINT}"
    return f"only {_listed(heard)} is understood here: configure another recognizer"


def model_details(kind: str, stack: Stack) -> dict[str, Any]:
    """Return what `GET /v1/models/{id}` says of a model beyond the official keys.

    For translation models `translation`: the languages it can be told to speak, those it can be spoken to in (`*`: every one),
    and the pairs. For transcription models `languages`: those it understands, empty where the recognizer does not say.
    """
    if kind == "translation":
        pairs = working_pairs(stack)
        sources = list(dict.fromkeys(source for source, _ in pairs))
        targets = list(dict.fromkeys(target for _, target in pairs))
        return {"translation": {"sources": sources, "targets": targets, "pairs": [list(pair) for pair in pairs]}}
    if kind == "transcription":
        return {"languages": list(_base(stack.recognizer.capabilities.languages))}
    return {}


def _base(languages: Collection[str]) -> tuple[str, ...]:
    """Return languages without regions, each once."""
    return tuple(dict.fromkeys(language.lower().replace("_", "-").partition("-")[0] for language in languages))


def _place(target: str) -> int:
    return TARGETS.index(target) if target in TARGETS else len(TARGETS)


def _listed(languages: Collection[str]) -> str:
    return ", ".join(languages) or "nothing"
