"""`postern db`: the database on its own, beside a gateway that may be running."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.loading import load
from gateway.cli.stores import opened
from gateway.cli.terminal import say
from gateway.errors import SettingsWrong, StoreUnavailable

app = typer.Typer(help="Care for the database.", no_args_is_help=True)


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema; makes it when there is none."""
    asyncio.run(_open_once())
    say("The database is up to date.")


@app.command()
def check() -> None:
    """Read the database through, and say whether it is whole."""
    from gateway.cli.sqlite_file import faults

    path = load().sqlite_path
    if path is not None:
        found = faults(_existing(path))
        if found:
            raise StoreUnavailable(
                f'The database "{path}" is damaged: {"; ".join(found)}. Restore a backup.'
            )
    asyncio.run(_open_once())
    say("The database is whole.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy; must not exist.")],
) -> None:
    """Write a consistent copy of the SQLite database, while the gateway may go on."""
    from gateway.cli.sqlite_file import copy

    path = load().sqlite_path
    if path is None:
        raise SettingsWrong("The database is Postgres; back it up with pg_dump.")
    copy(_existing(path), file)
    say(f"{file} is a copy of {path}.")


def _existing(path: Path) -> Path:
    if path.exists():
        return path
    raise SettingsWrong(f'There is no database at "{path}" yet; `postern up` makes it.')


async def _open_once() -> None:
    """Open the store, which migrates it, and read from it once."""
    async with opened() as (store, _):
        await store.check()
