"""`postern up`: everything that is configured, until the process is asked to stop."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

import typer

from gateway.cli.loading import load
from gateway.cli.reloading import SIGNAL, serve
from gateway.cli.running import run_until_stopped
from gateway.cli.terminal import say
from gateway.errors import RetryLater

if TYPE_CHECKING:
    from gateway.settings import Settings


def up() -> None:
    """Start everything that is configured. Runs until stopped; asked twice, it stops at once."""
    settings = load(logging.INFO)

    async def run(stop: asyncio.Event) -> None:
        await serve(settings, stop, _begin)

    run_until_stopped(run)


def reload() -> None:
    """Let the running gateway take the settings as they are now.

    They are checked first, and what is wrong with them is said; then nothing happens.
    """
    from gateway.data_dir import holder

    data_dir = load().data_dir
    running = holder(data_dir)
    if running is None or running.url is None:
        raise RetryLater(f'No gateway runs in "{data_dir}". `postern up` starts one.')
    try:
        os.kill(running.pid, SIGNAL)
    except OSError as error:
        raise RetryLater(f"Process {running.pid} can not be told ({error.strerror}).") from error
    say(f"Process {running.pid} reads the settings; its log tells what is new.")


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
