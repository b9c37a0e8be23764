"""`vivavoce transcribe`: write down what is said in a recording, a stream or the room."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli.addresses import http_base_url
from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.formats import STANDARD, TextFormat, not_the_source, text_format
from vivavoce.config import load_settings

if TYPE_CHECKING:
    from vivavoce.cli.files.transcribing import Order


def transcribe(
    source: Annotated[
        Path | None, typer.Argument(metavar="FILE|-", help="Any sound or video file; - reads it from standard input.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Captions as they are spoken: the file at its own pace, or a stream as it arrives.")
    ] = False,
    mic: Annotated[bool, typer.Option("--mic", help="Live captions of the microphone; extra `mic`. Ctrl-C ends them.")] = False,
    format_: Annotated[
        TextFormat | None, typer.Option("--format", help="txt, srt, vtt or json. [by the name of -o, else txt]")
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Write to this file; .part is part of its name until it is complete.", metavar="FILE"),
    ] = STANDARD,
    language: Annotated[str, typer.Option(help="The language spoken, such as en.", metavar="CODE")] = "",
    keywords: Annotated[
        list[str] | None, typer.Option(help="Words to expect, separated by commas; may be repeated.", metavar="WORDS")
    ] = None,
    prompt: Annotated[str, typer.Option(help="What it is about, in words that may occur.", metavar="TEXT")] = "",
    rate: Annotated[
        int | None,
        typer.Option(help="Standard input is bare 16-bit mono samples at this rate.", metavar="HZ", min=4000, max=384_000),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A transcription model; what is right for the format by default.")] = None,
    url: Annotated[str | None, typer.Option(help="Let this server do it, such as http://127.0.0.1:8000/v1.")] = None,
    key: Annotated[str | None, typer.Option(help="Its key. [VIVAVOCE_API_KEY, OPENAI_API_KEY]")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.", metavar="FILE")] = None,
    profile: Annotated[str | None, typer.Option(help="embedded, or the path of a TOML file. [embedded]")] = None,
) -> None:
    """Write down what is said. The text appears as it is recognized.

    No server is needed: the engines that `vivavoce serve` would use run here. With --url a server does the work: files up to 25 MB and
    ten minutes are sent as they are, others in parts cut where it is quiet.

    Standard output gets the transcript and nothing else. With --live, - takes a WAV stream, or bare samples with --rate; Ctrl-C ends the
    stream, and what has been said until then is written down.
    """
    _sensible(source, live=live, mic=mic, rate=rate)
    not_the_source(source, [out])
    address = http_base_url(url) if url is not None else None
    settings = load_settings(os.environ, config_file=config, overrides={"profile": profile}) if address is None else None

    from vivavoce.cli.files.hints import Hints
    from vivavoce.cli.files.transcribing import Order, perform

    words = tuple(word.strip() for given in keywords or () for word in given.split(",") if word.strip())
    order: Order = Order(
        source=source,
        live=live or mic,
        fmt=text_format(format_, None if out == STANDARD else out),
        out=out,
        hints=Hints(language, words, prompt),
        rate_hz=rate,
        model=model,
    )
    perform(order, settings, address, key)


def _sensible(source: Path | None, *, live: bool, mic: bool, rate: int | None) -> None:
    if mic and source is not None:
        raise Trouble("--mic and a file are two things to listen to: choose one", MISUSED)
    if not mic and source is None:
        raise Trouble("say what to transcribe: a file, - for standard input, or --mic", MISUSED)
    if rate is not None and source != STANDARD:
        raise Trouble("--rate is for bare samples on standard input: name - as the file", MISUSED)
