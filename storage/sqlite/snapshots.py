"""Copies of the live database in a folder that outlives the machine, such as a Modal Volume.

The live file stays on the local disk. A copy is made whole, under a new name, and never changed:
`snap-<generation>-<number>-<writer>-<digest>.db`. Each start is a new generation, so of two
writers by mistake the newer one wins, and the older one learns of it before it publishes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from gateway.errors import Fenced, SettingsWrong, StoreUnavailable

log = logging.getLogger(__name__)

_NAME = re.compile(r"snap-(\d{8})-(\d{8})-([0-9a-f]{8})-([0-9a-f]{16})\.db")


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """Where snapshots are kept. `commit` makes what was written there durable; both block."""

    path: Path
    commit: Callable[[], None] = lambda: None
    reload: Callable[[], None] = lambda: None
    """Shows what others have committed there."""


@dataclass(frozen=True, slots=True)
class SnapshotOptions:
    """How often, and how many."""

    every_seconds: float = 1.0
    """At least this long from the end of one snapshot to the begin of the next."""
    kept: int = 5


@dataclass(frozen=True, slots=True, order=True)
class Snapshot:
    """One file, in the order in which they were made."""

    generation: int
    number: int
    writer: str
    digest: str

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"snap-{self.generation:08d}-{self.number:08d}-{self.writer}-{self.digest}.db"


class Snapshots:
    """One writer's snapshots, from restoring at its start to the last one at its end.

    Call `restore` before the store is opened, `begin` after it, then keep `run`
    running. One process at a time should do so; a second one takes over, and
    the first one is `Fenced` at its next snapshot.
    """

    def __init__(
        self, live: Path, folder: SnapshotFolder, options: SnapshotOptions | None = None
    ) -> None:
        self._live = live
        self._folder = folder
        self._options = options or SnapshotOptions()
        self._writer = token_hex(4)
        self._generation = 0
        self._number = 0
        self._newest_seen: Snapshot | None = None
        self._asked = 0
        self._answered = 0
        self._seen_change: int | None = None
        self._free_at = 0.0
        self._publishing = asyncio.Lock()
        self._copying = threading.Lock()
        """A copy goes on in its thread when whoever waited for it was cancelled."""
        self._closing = contextlib.ExitStack()
        self._database: sqlite3.Connection | None = None

    @property
    def generation(self) -> int:
        """Which start this is, from 1; a fence for all that this process does elsewhere."""
        return self._generation

    @property
    def writer(self) -> str:
        """A random name of this process; decides between two of one generation."""
        return self._writer

    async def restore(self) -> Snapshot | None:
        """Put the newest sound snapshot in the live file's place; None at the very first start.

        A live file that is there already is kept when it is the continuation of
        the newest snapshot. Raises SettingsWrong when there is no folder, when
        none of its snapshots is sound, and for a live file of unknown descent:
        it never begins empty where something was kept.
        """
        try:
            return await asyncio.to_thread(self._restore)
        except OSError as error:
            raise StoreUnavailable(
                f'The snapshots in "{self._folder.path}" can not be read now: {error}.'
            ) from error

    async def begin(self) -> None:
        """Publish the first snapshot of this generation: from now on predecessors are fenced.

        Raises Fenced when a predecessor published after `restore`: start again.
        """
        self._database = _opened(self._live)
        self._closing.callback(self._database.close)
        await self.flush()
        await asyncio.to_thread(self._check_predecessor)

    async def flush(self) -> None:
        """Return when all that was committed before the call is in a published snapshot.

        Calls at the same time share one. Raises Fenced when a newer generation has
        begun, and StoreUnavailable when the snapshot could not be published.
        """
        self._asked += 1
        mine = self._asked
        async with self._publishing:
            if self._answered >= mine:
                return
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._free_at - loop.time()))
            covered = self._asked
            try:
                await asyncio.to_thread(self._publish_alone)
            finally:
                self._free_at = loop.time() + self._options.every_seconds
            self._answered = covered

    async def run(self) -> None:
        """Publish what changes, until cancelled; ends with Fenced when this process is replaced.

        What can not be published now is tried again, and told in the log.
        """
        while True:
            await asyncio.sleep(self._options.every_seconds)
            try:
                await self.flush()
            except StoreUnavailable as error:
                log.warning("snapshot_failed", extra={"error": str(error)})

    async def close(self) -> None:
        """Publish what is left, and stop. Raises as `flush` does."""
        try:
            if self._database is not None:
                self._free_at = 0.0
                await self.flush()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Stop without a last snapshot, as a fenced writer must."""
        self._closing.close()
        self._database = None

    def _restore(self) -> Snapshot | None:
        self._check_folder()
        self._folder.reload()
        found = sorted(_snapshots(self._folder.path), reverse=True)
        self._newest_seen = found[0] if found else None
        self._generation = 1 + (found[0].generation if found else 0)
        if self._live.exists():
            self._check_descent(found)
            return None
        if not found:
            return None
        chosen, faults = _newest_sound(self._folder.path, found, _partial(self._live))
        if chosen is None:
            raise SettingsWrong(
                f'None of the {len(found)} snapshots in "{self._folder.path}" is sound '
                f"({'; '.join(faults)}). Postern does not begin empty where something was kept. "
                "Put a sound backup there, or move the snapshots away to begin anew."
            )
        for fault in faults:
            log.error("snapshot_passed_over", extra={"fault": fault})
        _partial(self._live).replace(self._live)
        _sync(self._live.parent)
        return chosen

    def _check_folder(self) -> None:
        if not self._folder.path.is_dir():
            raise SettingsWrong(
                f'The folder of snapshots "{self._folder.path}" is not there. Mount the Volume '
                "there, or make the folder."
            )
        self._live.parent.mkdir(parents=True, exist_ok=True)

    def _check_descent(self, found: list[Snapshot]) -> None:
        """A file of this disk goes on only when nobody else has published since."""
        marker = _marker(self._live)
        last = marker.read_text() if marker.exists() else ""
        newest = f"{found[0].generation}-{found[0].writer}" if found else ""
        if found and last != newest:
            raise SettingsWrong(
                f'The database "{self._live}" is not the one that the snapshots in '
                f'"{self._folder.path}" are of. Move it away to continue from the newest snapshot.'
            )

    def _publish_alone(self) -> None:
        with self._copying:
            self._publish()

    def _publish(self) -> None:
        """Copy the database when it has changed since the last time."""
        if self._database is None:
            raise StoreUnavailable("The snapshots have not begun, or are closed.")
        partial = _partial(self._live)
        try:
            self._folder.reload()
            self._check_fence()
            change = int(self._database.execute("PRAGMA data_version").fetchone()[0])
            if change == self._seen_change:
                return
            partial.unlink(missing_ok=True)
            self._database.execute("VACUUM INTO ?", (str(partial),))
            self._put(partial)
            self._seen_change = change
        except (OSError, sqlite3.Error) as error:
            with contextlib.suppress(OSError):
                self._check_fence()  # a successor sweeps away what we were about to put there
            raise StoreUnavailable(
                f'No snapshot could be put into "{self._folder.path}": {error}.'
            ) from error
        finally:
            partial.unlink(missing_ok=True)

    def _put(self, partial: Path) -> None:
        snapshot = Snapshot(self._generation, self._number, self._writer, _digest(partial))
        self._number += 1  # also of one that fails: what it leaves there may be committed later
        arriving = self._folder.path / f".{snapshot.name}.partial"
        try:
            shutil.copyfile(partial, arriving)
            _sync(arriving)
            arriving.rename(self._folder.path / snapshot.name)
        finally:
            arriving.unlink(missing_ok=True)
        _sync(self._folder.path)
        self._folder.commit()
        self._folder.reload()
        self._check_fence()  # else somebody began meanwhile, and may not have seen this snapshot
        _marker(self._live).write_text(f"{self._generation}-{self._writer}")
        self._prune()

    def _prune(self) -> None:
        """Drop all but the newest, and what killed writers left half copied."""
        for old in sorted(_snapshots(self._folder.path), reverse=True)[self._options.kept :]:
            (self._folder.path / old.name).unlink(missing_ok=True)
        for left in self._folder.path.glob(".snap-*.partial"):
            left.unlink(missing_ok=True)

    def _check_predecessor(self) -> None:
        """Nothing may have been added between our restoring and our first snapshot."""
        found = _snapshots(self._folder.path)
        before = max((each for each in found if each.generation < self._generation), default=None)
        if before is None or before == self._newest_seen:
            return
        for ours in (each for each in found if each.writer == self._writer):
            (self._folder.path / ours.name).unlink(missing_ok=True)
        self._folder.commit()
        self.abandon()
        raise Fenced(
            f'Another writer has published into "{self._folder.path}" since the snapshots were '
            "restored. Start again to continue from its last one."
        )

    def _check_fence(self) -> None:
        """Two that began at once have the same generation: of these the greater name stays."""
        for other in _snapshots(self._folder.path):
            if (other.generation, other.writer) > (self._generation, self._writer):
                raise Fenced(
                    f"Another writer (generation {other.generation}) has taken over the snapshots "
                    f'in "{self._folder.path}"; this one, of generation {self._generation}, stops.'
                )


def _snapshots(folder: Path) -> list[Snapshot]:
    matches = [found for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]
    return [Snapshot(int(each[1]), int(each[2]), each[3], each[4]) for each in matches]


def _newest_sound(
    folder: Path, newest_first: list[Snapshot], target: Path
) -> tuple[Snapshot | None, list[str]]:
    """Copy the first sound one to `target`; return it, and what is wrong with newer ones."""
    faults: list[str] = []
    for snapshot in newest_first:
        fault = _copy_and_check(folder / snapshot.name, snapshot, target)
        if fault is None:
            return snapshot, faults
        faults.append(f"{snapshot.name}: {fault}")
    target.unlink(missing_ok=True)
    return None, faults


def _copy_and_check(source: Path, snapshot: Snapshot, target: Path) -> str | None:
    try:
        shutil.copyfile(source, target)
        _sync(target)
        if _digest(target) != snapshot.digest:
            return "its contents are not those that were written"
        return _fault(target)
    except OSError as error:
        return error.strerror or "it can not be read"


def _fault(path: Path) -> str | None:
    """Return what SQLite finds wrong with the file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        try:
            found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            return str(error)
    return None if found == "ok" else str(found)


def _opened(live: Path) -> sqlite3.Connection:
    """Open a second connection, which sees the commits of the store's as changes."""
    uri = f"{live.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None, check_same_thread=False)


def _partial(live: Path) -> Path:
    return live.with_name(f".{live.name}.snapshot.partial")


def _marker(live: Path) -> Path:
    """Beside the live file: the generation and writer that published last from it."""
    return live.with_name(f"{live.name}.generation")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
