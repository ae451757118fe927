"""Bad input: every worker that can not work says why, and loses nothing that was acknowledged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx
import pytest

from deploy.scale import WORKER_MAX
from deploy.secret import REQUIRED_KEYS
from deploy.stopped import StoppedWorker
from deploy.worker import Worker, opened_role
from gateway.domain.handed import SLACK, Handed
from gateway.errors import StoreUnavailable
from storage.sqlite.snapshots import SnapshotFolder
from tests.contracts.store.words import message
from tests.unit.deploy.working import QUICK, event, settings_in, stored, working

HANDED = Handed(SLACK, (("content-type", "application/json"),), event("1700000000.1"))


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume" / "snapshots"
    path.mkdir(parents=True)
    return path


def given(data_dir: Path, **more: str) -> dict[str, str]:
    """Return what the secret holds, beside what the image says."""
    return {
        **dict.fromkeys(REQUIRED_KEYS, "a-long-random-text"),
        "LETTA_BASE_URL": "http://127.0.0.1:9",
        "POSTERN_DATA_DIR": str(data_dir),
        **more,
    }


def damage(volume: Path) -> None:
    for snapshot in volume.iterdir():
        snapshot.write_bytes(snapshot.read_bytes()[:-4096] + b"\0" * 4096)


async def why(environ: dict[str, str], volume: Path) -> str:
    """Open a worker that can not work; return what `postern status` shows of it."""
    async with opened_role(environ, SnapshotFolder(volume), QUICK) as role:
        assert isinstance(role, StoppedWorker)
        transport = httpx.ASGITransport(app=role.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://w") as client:
            answer = await client.get("/ready")
        assert answer.status_code == 503
        assert (await role.status()) == answer.json()
        return str(answer.json()["store"]["state"])


@pytest.mark.parametrize("missing", REQUIRED_KEYS)
async def test_a_missing_key_is_named_with_the_command_that_adds_it(
    tmp_path: Path, volume: Path, missing: str
) -> None:
    sentence = await why({**given(tmp_path / "d"), missing: " "}, volume)

    assert f"has no {missing}" in sentence
    assert "modal secret create postern" in sentence
    assert "\n" not in sentence


async def test_many_workers_without_a_postgres_are_refused(tmp_path: Path, volume: Path) -> None:
    sentence = await why(given(tmp_path / "d", **{WORKER_MAX: "3"}), volume)

    assert "1 to 3 workers were deployed" in sentence


async def test_no_volume_is_said(tmp_path: Path) -> None:
    assert "Mount the Volume" in await why(given(tmp_path / "d"), tmp_path / "none" / "snapshots")


async def test_snapshots_of_which_none_is_sound_are_said(tmp_path: Path, volume: Path) -> None:
    async with working(tmp_path / "one", volume):
        pass
    damage(volume)

    sentence = await why(given(tmp_path / "two"), volume)

    assert "is sound" in sentence
    assert "does not begin empty where something was kept" in sentence


async def test_a_newer_database_is_said(tmp_path: Path, volume: Path) -> None:
    async with working(tmp_path / "one", volume):
        pass
    later = tmp_path / "two"
    later.mkdir(mode=0o700)
    (later / "postern.db").write_bytes((tmp_path / "one" / "postern.db").read_bytes())
    marker = "postern.db.generation"
    (later / marker).write_text((tmp_path / "one" / marker).read_text())
    connection = sqlite3.connect(later / "postern.db")
    connection.execute("PRAGMA user_version = 9999")
    connection.close()

    assert "newer Postern" in await why(given(later), volume)


async def test_what_was_acknowledged_meanwhile_is_taken_up_by_the_next_worker(
    tmp_path: Path, volume: Path
) -> None:
    environ = given(tmp_path / "one", LETTA_API_KEY="")
    async with opened_role(environ, SnapshotFolder(volume), QUICK) as role:
        assert isinstance(role, StoppedWorker)
        assert await role.handle(HANDED) == 202
        assert await role.handle(HANDED) == 202
        with pytest.raises(StoreUnavailable, match="LETTA_API_KEY"):
            await role.accept(message("heard"), 1)
        assert await role.sweep() == {
            "stopped": (await role.status())["store"]["state"],  # pyright: ignore[reportIndexIssue, reportUnknownVariableType] - JSON
            "has_work": False,
            "needs_listener": False,
        }

    spool = volume.with_name("spool")
    assert len(list(spool.iterdir())) == 2
    async with working(tmp_path / "two", volume) as worker:
        await worker.spool_is_empty.wait()

        assert list(spool.iterdir()) == []
        assert stored(tmp_path / "two" / "postern.db") == {"1700000000.1"}


async def test_an_unreadable_file_is_set_aside_and_stops_no_worker(
    tmp_path: Path, volume: Path
) -> None:
    spool = volume.with_name("spool")
    spool.mkdir()
    (spool / "00000000000000000001-abcd.json").write_text('{"path": "/slack/ev')

    async with working(tmp_path / "two", volume) as worker:
        await worker.spool_is_empty.wait()

        (left,) = spool.iterdir()
        assert left.name == "00000000000000000001-abcd.unreadable"


async def test_a_worker_that_can_work_does(tmp_path: Path, volume: Path) -> None:
    async with opened_role(given(tmp_path / "d"), SnapshotFolder(volume), QUICK) as role:
        assert isinstance(role, Worker)
    assert settings_in(tmp_path / "d").sqlite_path == tmp_path / "d" / "postern.db"
