"""`postern letta`: the embedded Letta-compatible server on its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.loading import load
from gateway.cli.running import run_until_stopped
from gateway.errors import SettingsWrong

if TYPE_CHECKING:
    from gateway.settings import Settings

app = typer.Typer(help="The embedded Letta-compatible server.", no_args_is_help=True)


@app.callback()
def letta() -> None:
    """The embedded Letta-compatible server."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8283,
    data: Annotated[
        Path | None, typer.Option(help="Database file; letta.db in data_dir when left out.")
    ] = None,
) -> None:
    """Serve agents to any Letta client. Asks for LETTA_API_KEY as its token when that is set."""
    settings = load(logging.INFO)
    _guard_the_open_port(settings, host)

    async def run(stop: asyncio.Event) -> None:
        await _serve(settings, (host, port), data, stop)

    run_until_stopped(run)


def _guard_the_open_port(settings: Settings, host: str) -> None:
    from gateway.settings.kinds import is_loopback

    if settings.letta.api_key is None and not is_loopback(host):
        raise SettingsWrong(
            f'Other machines can reach "{host}", and there is no token to ask them for; set '
            "LETTA_API_KEY to a long random text, or leave --host out."
        )


async def _serve(
    settings: Settings, address: tuple[str, int], data: Path | None, stop: asyncio.Event
) -> None:
    from gateway import bootstrap
    from gateway.data_dir import held
    from gateway.garbage import keep_what_is_loaded

    host, port = address
    with contextlib.ExitStack() as stack:
        own = settings.data_dir / "letta.db"
        if data is None or _is_one_file(data, own):
            data = own
            stack.enter_context(held(settings.data_dir))
        async with bootstrap.served_letta(settings, host, port, data) as url:
            typer.echo(f"Serving Letta's API at {url}", err=True)
            keep_what_is_loaded()
            await stop.wait()


def _is_one_file(data: Path, own: Path) -> bool:
    return os.path.realpath(data) == os.path.realpath(own)
