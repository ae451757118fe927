"""What a deployment keeps on this machine's disk, and would lose with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway.settings import Settings

MESSAGES = "postern.db"
AGENTS = "letta.db"
TOKEN = "terminal.token"  # noqa: S105 - a file's name
"""In the data directory: makes `postern chat` the same person with and without `postern up`."""

StoredFiles = Callable[[], Iterator[tuple[tuple[str, ...], BinaryIO]]]


@dataclass(frozen=True, slots=True)
class KeptDatabase:
    """A SQLite file, which need not be there yet."""

    name: str
    """What a backup calls it."""
    path: Path
    schema: int
    """The newest one that this version knows."""
    newest: str
    """The query for the number of what came last."""
    when_restored: tuple[str, ...] = ()
    """Statements that put right what a backup can not know."""
    alone: Callable[[], AbstractContextManager[None]] = nullcontext
    """Holds it against processes that have it without the data directory. Raises SettingsWrong."""


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """The folder of the artifacts."""

    path: Path
    read: StoredFiles
    """Goes through all of it, each file open for reading until the next one is asked for."""
    is_content: Callable[[tuple[str, ...]], bool]
    """Whether somebody saved this file, and it is no note of ours."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything. What is elsewhere, as on a Postgres, is not in it."""

    data_dir: Path
    databases: tuple[KeptDatabase, ...]
    """What names comes before what is named: messages know agents, and no agent a message."""
    token: Path
    files: KeptFiles | None
    elsewhere: tuple[str, ...]
    """What others keep, and how to back it up: sentences."""

    @property
    def messages(self) -> Path | None:
        """The database of messages; None when it is a Postgres."""
        found = (each.path for each in self.databases if each.name == MESSAGES)
        return next(found, None)


def kept(settings: Settings) -> Kept:
    """Return what the settings keep on this disk."""
    databases, elsewhere = list[KeptDatabase](), list[str]()
    if settings.sqlite_path is not None:
        databases.append(_messages(settings.sqlite_path))
    else:
        elsewhere.append("The database is Postgres and not in it; back it up with pg_dump, first.")
    if settings.letta.is_embedded:
        databases.append(_agents(settings.data_dir / AGENTS))
    else:
        elsewhere.append("The agents' memory is on the Letta server, and not in it.")
    if "://" in settings.artifacts_url:
        elsewhere.append(f"The artifacts are in {settings.artifacts_url}, and not in it.")
        files = None
    else:
        files = _files(Path(settings.artifacts_url))
    data_dir = settings.data_dir
    return Kept(data_dir, tuple(databases), data_dir / TOKEN, files, tuple(elsewhere))


def _messages(path: Path) -> KeptDatabase:
    from storage.sqlite.migrate import migrations
    from storage.sqlite.restored import WHEN_RESTORED

    newest = (
        "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM inbox"
        " UNION ALL SELECT max(seq) FROM delivery)"
    )
    return KeptDatabase(MESSAGES, path, migrations()[-1].number, newest, WHEN_RESTORED)


def _agents(path: Path) -> KeptDatabase:
    from agents.embedded.store.alone import owned_alone
    from agents.embedded.store.database import newest_schema

    newest = "SELECT max(position) FROM messages"
    return KeptDatabase(AGENTS, path, newest_schema(), newest, alone=lambda: owned_alone(path))


def _files(path: Path) -> KeptFiles:
    from storage.artifacts.whole import is_content, owned_files

    return KeptFiles(path, lambda: owned_files(path), is_content)
