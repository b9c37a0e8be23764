"""What the instructions say that a brain without a language model can still honour: greeting, role, and sentences to say."""

from __future__ import annotations

import re
from collections.abc import Collection

_SAY = re.compile(
    r"^\s*(?:please\s+)?(?:just\s+|only\s+)?(?:say|repeat|speak|read)(?:\s+(?:exactly|only|just|aloud|the following|this|verbatim))*"
    r"(?:\s+to the (?:user|caller|guest|customer))?\s*[:,]?\s*(?P<text>.+?)\s*$",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"[\"“]([^\"”]+)[\"”]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_GREETING = re.compile(
    r"(?:greet|greeting|welcome|(?:open|start|begin) with|(?:start|begin) by saying|first (?:say|message))"
    r"[^\"“\n]{0,60}[\"“]([^\"”{}]+)[\"”]",
    re.IGNORECASE,
)
_YOU_ARE = re.compile(r"^you(?: are|'re) (?P<rest>[^.\n]+)", re.IGNORECASE | re.MULTILINE)
_NAMED = re.compile(r"^(?P<name>[A-Z][\w'-]*(?: [A-Z][\w'-]*)*)(?:,| from| at| of|$)")
_WORKPLACE = re.compile(
    r"\b(?:at|for|of) (?P<article>a |an |the |our )?(?P<place>[\w' &-]+?)(?=[.,;\n]|$| who| that| and)", re.IGNORECASE
)


def literal(instruction: str) -> str | None:
    """Return the text an instruction wants said word for word (`Say: "Hello there."`), or None."""
    stripped = instruction.strip()
    quoted = _QUOTED.findall(stripped)
    match = _SAY.match(stripped)
    if match is None or "\n\n" in stripped:
        return None
    body = match.group("text").strip()
    if len(quoted) == 1 and re.fullmatch(r"[\"“][^\"”]+[\"”][.!]?(?:\s+(?:and )?nothing else\.?)?", body):
        return str(quoted[0])
    explicit = re.match(r"\s*(?:please\s+)?(?:say|repeat)\s+(?:exactly|verbatim|only)\b|\s*say:", stripped, re.IGNORECASE)
    return body if explicit and not quoted and "\n" not in body else None


def templates(instructions: str) -> tuple[tuple[str, int], ...]:
    """Return the quoted sentences with `{placeholders}` in the instructions, each with its position."""
    return tuple(
        (match.group(1), match.start()) for match in _QUOTED.finditer(instructions) if _PLACEHOLDER.search(match.group(1))
    )


def placeholders(template: str) -> frozenset[str]:
    """Return the names in braces."""
    return frozenset(_PLACEHOLDER.findall(template))


def choose_template(instructions: str, keys: Collection[str], tool_name: str) -> str | None:
    """Return the sentence that the result can fill completely: the one that uses most of it, then the nearest behind the tool's name."""
    known = frozenset(keys)
    fitting = [(text, at) for text, at in templates(instructions) if placeholders(text) <= known]
    if not fitting:
        return None

    def rank(entry: tuple[str, int]) -> tuple[int, int]:
        named = instructions.rfind(tool_name, 0, entry[1])
        return len(placeholders(entry[0])), -(entry[1] - named) if named >= 0 else -len(instructions)

    return max(fitting, key=rank)[0]


def fill(template: str, values: dict[str, str]) -> str:
    """Put the values into the braces."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), ""), template)


def greeting(instructions: str) -> str:
    """Return the first words to a caller: the greeting the instructions quote, else one made from the role, else a plain one."""
    quoted = _GREETING.search(instructions)
    if quoted:
        return quoted.group(1).strip()
    role = _role_line(instructions)
    return f"{_introduction(role)} How can I help you?"


def _role_line(instructions: str) -> str:
    lines = [line.strip() for line in instructions.splitlines() if line.strip() and not line.lstrip().startswith(("#", "-", "*"))]
    return next((line for line in lines if line.lower().startswith(("you are", "you're", "you "))), "")


def _introduction(role: str) -> str:
    sentence = re.split(r"(?<=[.!])\s", role)[0]
    are = _YOU_ARE.match(sentence)
    named = _NAMED.match(are.group("rest").strip()) if are else None
    if named:
        return f"Hello, this is {named.group('name')}."
    place = _WORKPLACE.search(sentence)
    if place and len(place.group("place").split()) <= 4:
        article = (place.group("article") or "").strip().lower()
        return f"Hello, welcome to {'the ' if article else ''}{place.group('place').strip()}."
    return "Hello!"
