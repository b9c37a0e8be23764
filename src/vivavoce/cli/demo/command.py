"""`vivavoce demo`: order a coffee by phone, from a real server, through the official client, in one command."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli.addresses import how_to_connect
from vivavoce.cli.errors import FAILED, INTERRUPTED, MISUSED, Trouble
from vivavoce.config import Settings, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from vivavoce.cli.child import ServerProcess
    from vivavoce.cli.demo.caller import Caller
    from vivavoce.cli.demo.conversation import Conversation


class Turns(StrEnum):
    """Ways to tell that a turn is over: by silence alone, or by how it sounds."""

    server_vad = "server_vad"
    semantic_vad = "semantic_vad"


def demo(
    caller: Annotated[
        list[Path] | None, typer.Option(help="A WAV file with a turn of the caller; repeat it for more turns.", metavar="FILE")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the recording and the event log.", metavar="DIR")] = Path("out"),
    serve: Annotated[bool, typer.Option("--serve", help="Keep the server running afterwards.")] = False,
    port: Annotated[int | None, typer.Option(help="The server's port; 0 takes any free one. [0; with --serve 8000]")] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.", metavar="FILE")] = None,
    profile: Annotated[str | None, typer.Option(help="embedded, or the path of a TOML file. [embedded]")] = None,
    llm_base_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible endpoint as the agent's brain.")] = None,
    llm_model: Annotated[str | None, typer.Option(help="The model there; without it the first one it lists.")] = None,
    turns: Annotated[Turns, typer.Option(help="How the server tells that a turn is over.")] = Turns.server_vad,
    view: Annotated[bool, typer.Option("--view/--no-view", help="Show the call live where there is a terminal.")] = True,
    pull: Annotated[bool, typer.Option("--pull/--no-pull", help="Fetch missing models first.")] = True,
) -> None:
    """Hold a conversation with a coffee bar and watch it: a real server, a real WebSocket, the official client."""
    from rich.console import Console

    from vivavoce.cli.child import ServerProcess

    overrides = {"profile": profile, "llm_base_url": llm_base_url, "llm_model": llm_model, "port": port}
    settings = load_settings(os.environ, config_file=config, overrides=overrides)
    console = Console(highlight=False)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"--out {out} cannot be a folder: {error.strerror}", MISUSED) from error
    engines = _engines(settings)
    _pull(settings, engines, console, pull=pull)

    flags = _flags(config, profile, llm_base_url, llm_model)
    flags += ["--port", str(settings.server.port if serve or port is not None else 0)]
    try:
        key, environment = _key(settings)
        with ServerProcess(flags, environment, out / "demo.server.log") as server:
            server.launch()
            with console.status("Starting the server …"):
                # The client's side takes a second to load, and so does the server: both at once.
                from vivavoce.api.tls import kept_files
                from vivavoce.cli.demo.conversation import Conversation

                guest = _caller(caller or [], engines["synthesizer"])
                address = server.ready()
            if settings.server.tls_self_signed:
                os.environ["SSL_CERT_FILE"] = str(kept_files(settings.home)[0])
            conversation = Conversation(guest, out, console, live=view, turn_detection=turns.value)
            failure = _hold(conversation, key, address, guest, console)
            if serve:
                _stay(server, address, console, keyed=settings.keyed)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if failure is not None:
        raise Trouble(f"the demo did not succeed: {failure}. The whole call is in {conversation.events}", FAILED)


def _engines(settings: Settings) -> dict[str, str]:
    """Return the engines' names by role.

    Raises:
        Trouble: they cannot hold a conversation.
    """
    from vivavoce.cli.coffee_bar import MODEL
    from vivavoce.models.roles import engine_names

    names = engine_names(settings, MODEL)
    if names["recognizer"] == "instant" or names["llm"] == "echo":
        raise Trouble("the null profile neither listens nor thinks, so nobody could order: leave --profile out", MISUSED)
    return names


def _caller(files: list[Path], synthesizer: str) -> Caller:
    from vivavoce.cli.demo.caller import RecordedCaller, SynthesizedCaller, english_voice
    from vivavoce.cli.demo.order import WANTED

    return RecordedCaller(files) if files else SynthesizedCaller(english_voice(synthesizer), WANTED)


def _pull(settings: Settings, engines: dict[str, str], console: Console, *, pull: bool) -> None:
    from vivavoce.cli.demo.assets import pull_missing
    from vivavoce.models.store import ModelStore

    pull_missing(ModelStore(settings.home), set(engines.values()), console, allowed=pull)


def _flags(config: Path | None, profile: str | None, llm_base_url: str | None, llm_model: str | None) -> list[str]:
    given = {"--config": config, "--profile": profile, "--llm-base-url": llm_base_url, "--llm-model": llm_model}
    flags = [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
    return [*flags, "--host", "127.0.0.1", "--drain-seconds", "1"]


def _key(settings: Settings) -> tuple[str, dict[str, str]]:
    """Return a key for the caller, and the environment of a server that accepts it beside the configured ones.

    Of those there may be only hashes, so the caller gets a key of its own, which ends with the server.
    """
    from vivavoce.cli.keys import new_key
    from vivavoce.config_values import HASHED, hashed

    environment = dict(os.environ)
    if not settings.keyed:
        return "any", environment
    key = new_key()
    configured = [secret.reveal() for secret in settings.server.api_keys]
    hashes = [text if text.startswith(HASHED) else hashed(text) for text in configured]
    return key, {**environment, "VIVAVOCE_API_KEYS": ",".join([*hashes, hashed(key)])}


def _hold(conversation: Conversation, key: str, address: str, caller: Caller, console: Console) -> str | None:
    """Hold the call and sum it up; return why it was no success, if it was none."""
    import asyncio

    console.print(f"A coffee bar answers at {address}.", markup=False)
    console.print(caller.about + "\n", markup=False, soft_wrap=not console.is_terminal)
    asyncio.run(conversation.hold(address, key))
    failure = conversation.failure()
    _sum_up(conversation, console)
    return failure


def _sum_up(conversation: Conversation, console: Console) -> None:
    story = conversation.story
    orders = conversation.counter.orders
    answer_ms = story.median_answer_ms
    console.print()
    for order in orders:
        console.print("Order      " + ", ".join(f"{name} {value}" for name, value in order.items()), markup=False)
    if not orders:
        console.print("Order      none")
    console.print(f"Turns      {len(story.turns)}")
    if answer_ms is not None:
        console.print(f"Latency    {answer_ms:.0f} ms from the caller's last sound to the agent's first (median)")
    console.print(
        f"Files      {conversation.recording} (left: caller, right: agent), {conversation.events}", soft_wrap=True, markup=False
    )


def _stay(server: ServerProcess, address: str, console: Console, *, keyed: bool) -> None:
    console.print(f"\nThe server goes on at {address}. Ctrl-C stops it.\n", markup=False)
    for line in how_to_connect(address, keyed=keyed).splitlines():
        console.print(f"    {line}", markup=False, soft_wrap=True)
    try:
        server.wait()
    except KeyboardInterrupt:
        return
