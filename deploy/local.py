"""The parts of a deployment as plain processes over one Postgres: `python -m deploy.local PART`.

It stands in for Modal's containers wherever processes are started by something else, and
reads its settings as `postern up` does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from datetime import UTC, datetime, timedelta

from gateway.cli.running import run_until_stopped
from gateway.errors import SettingsWrong
from gateway.settings import Settings, load_settings


async def serve_ingress(settings: Settings, port: int, stop: asyncio.Event) -> None:
    """Verify what platforms send, and keep it in the database."""
    import uvicorn

    from deploy.ingress import Keys, make_ingress
    from deploy.keeper import Keeper
    from gateway.http import HttpServer, listen

    keeper = Keeper(settings.database_url.get_secret_value(), _now)
    secret = settings.slack.signing_secret
    keys = Keys(secret.get_secret_value() if secret else None, settings.discord.public_key)
    app = make_ingress(keys, keeper.keep, _now, look=keeper.look)
    server = HttpServer(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    with listen(settings.http.host, port) as listener:
        _begin(f"Ready at http://{settings.http.host}:{listener.getsockname()[1]}")
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            await stop.wait()
            server.ask_to_stop()
    await keeper.close()


async def serve_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Run the gateway with its web chat; any number of workers may."""
    from gateway.cli.reloading import serve

    await serve(settings, stop, lambda _: _begin("Ready"))


async def hold_listener(settings: Settings, lease_seconds: float, stop: asyncio.Event) -> None:
    """Listen to Discord, or wait until whoever does so is gone."""
    from deploy.listener import Turnout, listen, opened_line
    from gateway.bootstrap import worker_of
    from gateway.clock import SystemClock
    from gateway.place import PlaceOptions

    options = PlaceOptions(timedelta(seconds=lease_seconds), lease_seconds / 4.5)
    turnout = Turnout(worker_of(settings), waits=True, options=options)
    async with opened_line(settings) as line, asyncio.TaskGroup() as group:
        listening = group.create_task(listen(settings, line, SystemClock(), turnout))
        _say("Ready")
        await stop.wait()
        listening.cancel()


async def tick(settings: Settings, stop: asyncio.Event) -> None:
    """Do a minute's work once, and tell of it."""
    from deploy.tick import sweep_once

    _say(json.dumps((await sweep_once(settings)).as_json()))


def main() -> None:
    """Run one part until it is asked to stop."""
    asked = _arguments()
    settings = load_settings(os.environ)
    _set_up(settings)

    async def serve(stop: asyncio.Event) -> None:
        match asked.part:
            case "ingress":
                await serve_ingress(settings, asked.port, stop)
            case "worker":
                await serve_worker(settings, stop)
            case "listener":
                await hold_listener(settings, asked.lease, stop)
            case _:
                await tick(settings, stop)

    run_until_stopped(serve)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("part", choices=("ingress", "worker", "tick", "listener"))
    parser.add_argument("--port", type=int, default=8081, help="of the ingress")
    parser.add_argument("--lease", type=float, default=45.0, help="seconds, of the listener")
    return parser.parse_args()


def _set_up(settings: Settings) -> None:
    from gateway.telemetry import set_up_logging

    set_up_logging(secrets=settings.secrets(), level=logging.INFO)
    if settings.sqlite_path is not None:
        raise SettingsWrong(
            "These parts share a Postgres: set DATABASE_URL. On SQLite `postern up` is all of them."
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _begin(text: str) -> None:
    """Say that it serves, with all loaded that it needs."""
    from gateway.garbage import keep_what_is_loaded

    _say(text)
    keep_what_is_loaded()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a program prints


if __name__ == "__main__":
    try:
        main()
    except SettingsWrong as error:
        sys.exit(str(error))
