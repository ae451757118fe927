"""`postern chat`: a conversation with the agent in the terminal."""

from __future__ import annotations

import asyncio

from gateway.cli.loading import load
from gateway.cli.running import run_until_stopped


def chat() -> None:
    """Talk with your agent here. Uses the running gateway, or starts one of its own."""
    settings = load()

    from gateway import bootstrap
    from gateway.data_dir import holder

    running = holder(settings.data_dir)
    if running is not None and running.url is not None:
        asyncio.run(bootstrap.chat_with(settings, running.url))
    else:
        run_until_stopped(lambda stop: bootstrap.chat_here(settings, stop))
