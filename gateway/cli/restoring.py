"""Puts a backup in the place of what this machine keeps, which stays beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.backup_manifest import FILES, MESSAGES
from gateway.cli.backup_reading import is_old_form, unpack
from gateway.cli.sqlite_file import SUFFIXES, change, copy, faults, newest, schema_of
from gateway.data_dir import held
from gateway.errors import BadInput, PosternError, SettingsWrong, StoreUnavailable
from gateway.swap import Move, begin, is_begun

if TYPE_CHECKING:
    from gateway.bootstrap import Kept, KeptDatabase

_ALL_THE_SAME = (
    "--force restores it all the same; what is there is kept aside, and nothing of it is sent or "
    "answered any more."
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    parts: tuple[str, ...]
    left_out: tuple[str, ...]
    """What the backup holds, and the settings have no place for."""
    aside: tuple[Path, ...]
    """Where what was there is now."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part belongs, and where it waits until all are there."""

    live: Path
    staged: Path


def restore_backup(kept: Kept, file: Path, *, is_forced: bool) -> Restored:
    """Read the backup through, then put its parts in place; what it has not stays as it is.

    Everything is unpacked and checked beside its place first. Then all moves are
    written down and carried out: after a crash before that the old state is there,
    after a later one whoever opens the data directory next carries on to the new.
    Raises BadInput for a backup that is damaged, foreign, of a newer Postern or, unless
    forced, older than what is there, and SettingsWrong while a gateway runs, or a server
    of one of the databases.
    """
    if not file.is_file():
        raise BadInput(f'There is no file "{file}".')
    with held(kept.data_dir):
        places = _places(kept)
        with _staging(kept.data_dir, places), _alone(kept):
            left_out, made_at = _unpacked(file, places)
            arrived = {name: place for name, place in places.items() if place.staged.exists()}
            databases = [each for each in kept.databases if each.name in arrived]
            for database in databases:
                _check_sound(file, database, arrived[database.name].staged)
            if not is_forced:
                _refuse_to_lose(file, databases, arrived)
                _refuse_to_lose_files(file, kept, made_at if FILES in arrived else None)
            for database in databases:
                change(arrived[database.name].staged, database.when_restored)
            moves, aside = _moves(list(arrived.values()))
            os.sync()  # what was unpacked is on the disk before anything is moved
            begin(kept.data_dir, moves)
    return Restored(tuple(arrived), left_out, aside)


def _places(kept: Kept) -> dict[str, _Place]:
    lives = {each.name: each.path for each in kept.databases}
    lives[kept.token.name] = kept.token
    if kept.files is not None:
        lives[FILES] = kept.files.path
        if kept.files.path.is_mount():
            raise SettingsWrong(
                f'"{kept.files.path}" is a file system of its own, which can not be moved aside; '
                "set artifacts.url to a folder in it."
            )
    # A link stays, and what it leads to is replaced.
    real = {name: path.resolve() if path.is_symlink() else path for name, path in lives.items()}
    return {
        name: _Place(path, path.with_name(f".{path.name}.restored")) for name, path in real.items()
    }


@contextlib.contextmanager
def _staging(folder: Path, places: dict[str, _Place]) -> Generator[None]:
    """Keep the places where parts wait clean, before and after; not what is being moved."""
    try:
        for place in places.values():
            place.live.parent.mkdir(parents=True, exist_ok=True)
            _remove(place.staged)
        yield
    except OSError as error:
        raise StoreUnavailable(f"The backup can not be put in place: {error}.") from error
    finally:
        if not is_begun(folder):
            for place in places.values():
                _remove(place.staged)


@contextlib.contextmanager
def _alone(kept: Kept) -> Generator[None]:
    with contextlib.ExitStack() as stack:
        for database in kept.databases:
            stack.enter_context(database.alone())
        yield


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        return
    for part in _with_suffixes(path):
        part.unlink(missing_ok=True)


def _with_suffixes(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in SUFFIXES]


def _unpacked(file: Path, places: dict[str, _Place]) -> tuple[tuple[str, ...], datetime | None]:
    """Unpack it; return which parts found no place, and when it was made."""
    if is_old_form(file):
        _unpack_old_form(file, places)
        return (), None
    manifest = unpack(file, {name: place.staged for name, place in places.items()})
    return tuple(name for name in manifest.parts if name not in places), manifest.made_at


def _unpack_old_form(file: Path, places: dict[str, _Place]) -> None:
    """Copy the database that such a backup is."""
    if MESSAGES not in places:
        raise BadInput(f'"{file}" is a SQLite database, and the settings name a Postgres.')
    if found := faults(file):
        raise BadInput(f'The backup "{file}" is damaged: {"; ".join(found)}. Take another one.')
    copy(file, places[MESSAGES].staged)


def _check_sound(file: Path, database: KeptDatabase, staged: Path) -> None:
    """Refuse a database that this version can not go on with."""
    if found := faults(staged):
        raise BadInput(
            f'The backup "{file}" is damaged: {database.name}: {"; ".join(found)}. Take another.'
        )
    newest(staged, database.newest)
    schema = schema_of(staged)
    if schema > database.schema:
        raise BadInput(
            f'A newer Postern made the backup "{file}": its {database.name} has the schema '
            f"{schema}, and this one knows {database.schema}. Upgrade Postern first."
        )


def _refuse_to_lose(
    file: Path, databases: Sequence[KeptDatabase], arrived: dict[str, _Place]
) -> None:
    """Refuse a backup that holds less than what is there."""
    for database in databases:
        place = arrived[database.name]
        newer = _newest(place.live, database) - newest(place.staged, database.newest)
        if newer > 0:
            what = "messages" if database.name == MESSAGES else "steps of agents"
            raise BadInput(
                f'The database "{place.live}" holds {newer} {what} that came or went after '
                f'"{file}" was made. {_ALL_THE_SAME}'
            )


def _newest(live: Path, database: KeptDatabase) -> int:
    if not live.exists():
        return 0
    try:
        return newest(live, database.newest)
    except PosternError as error:
        raise BadInput(
            f'The database "{live}" can not be read, so it may hold more than the backup: {error} '
            f"{_ALL_THE_SAME}"
        ) from error


def _refuse_to_lose_files(file: Path, kept: Kept, made_at: datetime | None) -> None:
    """Refuse when files were saved after the backup."""
    if kept.files is None or made_at is None:
        return
    since, is_content = made_at.timestamp(), kept.files.is_content
    newer = sum(
        is_content(parts) and os.fstat(opened.fileno()).st_mtime > since
        for parts, opened in kept.files.read()
    )
    if newer:
        raise BadInput(
            f'"{kept.files.path}" holds {newer} files that were saved after "{file}" was made. '
            f"{_ALL_THE_SAME}"
        )


def _moves(places: Sequence[_Place]) -> tuple[list[Move], tuple[Path, ...]]:
    """Return what is moved in this order: of each part the old one aside, the new one in."""
    suffix = _free_suffix(places)
    moves: list[Move] = []
    aside: list[Path] = []
    for place in places:
        target = place.live.with_name(place.live.name + suffix)
        there = [
            (old, new)
            for old, new in zip(_with_suffixes(place.live), _with_suffixes(target), strict=True)
            if old.exists()
        ]
        if place.live.exists():
            aside.append(target)
        moves += [*there, (place.staged, place.live)]
    return moves, tuple(aside)


def _free_suffix(places: Sequence[_Place]) -> str:
    """Return the moment, and a number where this moment has been used."""
    moment = f".{datetime.now(UTC):%Y%m%d-%H%M%S}"
    for number in count():
        suffix = f"{moment}-{number}" if number else moment
        names = [place.live.with_name(place.live.name + suffix) for place in places]
        if not any(part.exists() for name in names for part in _with_suffixes(name)):
            return suffix
    raise AssertionError  # numbers do not end
