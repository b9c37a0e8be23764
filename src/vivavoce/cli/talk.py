"""`vivavoce talk`: talk to a server, by voice, by file or in writing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli.addresses import http_base_url
from vivavoce.cli.errors import MISUSED, Trouble

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vivavoce.cli.call.talking import Talk

API_KEY_VARIABLE = "VIVAVOCE_API_KEY"


def talk(
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8000/v1",
    model: Annotated[str, typer.Option(help="A model it serves.")] = "gpt-realtime-2",
    source: Annotated[
        Path | None, typer.Option("--in", help="Say this WAV file instead of using a microphone.", metavar="FILE")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the answer to this WAV file.", metavar="FILE")] = None,
    text: Annotated[str | None, typer.Option(help="Write this message; the answer is spoken.")] = None,
    instructions: Annotated[str, typer.Option(help="Instructions for the agent.")] = "",
    voice: Annotated[str, typer.Option(help="The agent's voice.")] = "",
) -> None:
    """Talk to a server. With --in or --out no sound card is needed.

    A server with keys takes the one in VIVAVOCE_API_KEY.
    """
    address = http_base_url(url)
    if source is not None and text is not None:
        raise Trouble("--in and --text are two ways to say something: choose one", MISUSED)
    if out is not None and source is None and text is None:
        raise Trouble("--out writes one answer to a file: say what is to be answered with --in or --text", MISUSED)
    pcm = _read(source) if source is not None else None
    try:
        _talk(address, model, pcm, text, out, instructions, voice)
    except KeyboardInterrupt:
        return


def _talk(
    address: str, model: str, pcm: NDArray[np.int16] | None, text: str | None, out: Path | None, instructions: str, voice: str
) -> None:
    import asyncio

    from rich.console import Console

    from vivavoce.cli.call.talking import Talk
    from vivavoce.cli.call.view import PlainView

    api_key = os.environ.get(API_KEY_VARIABLE, "").strip() or "any"
    talking = Talk(PlainView(Console()), instructions, voice)
    if pcm is not None:
        asyncio.run(talking.play_file(address, model, api_key, pcm, out))
    elif text is not None and out is not None:
        asyncio.run(talking.write(address, model, api_key, text, out))
    else:
        asyncio.run(_by_voice(talking, address, model, api_key, text or ""))


async def _by_voice(talking: Talk, address: str, model: str, api_key: str, text: str) -> None:
    from vivavoce.cli.call.clock import start_clock
    from vivavoce.cli.call.sound_card import SoundCard

    with SoundCard() as card:
        typer.echo("Speak. Headphones keep the agent from hearing itself. Ctrl-C hangs up.", err=True)
        await talking.converse(address, model, api_key, card, card, start_clock(), text)


def _read(source: Path) -> NDArray[np.int16]:
    from vivavoce.audio.wav import WavError, read_wav
    from vivavoce.cli.call.clock import SAMPLE_RATE_HZ

    try:
        pcm, _ = read_wav(source, SAMPLE_RATE_HZ)
    except WavError as error:
        raise Trouble(f"--in: {error}", MISUSED) from error
    if not len(pcm):
        raise Trouble(f"--in: {source.name} holds no audio", MISUSED)
    return pcm
