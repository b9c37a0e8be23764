"""`vivavoce say`: read a text aloud into a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vivavoce.cli.addresses import http_base_url
from vivavoce.cli.files.formats import SoundFormat, sound_format
from vivavoce.config import load_settings


def say(
    text: Annotated[str, typer.Argument(metavar="TEXT|-", help="What to say; - reads it from standard input.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; - is standard output.", metavar="FILE")],
    voice: Annotated[str, typer.Option(help="One of the API's voices.")] = "alloy",
    speed: Annotated[float, typer.Option(help="How fast, 0.25 to 4.", min=0.25, max=4.0)] = 1.0,
    format_: Annotated[
        SoundFormat | None, typer.Option("--format", help="wav, mp3, opus, aac, flac or pcm. [by the name of -o]")
    ] = None,
    language: Annotated[str, typer.Option(help="Its language, such as es. [what it is written in]", metavar="CODE")] = "",
    model: Annotated[str, typer.Option(help="A speech model.")] = "gpt-4o-mini-tts",
    url: Annotated[str | None, typer.Option(help="Let this server do it, such as http://127.0.0.1:8000/v1.")] = None,
    key: Annotated[str | None, typer.Option(help="Its key. [VIVAVOCE_API_KEY, OPENAI_API_KEY]")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.", metavar="FILE")] = None,
    profile: Annotated[str | None, typer.Option(help="embedded, or the path of a TOML file. [embedded]")] = None,
) -> None:
    """Read a text aloud into a file.

    No server is needed: the voice that `vivavoce serve` would use runs here, and starts to speak before a text on standard input has
    ended. All formats are mono at 24 kHz; pcm is bare 16-bit samples. With --url a server speaks; it finds out the language by itself.
    """
    fmt = sound_format(format_, out)
    address = http_base_url(url) if url is not None else None
    settings = load_settings(os.environ, config_file=config, overrides={"profile": profile}) if address is None else None

    from vivavoce.cli.files.saying import Order, perform

    perform(Order(text, out, fmt, voice, speed, language, model), settings, address, key)
