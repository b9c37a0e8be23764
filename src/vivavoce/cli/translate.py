"""`vivavoce translate`: what is said in a recording, in another language, written and spoken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vivavoce.cli.addresses import http_base_url
from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.formats import TextFormat, not_the_source
from vivavoce.config import load_settings


def translate(
    source: Annotated[Path, typer.Argument(metavar="FILE|-", help="Any sound or video file; - reads it from standard input.")],
    target: Annotated[str, typer.Option("--to", help="The language wanted, such as es.", metavar="CODE")],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", "-o", help="Write here: speech to a .wav or .mp3, text to an .srt or .txt; may be repeated.", metavar="FILE"
        ),
    ] = None,
    format_: Annotated[
        TextFormat | None, typer.Option("--format", help="txt, srt, vtt or json. [by the name of -o, else txt]")
    ] = None,
    language: Annotated[str, typer.Option("--from", "--language", help="The language spoken, such as en.", metavar="CODE")] = "",
    keywords: Annotated[
        list[str] | None, typer.Option(help="Words to expect, separated by commas; may be repeated.", metavar="WORDS")
    ] = None,
    prompt: Annotated[str, typer.Option(help="What it is about, in words that may occur.", metavar="TEXT")] = "",
    voice: Annotated[str | None, typer.Option(help="The voice that speaks the translation. [alloy]")] = None,
    model: Annotated[str | None, typer.Option(help="A translation model. [gpt-realtime-translate]")] = None,
    url: Annotated[str | None, typer.Option(help="Let this server do it, such as http://127.0.0.1:8000/v1.")] = None,
    key: Annotated[str | None, typer.Option(help="Its key. [VIVAVOCE_API_KEY, OPENAI_API_KEY]")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.", metavar="FILE")] = None,
    profile: Annotated[str | None, typer.Option(help="embedded, or the path of a TOML file. [embedded]")] = None,
) -> None:
    """Translate what is said. The text appears as it is translated, on standard output unless -o names a file for it.

    Speech is laid out in time as the original is: each stretch begins where the original does, or as soon as the one before has ended.

    No server is needed: the engines that `vivavoce serve` would use run here; the translator is a language model of the configuration.
    With --url a server translates: written English comes from its transcriber for files (audio.translations), everything else from an
    interpreter that listens at the pace of the recording, so that it takes as long as the recording does.
    """
    outs = out or []
    not_the_source(source, outs)
    address = http_base_url(url) if url is not None else None
    settings = load_settings(os.environ, config_file=config, overrides={"profile": profile}) if address is None else None

    from vivavoce.cli.files.hints import Hints
    from vivavoce.cli.files.translating import Order, perform

    words = tuple(word.strip() for given in keywords or () for word in given.split(",") if word.strip())
    if address is not None and voice is not None:
        raise Trouble("--voice is for translations made here: a server's interpreter has a voice of its own", MISUSED)
    order = Order(source, target, tuple(outs), format_, Hints(language, words, prompt), voice or "alloy", model)
    perform(order, settings, address, key)
