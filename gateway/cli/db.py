"""`postern db`: the database on its own, beside a gateway that may be running."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.loading import load
from gateway.cli.stores import opened
from gateway.cli.terminal import say
from gateway.errors import BadInput, SettingsWrong, StoreUnavailable

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


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `postern db backup` wrote.")],
    force: Annotated[
        bool, typer.Option(help="Also where the database holds what the backup does not.")
    ] = False,
) -> None:
    """Put a backup in the place of the SQLite database, which is kept aside."""
    from gateway.cli.sqlite_file import faults, newest, replace
    from gateway.data_dir import held

    settings = load()
    path = settings.sqlite_path
    if path is None:
        raise SettingsWrong("The database is Postgres; restore it with pg_restore.")
    if not file.exists():
        raise BadInput(f'There is no file "{file}".')
    if found := faults(file):
        raise BadInput(f'The backup "{file}" is damaged: {"; ".join(found)}. Take another one.')
    with held(settings.data_dir):
        if not force:
            _refuse_to_lose(newest(path) - newest(file) if path.exists() else 0, file)
        aside = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%d-%H%M%S}")
        is_kept = path.exists()
        replace(path, file, aside)
    asyncio.run(_open_once())
    say(f"{path} is a copy of {file}." + (f" What was there is {aside}." if is_kept else ""))


def _refuse_to_lose(newer: int, file: Path) -> None:
    if newer > 0:
        raise BadInput(
            f'The database holds {newer} messages that came or went after "{file}" was made. '
            "--force restores it all the same; the database is kept aside, and nothing of it is "
            "sent or answered any more."
        )


def _existing(path: Path) -> Path:
    if path.exists():
        return path
    raise SettingsWrong(f'There is no database at "{path}" yet; `postern up` makes it.')


async def _open_once() -> None:
    """Open the store, which migrates it, and read from it once."""
    async with opened() as (store, _):
        await store.check()
