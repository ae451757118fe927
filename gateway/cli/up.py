"""`postern up`: everything that is configured, until the process is asked to stop."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import typer

from gateway.cli.loading import load
from gateway.cli.running import run_until_stopped

if TYPE_CHECKING:
    from gateway.settings import Settings


def up() -> None:
    """Start everything that is configured. Runs until stopped; asked twice, it stops at once."""
    settings = load(logging.INFO)

    async def serve(stop: asyncio.Event) -> None:
        await _serve(settings, stop)

    run_until_stopped(serve)


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    from gateway import bootstrap

    async with bootstrap.opened_gateway(settings) as gateway:
        await gateway.run(stop, lambda: _begin(settings))


def _begin(settings: Settings) -> None:
    """Show what is on, and where the gateway answers, which its lock tells everybody."""
    from gateway.cli.banner import show, what_is_on
    from gateway.data_dir import holder
    from gateway.garbage import keep_what_is_loaded

    show(what_is_on(settings))
    running = holder(settings.data_dir)
    if running is not None and running.url is not None:
        typer.echo(f"Ready at {running.url}", err=True)
    keep_what_is_loaded()
