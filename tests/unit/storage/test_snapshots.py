"""What is kept of the live database when its disk is gone."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import Fenced, SettingsWrong, StoreUnavailable
from storage.sqlite import SqliteStore
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions, Snapshots
from tests.contracts.store.words import ROUTE, at, message
from tests.fakes.patience import PATIENCE_SECONDS

QUICK = SnapshotOptions(every_seconds=0.0, kept=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.mkdir()
    return path


@asynccontextmanager
async def serving(
    live: Path, folder: Path | SnapshotFolder, options: SnapshotOptions = QUICK
) -> AsyncGenerator[tuple[SqliteStore, Snapshots]]:
    """Restore, open, begin; what was not flushed is lost, as when the disk is."""
    place = folder if isinstance(folder, SnapshotFolder) else SnapshotFolder(folder)
    snapshots = Snapshots(live, place, options)
    await snapshots.restore()
    store = SqliteStore(live)
    await store.open()
    await snapshots.begin()
    try:
        yield store, snapshots
    finally:
        await store.close()
        snapshots.abandon()


KILLS = int(os.environ.get("POSTERN_KILLS", "4"))
"""How often a writer is killed; 100 take about a minute."""


async def say(store: SqliteStore, event: str) -> None:
    await store.turns.accept(message(event), ROUTE, at(0))


def events(database: Path) -> set[str]:
    if not database.exists():  # killed before there was a snapshot
        return set()
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT key FROM inbox").fetchall()
    connection.close()
    return {key.rpartition(":")[2] for (key,) in rows}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def restored(live: Path, folder: Path) -> set[str]:
    await Snapshots(live, SnapshotFolder(folder)).restore()
    return events(live)


async def test_what_was_flushed_is_there_on_another_disk(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a" / "postern.db", folder) as (store, snapshots):
        await say(store, "one")
        await snapshots.flush()
        await say(store, "two")

    assert await restored(tmp_path / "b" / "postern.db", folder) == {"one"}


async def test_closing_keeps_everything(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a.db", folder) as (store, snapshots):
        await say(store, "one")
        await snapshots.close()

    assert await restored(tmp_path / "b.db", folder) == {"one"}


async def test_changes_are_published_by_themselves(tmp_path: Path, folder: Path) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()
    notice = SnapshotFolder(folder, commit=lambda: loop.call_soon_threadsafe(arrived.set) and None)
    live = tmp_path / "a.db"
    snapshots = Snapshots(live, notice, SnapshotOptions(every_seconds=0.01))
    await snapshots.restore()
    store = SqliteStore(live)
    await store.open()
    await snapshots.begin()
    arrived.clear()

    async with asyncio.TaskGroup() as group:
        running = group.create_task(snapshots.run())
        await say(store, "one")
        await asyncio.wait_for(arrived.wait(), PATIENCE_SECONDS)
        running.cancel()

    await store.close()
    snapshots.abandon()
    assert await restored(tmp_path / "b.db", folder) == {"one"}


async def test_nothing_is_published_when_nothing_changed(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a.db", folder) as (_, snapshots):
        await snapshots.flush()
        await snapshots.flush()

    assert len(names(folder)) == 1


async def test_what_a_failed_commit_left_there_is_older_than_what_follows(
    tmp_path: Path, folder: Path
) -> None:
    refusals: list[str] = []

    def commit() -> None:
        if refusals:
            raise OSError(refusals.pop())

    place = SnapshotFolder(folder, commit)
    async with serving(tmp_path / "a" / "postern.db", place) as (store, snapshots):
        for number in range(8):
            await say(store, f"failed {number}")
            refusals.append("the Volume is away")
            with pytest.raises(StoreUnavailable):
                await snapshots.flush()
            await say(store, f"kept {number}")
            await snapshots.flush()

            newest = await restored(tmp_path / f"{number}.db", folder)

            assert {f"failed {number}", f"kept {number}"} <= newest


async def test_the_last_snapshot_waits_for_the_one_that_is_being_made(
    tmp_path: Path, folder: Path
) -> None:
    held, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    is_slow = False

    def commit() -> None:
        if is_slow and not go_on.is_set():
            loop.call_soon_threadsafe(held.set)
            go_on.wait(10)

    live = tmp_path / "a" / "postern.db"
    async with serving(live, SnapshotFolder(folder, commit)) as (store, snapshots):
        is_slow = True
        await say(store, "one")
        running = asyncio.ensure_future(snapshots.run())
        await asyncio.wait_for(held.wait(), PATIENCE_SECONDS)
        running.cancel()
        await say(store, "two")
        closing = asyncio.ensure_future(snapshots.close())
        await asyncio.sleep(0)  # it has begun
        loop.call_later(0.05, go_on.set)

        await asyncio.wait_for(closing, PATIENCE_SECONDS)

    assert await restored(tmp_path / "b" / "postern.db", folder) == {"one", "two"}


async def test_many_that_ask_at_once_share_a_snapshot(tmp_path: Path, folder: Path) -> None:
    options = SnapshotOptions(every_seconds=0.05, kept=100)
    async with serving(tmp_path / "a.db", folder, options) as (store, snapshots):

        async def keep(number: int) -> None:
            await say(store, f"e{number}")
            await snapshots.flush()

        await asyncio.gather(*(keep(number) for number in range(40)))

    assert len(names(folder)) <= 4
    assert await restored(tmp_path / "b.db", folder) == {f"e{number}" for number in range(40)}


async def test_only_the_newest_are_kept_and_nothing_half_copied(
    tmp_path: Path, folder: Path
) -> None:
    (folder / ".snap-00000001-00000000-aaaaaaaa-0000000000000000.db.partial").write_text("half")
    async with serving(tmp_path / "a.db", folder) as (store, snapshots):
        for number in range(6):
            await say(store, f"e{number}")
            await snapshots.flush()

    assert [name[5:22] for name in names(folder)] == [f"00000001-0000000{n}" for n in (4, 5, 6)]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def _replace(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)


@pytest.mark.parametrize("damage", [_cut, _empty, _flip, _replace])
async def test_a_damaged_snapshot_is_passed_over_for_the_one_before(
    tmp_path: Path, folder: Path, damage: object
) -> None:
    assert callable(damage)
    async with serving(tmp_path / "a.db", folder) as (store, snapshots):
        for event in ("one", "two"):
            await say(store, event)
            await snapshots.flush()
    damage(folder / names(folder)[-1])

    assert await restored(tmp_path / "b.db", folder) == {"one"}


async def test_it_never_begins_empty_where_something_was_kept(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a.db", folder):
        pass
    for name in names(folder):
        _cut(folder / name)

    with pytest.raises(SettingsWrong, match="does not begin empty"):
        await Snapshots(tmp_path / "b.db", SnapshotFolder(folder)).restore()

    assert not (tmp_path / "b.db").exists()


async def test_without_a_volume_it_does_not_start(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "a.db", SnapshotFolder(tmp_path / "missing"))

    with pytest.raises(SettingsWrong, match="Mount the Volume"):
        await snapshots.restore()


async def test_a_newer_posterns_snapshot_stops_the_start(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a.db", folder) as (store, snapshots):
        await say(store, "one")
        connection = sqlite3.connect(tmp_path / "a.db")
        connection.execute("PRAGMA user_version = 999")
        connection.close()
        await snapshots.flush()
    await Snapshots(tmp_path / "b.db", SnapshotFolder(folder)).restore()

    with pytest.raises(SettingsWrong, match="newer Postern"):
        await SqliteStore(tmp_path / "b.db").open()


async def test_of_two_writers_the_older_one_stops_and_changes_nothing(
    tmp_path: Path, folder: Path
) -> None:
    async with serving(tmp_path / "a.db", folder) as (old_store, old):
        await say(old_store, "one")
        await old.flush()
        async with serving(tmp_path / "b.db", folder) as (new_store, new):
            await say(new_store, "two")
            await new.flush()
            before = names(folder)
            await say(old_store, "late")

            with pytest.raises(Fenced):
                await old.flush()

            assert names(folder) == before
            assert (old.generation, new.generation) == (1, 2)

    assert await restored(tmp_path / "c.db", folder) == {"one", "two"}


async def test_of_two_that_begin_at_once_one_stays(tmp_path: Path, folder: Path) -> None:
    pair = [Snapshots(tmp_path / f"{n}.db", SnapshotFolder(folder), QUICK) for n in range(2)]
    stores = [SqliteStore(tmp_path / f"{n}.db") for n in range(2)]
    for snapshots, store in zip(pair, stores, strict=True):
        await snapshots.restore()
        await store.open()
    asked = [*(each.begin for each in pair), *(each.flush for each in pair)]
    stopped = 0
    for number, step in enumerate(asked):
        await say(stores[number % 2], f"e{number}")
        try:
            await step()
        except Fenced:
            stopped += 1

    for snapshots, store in zip(pair, stores, strict=True):
        await store.close()
        snapshots.abandon()
    assert stopped in (1, 2)
    assert pair[0].generation == pair[1].generation == 1
    with_greatest_name = max(pair, key=lambda each: each.writer)
    assert with_greatest_name.writer in names(folder)[-1]


async def test_what_the_old_writer_kept_while_the_new_one_began_is_not_lost(
    tmp_path: Path, folder: Path
) -> None:
    async with serving(tmp_path / "a.db", folder) as (old_store, old):
        new = Snapshots(tmp_path / "b.db", SnapshotFolder(folder), QUICK)
        await new.restore()
        new_store = SqliteStore(tmp_path / "b.db")
        await new_store.open()
        await say(old_store, "between")
        await old.flush()

        with pytest.raises(Fenced, match="Start again"):
            await new.begin()

        new.abandon()
        await new_store.close()

    assert await restored(tmp_path / "c.db", folder) == {"between"}


async def test_nothing_is_said_to_be_kept_that_a_successor_has_not_seen(
    tmp_path: Path, folder: Path
) -> None:
    async with serving(tmp_path / "a.db", folder) as (store, _):
        await say(store, "one")

    def a_successor_begins() -> None:
        (folder / f"snap-00000009-00000000-aaaaaaaa-{'0' * 16}.db").touch()

    late = Snapshots(tmp_path / "a.db", SnapshotFolder(folder, commit=a_successor_begins), QUICK)
    await late.restore()
    with pytest.raises(Fenced):
        await late.begin()
    late.abandon()


async def test_a_volume_that_can_not_be_read_at_the_start_is_told(
    tmp_path: Path, folder: Path
) -> None:
    def fail() -> None:
        raise OSError("volume busy")

    snapshots = Snapshots(tmp_path / "a.db", SnapshotFolder(folder, reload=fail))

    with pytest.raises(StoreUnavailable, match="volume busy"):
        await snapshots.restore()


async def test_a_disk_that_survived_goes_on_from_its_own_file(tmp_path: Path, folder: Path) -> None:
    live = tmp_path / "a.db"
    async with serving(live, folder) as (store, _):
        await say(store, "not in a snapshot")

    async with serving(live, folder) as (_, snapshots):
        assert snapshots.generation == 2

    assert await restored(tmp_path / "b.db", folder) == {"not in a snapshot"}


async def test_an_old_file_does_not_replace_newer_snapshots(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a.db", folder):
        pass
    async with serving(tmp_path / "b.db", folder):
        pass

    with pytest.raises(SettingsWrong, match="Move it away"):
        await Snapshots(tmp_path / "a.db", SnapshotFolder(folder)).restore()


async def test_a_failed_snapshot_is_told_and_made_up_for(tmp_path: Path, folder: Path) -> None:
    async with serving(tmp_path / "a.db", folder) as (store, snapshots):
        await say(store, "one")
        away = await asyncio.to_thread(folder.rename, tmp_path / "away")
        with pytest.raises(StoreUnavailable, match="No snapshot"):
            await snapshots.flush()
        await asyncio.to_thread(away.rename, folder)
        await snapshots.flush()

    assert await restored(tmp_path / "b.db", folder) == {"one"}


class Queue:
    """What was acknowledged and not returned from: Modal's queue hands it to the next worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[str] = []
        self._handed = 0
        self.kept: set[str] = set()
        """Events of which a worker said that a snapshot has them."""

    @property
    def acknowledged(self) -> set[str]:
        """Every event that ever came."""
        return {f"e{number}" for number in range(self._handed)}

    async def let_one_work(self, live: Path, *, lines: int, is_killed: bool) -> None:
        """Hand what waits and some more to a new worker; kill it after so many lines or fewer."""
        while len(self._waiting) < lines + 5:
            events = range(self._handed, self._handed + 3)
            self._waiting.append(" ".join(f"e{number}" for number in events))
            self._handed += 3
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.unit.storage.snapshot_writer", live, self._folder,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdin.write("".join(f"{line}\n" for line in self._waiting).encode())
        said: list[bytes] = []
        if is_killed:
            said = [await process.stdout.readline() for _ in range(random.randint(0, lines))]
            process.kill()
        process.stdin.close()
        rest, _ = await process.communicate()
        done = (b"".join(said) + rest).decode().splitlines()
        self.kept |= set(" ".join(done).split())
        self._waiting = [line for line in self._waiting if line not in done]


@pytest.mark.crash
async def test_killed_at_random_it_is_never_damaged_and_loses_nothing_that_was_kept(
    tmp_path: Path, folder: Path
) -> None:
    queue = Queue(folder)
    for kill in range(KILLS):
        await queue.let_one_work(tmp_path / f"{kill}" / "postern.db", lines=12, is_killed=True)
        found = await restored(tmp_path / f"{kill}" / "after.db", folder)
        assert queue.kept <= found <= queue.acknowledged

    await queue.let_one_work(tmp_path / "last" / "postern.db", lines=1, is_killed=False)

    assert await restored(tmp_path / "end.db", folder) == queue.acknowledged == queue.kept
