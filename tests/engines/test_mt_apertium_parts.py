"""What of apertium can be tested without it: reading modes, finding ways, marks and markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.mt import apertium_modes
from vivavoce.engines.mt.apertium_modes import Mode, installed_modes, routes
from vivavoce.engines.mt.apertium_text import decode, encode

KEPT = "*#@[]{}$/<>~"
PIPE = "lt-proc '/data/a b.bin' | apertium-tagger -g $2 '/data/x.prob' | lt-proc $1 '/data/y.bin'"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(apertium_modes.shutil, "which", lambda name: None if name == "missing-proc" else f"/usr/bin/{name}")
    return tmp_path


def named(folder: Path, *names: str, line: str = PIPE) -> tuple[Mode, ...]:
    for name in names:
        (folder / f"{name}.mode").write_text(line, encoding="utf-8")
    return installed_modes(folder)


def test_a_mode_is_read_as_programs_that_flush_and_mark(folder: Path) -> None:
    (mode,) = named(folder, "eng-spa")
    assert (mode.name, mode.source, mode.target) == ("eng-spa", "en", "es")
    assert mode.programs == (
        ("lt-proc", "-z", "/data/a b.bin"),
        ("apertium-tagger", "-z", "-g", "/data/x.prob"),
        ("lt-proc", "-z", "-g", "/data/y.bin"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "lt-proc a.bin; rm b",
        "lt-proc a.bin | tee /tmp/x > y",
        "lt-proc $(id)",
        "lt-proc `id`",
        "/bin/sh -c id",
        "../evil a.bin",
        "missing-proc a.bin",
        "lt-proc 'a.bin",
        "lt-proc a.bin || lt-proc b.bin",
        "lt-proc a.bin | | lt-proc b.bin",
        "lt-proc a.bin &",
    ],
)
def test_what_is_no_plain_pipe_of_programs_is_left_alone(folder: Path, line: str) -> None:
    assert named(folder, "eng-spa", line=line) == ()


def test_variants_and_languages_without_two_letters_are_left_alone(folder: Path) -> None:
    modes = named(folder, "es-pt", "es-pt_BR", "spa-ast", "eco-es-fr", "spa-spa", "ita-cat")
    assert [(mode.source, mode.target) for mode in modes] == [("es", "pt"), ("it", "ca")]


def test_no_folder_holds_no_modes(tmp_path: Path) -> None:
    assert installed_modes(tmp_path / "none") == ()


def test_ways_are_direct_or_through_one_language_the_better_one_first(folder: Path) -> None:
    found = routes(
        named(folder, "eng-spa", "spa-eng", "es-fr", "eng-cat", "cat-fra", "es-pt", "pt-gl", "pt-es", "por-cat", "cat-eng")
    )
    names = {pair: [mode.name for mode in route] for pair, route in found.items()}
    assert names["en", "es"] == ["eng-spa"]
    assert names["en", "fr"] == ["eng-cat", "cat-fra"], "through Catalan rather than Spanish"
    assert names["pt", "en"] == ["pt-es", "spa-eng"], "through Spanish rather than Catalan"
    assert names["en", "pt"] == ["eng-spa", "es-pt"]
    assert ("en", "gl") not in names, "two languages in between are one too many"
    assert not any(source == target for source, target in names)


@given(st.text(max_size=60))
def test_texts_come_back_as_they_were_but_for_white_space_and_controls(text: str) -> None:
    stream = encode(text)
    assert "\0" not in stream and "\n" not in stream
    seen = decode(stream)
    assert seen.unknown == 0
    assert seen.text == decode(encode(seen.text)).text
    assert [sign for sign in seen.text if sign.isalnum() or sign in KEPT] == [
        sign for sign in text if sign.isalnum() or sign in KEPT
    ]


def test_marks_are_counted_and_taken_off_and_signs_of_the_text_are_not() -> None:
    seen = decode(r"Un *brexiteer @whatsapped y #ser [*]dos[*] [#]1 \@aquí\[x\] 3 * 4")
    assert seen.text == "Un brexiteer whatsapped y ser *dos* #1 @aquí[x] 3 * 4"
    assert seen.unknown == 3
