"""What apertium can translate here: the modes that are installed, without running any of them.

A mode is one line of a file, a pipe of small programs (an analyser, a tagger, transfers, a generator). The line is read, never
given to a shell: it is cut into programs and arguments, and a mode that holds anything else is left alone.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODES_DIR: Final = Path("/usr/share/apertium/modes")

_TWO_LETTERS: Final = {
    "afr": "af", "arg": "an", "bel": "be", "bre": "br", "bul": "bg", "cat": "ca", "ces": "cs", "cym": "cy", "dan": "da",
    "deu": "de", "eng": "en", "epo": "eo", "eus": "eu", "fra": "fr", "glg": "gl", "hin": "hi", "ind": "id", "isl": "is",
    "ita": "it", "jpn": "ja", "kaz": "kk", "kor": "ko", "mkd": "mk", "mlt": "mt", "nld": "nl", "nno": "nn", "nob": "no",
    "oci": "oc", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "slv": "sl", "spa": "es", "srd": "sc", "swe": "sv",
    "tur": "tr", "ukr": "uk", "urd": "ur", "vie": "vi", "zho": "zh", "zlm": "ms",
}  # fmt: skip
"""ISO-639-3 → ISO-639-1 of the languages apertium has released pairs of. Source: the modes of Debian's packages; SIL's code
tables."""

_NAME: Final = re.compile(r"([a-z]{2,3})-([a-z]{2,3})")
"""Of `eng-spa`, not of variants such as `es-pt_BR`."""
_PROGRAM: Final = re.compile(r"[a-z][a-z0-9-]*")
_MARKED: Final = "-g"
"""The option of the generator that puts marks on the words it could not translate (`$1` in a mode)."""
_NOT_IN_A_PIPE: Final = frozenset(";&<>()$`")

PIVOTS: Final = ("ca", "es")
"""Languages to go through where there is no direct way, the better one first. Measured on twelve sentences (chrF2, by way of ca
/ es): en-fr 68 / 61, en-pt 69 / 57, en-it 68 / 58, fr-it 79 / 68, fr-pt 76 / 60, it-fr 86 / 72, it-pt 74 / 63, pt-fr 76 / 68,
pt-it 70 / 73."""
PIVOTS_TO_ENGLISH: Final = ("es", "ca")
"""The same into English: fr-en 55 / 56, pt-en 57 / 63, it-en 54 / 64."""


@dataclass(frozen=True, slots=True)
class Mode:
    """An installed direction: its name, ISO-639-1 codes, and the programs with their arguments, in the order of the pipe."""

    name: str
    source: str
    target: str
    programs: tuple[tuple[str, ...], ...]


Route = tuple[Mode, ...]
"""The modes from one language to another: one, or two with a pivot between them."""


def modes_dir() -> Path:
    """Return where modes are installed: below `APERTIUM_DATADIR`, if that is set, as for apertium itself."""
    folder = os.environ.get("APERTIUM_DATADIR", "").strip()
    return Path(folder) / "modes" if folder else MODES_DIR


def installed_modes(folder: Path | None = None) -> tuple[Mode, ...]:
    """Return the modes that can be run here, by name. Nothing is started to find out."""
    try:
        files = sorted((folder or modes_dir()).glob("*.mode"))
    except OSError:
        return ()
    return tuple(mode for file in files if (mode := _read(file)) is not None)


def routes(modes: Iterable[Mode]) -> dict[tuple[str, str], Route]:
    """Return the way from each language to each other one: direct, else through one of `PIVOTS`."""
    direct: dict[tuple[str, str], Route] = {}
    for mode in modes:
        direct.setdefault((mode.source, mode.target), (mode,))
    found = dict(direct)
    for source in {source for source, _ in direct}:
        for target in {target for _, target in direct}:
            pivots = PIVOTS_TO_ENGLISH if target == "en" else PIVOTS
            pivot = next((each for each in pivots if (source, each) in direct and (each, target) in direct), None)
            if pivot is not None and source != target:
                found.setdefault((source, target), direct[source, pivot] + direct[pivot, target])
    return found


def _read(file: Path) -> Mode | None:
    named = _NAME.fullmatch(file.stem)
    if named is None:
        return None
    source, target = (_TWO_LETTERS.get(code, code) for code in named.groups())
    if len(source) != 2 or len(target) != 2 or source == target:
        return None
    try:
        programs = _programs(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # what cannot be read is not there; ValueError: not UTF-8, or quotes that do not end
        return None
    return Mode(file.stem, source, target, programs) if programs else None


def _programs(line: str) -> tuple[tuple[str, ...], ...]:
    """Cut a mode into its programs; nothing where it is no plain pipe of programs that are here.

    Raises:
        ValueError: a quotation does not end.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    programs: list[list[str]] = [[]]
    for token in lexer:
        if token == "|":
            programs.append([])
        elif token == "$1":
            programs[-1].append(_MARKED)
        elif token != "$2":  # the tagger's own option, which only its debugging uses
            if _NOT_IN_A_PIPE & set(token) or "|" in token:
                return ()
            programs[-1].append(token)
    if not all(program and _PROGRAM.fullmatch(program[0]) and shutil.which(program[0]) for program in programs):
        return ()
    # Every program of a pipe that is kept running must answer at each zero byte rather than at the end of its input.
    return tuple((name, *([] if "-z" in arguments else ["-z"]), *arguments) for name, *arguments in programs)
