"""Read a brain's script from a TOML or YAML file, for `python -m vivavoce.testing.brain` and for tests that share one.

    repeat = true

    [[answer]]
    say = "Hello there."                      # short for one step

    [[answer]]
    when = "weather"                          # whenever the user's last words match
    steps = [
        { say = "Let me look.", delay_s = 0.02 },
        { call = "get_weather", arguments = { city = "Oslo" }, pieces = 3 },
    ]

The same in YAML (a file that ends in `.yaml` or `.yml`; it needs PyYAML, the extra `vivavoce[testing]`):

    repeat: true
    answer:
      - say: Hello there.
      - when: weather
        steps:
          - {say: Let me look., delay_s: 0.02}
          - {call: get_weather, arguments: {city: Oslo}, pieces: 3}

A step has one verb and, beside it, the options of the step's class in `script.py`:
`say`, `think`, `call`, `together` (a list of calls), `wait` (seconds), `hang` (true), `fail` (a message), `garbage` (a text),
`cut` ("rudely" or "politely"), `count` (a table of token numbers), `finish` (a reason).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints

from vivavoce.testing.script import (
    Answer,
    CallTool,
    Count,
    Cut,
    Fail,
    Finish,
    Garbage,
    Hang,
    Say,
    Script,
    ScriptError,
    Step,
    Think,
    Together,
    Wait,
)

_OPTION_TYPES: dict[str, tuple[type, ...]] = {
    "phase": (str,),
    "delay_s": (int, float),
    "arguments": (dict, str),
    "call_id": (str,),
    "pieces": (int,),
    "status": (int,),
    "code": (str,),
}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "say": ("phase", "delay_s"),
    "think": ("delay_s",),
    "call": ("arguments", "call_id", "pieces", "delay_s"),
    "fail": ("status", "code"),
}
_VERBS = ("say", "think", "call", "together", "wait", "hang", "fail", "garbage", "cut", "count", "finish")
_REASONS = get_args(get_type_hints(Finish)["reason"])
_COUNTS = tuple(get_type_hints(Count))
_YAML_ENDINGS: Final = (".yaml", ".yml")


def load_script(path: Path | str) -> Script:
    """Read a script; the ending of its name says in which language it is.

    Raises:
        ScriptError: the file cannot be read or is not a script; the message names the place.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: cannot be read: {error}") from error
    try:
        return parse_script(text, "yaml" if Path(path).suffix.lower() in _YAML_ENDINGS else "toml")
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from error


def parse_script(text: str, language: Literal["toml", "yaml"] = "toml") -> Script:
    """Read a script from text.

    Raises:
        ScriptError: see `load_script`.
    """
    table = _typed(_toml(text) if language == "toml" else _yaml(text), (dict,), "the script")
    _only(table, ("repeat", "answer"), "the script")
    answers = _typed(table.get("answer", []), (list,), "answer")
    repeat = _typed(table.get("repeat", False), (bool,), "repeat")
    return Script(*(_answer(answer, f"answer {number}") for number, answer in enumerate(answers, 1)), repeat=repeat)


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"not TOML: {error}") from error


def _yaml(text: str) -> object:
    try:
        import yaml
    except ImportError as error:
        raise ScriptError("reading YAML needs PyYAML: pip install 'vivavoce[testing]'") from error
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ScriptError(f"not YAML: {' '.join(str(error).split())}") from error


def _answer(table: object, where: str) -> Answer:
    answer = _typed(table, (dict,), where)
    when = _typed(answer.get("when", ""), (str,), f"{where}: when")
    if "steps" not in answer:
        return Answer((_step({key: value for key, value in answer.items() if key != "when"}, where),), when)
    _only(answer, ("when", "steps"), where)
    steps = _typed(answer["steps"], (list,), f"{where}: steps")
    return Answer(tuple(_step(step, f"{where}, step {number}") for number, step in enumerate(steps, 1)), when)


def _step(table: object, where: str) -> Step:
    step = _typed(table, (dict,), where)
    verbs = [verb for verb in _VERBS if verb in step]
    if len(verbs) != 1:
        raise ScriptError(f"{where}: needs exactly one of {', '.join(_VERBS)}; has {', '.join(verbs or step) or 'nothing'}")
    verb = verbs[0]
    _only(step, (verb, *_OPTIONS.get(verb, ())), where)
    options = {key: _typed(value, _OPTION_TYPES[key], f"{where}: {key}") for key, value in step.items() if key != verb}
    return _build(verb, step[verb], options, f"{where}: {verb}")


def _build(verb: str, value: object, options: Mapping[str, Any], where: str) -> Step:
    match verb:
        case "say":
            return Say(_typed(value, (str,), where), **options)
        case "think":
            return Think(_typed(value, (str,), where), **options)
        case "call":
            return CallTool(_typed(value, (str,), where), **options)
        case "together":
            return Together(tuple(_call(call, where) for call in _typed(value, (list,), where)))
        case "wait":
            return Wait(_typed(value, (int, float), where))
        case "hang":
            _one_of(value, (True,), where)
            return Hang()
        case "fail":
            return Fail(_typed(value, (str,), where), **options)
        case "garbage":
            return Garbage(_typed(value, (str,), where))
        case "cut":
            return Cut(politely=_one_of(value, ("rudely", "politely"), where) == "politely")
        case "count":
            counts = _typed(value, (dict,), where)
            _only(counts, _COUNTS, where)
            return Count(**{"input_tokens": 0, "output_tokens": 0} | {k: _typed(n, (int,), where) for k, n in counts.items()})
        case _:
            return Finish(_one_of(value, _REASONS, where))


def _call(table: object, where: str) -> CallTool:
    step = _step(table, where)
    if not isinstance(step, CallTool):
        raise ScriptError(f"{where}: only calls can be made together")
    return step


def _typed(value: object, kinds: tuple[type, ...], where: str) -> Any:
    """Return the value if it is of one of the types (a bool is no number)."""
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ScriptError(f"{where}: {value!r} should be {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _one_of(value: object, allowed: tuple[object, ...], where: str) -> Any:
    if value not in allowed:
        raise ScriptError(f"{where}: {value!r} should be one of {', '.join(map(str, allowed))}")
    return value


def _only(table: Mapping[str, object], allowed: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in allowed:
            raise ScriptError(f"{where}: unknown key {key!r}; known are {', '.join(allowed)}")
