"""`postern db`: what is kept on this machine, beside a gateway that may be running."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.loading import load
from gateway.cli.stores import opened
from gateway.cli.terminal import say
from gateway.errors import SettingsWrong

if TYPE_CHECKING:
    from gateway.bootstrap import Kept

app = typer.Typer(help="Care for the database.", no_args_is_help=True)


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema. Makes it when there is none."""
    asyncio.run(_open_once())
    say("The database is up to date.")


@app.command()
def check() -> None:
    """Say whether all that is kept on this machine is whole. Reads it through."""
    from gateway.cli.checking import check_databases, check_files

    kept = _kept()
    check_databases(kept)
    asyncio.run(_open_once())
    say("The database is whole.")
    for sentence in check_files(kept):
        say(sentence)


@app.command()
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to write it; must not exist. Left out: postern-MOMENT.tar."),
    ] = None,
) -> None:
    """Write all that is kept on this machine to one file. The gateway may go on."""
    from gateway.cli.backup_writing import write_backup

    kept, now = _kept(), datetime.now(UTC)
    _refuse_nothing(kept)
    target = file or Path(f"postern-{now:%Y%m%d-%H%M%S}.tar")
    manifest = write_backup(kept, target, now)
    sizes = [f"{name} ({part.size_bytes:,} bytes)" for name, part in manifest.parts.items()]
    say(f"{target} holds {', '.join(sizes)}.")
    for sentence in kept.elsewhere:
        say(sentence)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `postern db backup` wrote.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Also where there is something that the backup has not."),
    ] = False,
) -> None:
    """Put a backup in the place of what is kept here. That is kept aside."""
    from gateway.cli.restoring import restore_backup

    done = restore_backup(_kept(), file, is_forced=force)
    asyncio.run(_open_once())
    say(f"Restored from {file}: {', '.join(done.parts)}.")
    if done.left_out:
        say(f"Left out, as the settings keep it elsewhere: {', '.join(done.left_out)}.")
    for path in done.aside:
        say(f"What was there is {path}.")


def _kept() -> Kept:
    from gateway import bootstrap
    from gateway.data_dir import prepare

    settings = load()
    if settings.data_dir.exists():
        prepare(settings.data_dir)
    return bootstrap.kept(settings)


def _refuse_nothing(kept: Kept) -> None:
    """Raise SettingsWrong where there is nothing yet, or all of it is elsewhere."""
    if kept.messages is not None and not kept.messages.exists():
        raise SettingsWrong(
            f'There is no database at "{kept.messages}" yet; `postern up` makes it.'
        )
    files = [kept.files.path] if kept.files is not None else []
    if not any(path.exists() for path in [*(each.path for each in kept.databases), *files]):
        raise SettingsWrong(" ".join(["There is nothing here to back up.", *kept.elsewhere]))


async def _open_once() -> None:
    """Open the store, which migrates it, and read from it once."""
    async with opened() as (store, _):
        await store.check()
