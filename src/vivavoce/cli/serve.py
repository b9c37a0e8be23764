"""`vivavoce serve`: run the server until it is told to stop."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli.addresses import base_url, how_to_connect, listen, refused
from vivavoce.cli.errors import FAILED, Trouble
from vivavoce.config import Settings, load_settings

if TYPE_CHECKING:
    import socket

    from vivavoce.api.server import Server
    from vivavoce.sessions.service import VoiceService


def serve(
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.", metavar="FILE")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; a public one needs --api-key. [127.0.0.1]")] = None,
    port: Annotated[str | None, typer.Option(help="Port to listen on; 0 takes any free one. [8000]")] = None,
    profile: Annotated[str | None, typer.Option(help="embedded, null, or the path of a TOML file. [embedded]")] = None,
    llm_base_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible endpoint, the brain of all agents.")] = None,
    llm_model: Annotated[str | None, typer.Option(help="The model there; without it the first one it lists.")] = None,
    llm_api_key: Annotated[str | None, typer.Option(help="The key there; env:NAME takes it from the environment.")] = None,
    api_key: Annotated[
        list[str] | None, typer.Option(help="A key clients must bring; may be repeated; env:NAME as above.", metavar="KEY")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve https and wss with this certificate (PEM, with its chain).", metavar="FILE")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM, no password).", metavar="FILE")] = None,
    tls_self_signed: Annotated[
        bool, typer.Option("--tls-self-signed", help="Serve https and wss with a certificate made here, for this machine.")
    ] = False,
    beta: Annotated[
        bool, typer.Option("--beta", help="Speak the beta's shapes to clients that ask for them, instead of refusing them.")
    ] = False,
    prompts: Annotated[Path | None, typer.Option(help="The folder of prompt templates.", metavar="FOLDER")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical. [info]")] = None,
    max_sessions: Annotated[str | None, typer.Option(help="Sessions open at once; more are refused.")] = None,
    drain_seconds: Annotated[str | None, typer.Option(help="How long sessions may go on after a stop. [30]")] = None,
    stop_with_stdin: Annotated[bool, typer.Option(hidden=True, help="Stop when standard input ends.")] = False,
) -> None:
    """Serve the Realtime API. Flags go before the environment (VIVAVOCE_…), the environment before the file."""
    settings = load_settings(
        os.environ,
        config_file=config,
        overrides={
            "host": host,
            "port": port,
            "profile": profile,
            "llm_base_url": llm_base_url,
            "llm_model": llm_model,
            "llm_api_key": llm_api_key,
            "api_keys": api_key or None,
            "tls_cert": tls_cert,
            "tls_key": tls_key,
            "tls_self_signed": tls_self_signed or None,
            "beta": beta or None,
            "prompts": prompts,
            "log_level": log_level,
            "max_sessions": max_sessions,
            "drain_seconds": drain_seconds,
        },
    )
    run_server(settings, stop_with_stdin=stop_with_stdin)


def run_server(settings: Settings, *, stop_with_stdin: bool = False) -> None:
    """Serve until a signal, or, if so asked, until standard input ends: a parent that dies takes its server along.

    Raises:
        Trouble: the address cannot be listened on, or an engine cannot run here.
        ConfigError: a setting cannot be used.
    """
    from vivavoce.api.tls import tls_files

    settings.check()
    tls = tls_files(settings)
    listening = listen(settings.server.host, settings.server.port)
    try:
        _run(settings, listening, tls, stop_with_stdin)
    finally:
        listening.close()


def _run(settings: Settings, listening: socket.socket, tls: tuple[Path, Path] | None, stop_with_stdin: bool) -> None:
    import asyncio

    from vivavoce.api.server import build_server
    from vivavoce.logs import configure_logs

    configure_logs(settings.server.log_level)
    service = _service(settings)
    server = build_server(settings, service, tls=tls)
    address = base_url(settings.server.host, listening.getsockname()[1], secure=tls is not None)
    if stop_with_stdin:
        threading.Thread(target=_stop_at_end_of_stdin, args=(server,), daemon=True).start()
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        try:
            runner.run(_serve(server, service, listening, address))
        except KeyboardInterrupt:
            return  # the server has stopped in good order before it passes the signal on


def _service(settings: Settings) -> VoiceService:
    """Build every engine, none of them warm: what is not installed or misspelt shows here, before the server starts."""
    from vivavoce.engines.ports import EngineFault
    from vivavoce.models.shelf import EngineShelf
    from vivavoce.sessions.service import VoiceService

    shelf = EngineShelf(settings)
    service = VoiceService(settings, shelf)
    try:
        for model in service.served():
            shelf.stack(model.name)
    except EngineFault as fault:
        raise Trouble(fault.message, FAILED) from fault
    return service


async def _serve(server: Server, service: VoiceService, listening: socket.socket, address: str) -> None:
    import asyncio

    settings = service.settings.server
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not (server.started and (service.ready or service.failure)) and not serving.done():  # noqa: ASYNC110 (there is no event)
        await asyncio.sleep(0.02)
    if service.ready:
        _announce(service.settings, address)
    else:
        # Nothing warms the engines again: a process that can never answer had better say so and end.
        server.should_exit = True
    try:
        await serving
    except SystemExit as end:  # uvicorn's way of saying that the application did not start; it has logged why
        raise Trouble("the server did not start; the reason is in the log above", FAILED) from end
    except OSError as error:  # somebody else began to listen while the engines warmed
        raise refused(settings.host, settings.port, error) from error
    if service.failure is not None:
        raise Trouble(f"{service.failure}. `vivavoce doctor` shows what is missing and how to get it", FAILED)


def _announce(settings: Settings, address: str) -> None:
    from vivavoce.api.tls import kept_files

    profile = settings.profile_file or settings.profile
    sys.stdout.write(f"Vivavoce listens at {address} (profile {profile}). Ctrl-C stops it.\n\n")
    if settings.server.playground:
        sys.stdout.write(f"Open {address.removesuffix('v1')} in a browser, and talk. For programs:\n\n")
    certificate = kept_files(settings.home)[0] if settings.server.tls_self_signed else None
    for line in how_to_connect(address, keyed=settings.keyed, certificate=certificate).splitlines():
        sys.stdout.write(f"    {line}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()


def _stop_at_end_of_stdin(server: Server) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock, held here, would break the interpreter's shutdown
        pass
    server.should_exit = True
