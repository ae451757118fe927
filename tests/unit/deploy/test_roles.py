"""The parts of a deployment as local processes run them: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.console.adapter import ConsoleAdapter
from deploy.handed import SLACK, Handed, slack_signature
from deploy.ingress import Keys, make_ingress
from deploy.leases import Lease, decide_lease, is_vacant
from deploy.roles import LEASE, Worker, listen, opened_worker
from deploy.secret import REQUIRED_KEYS, deployed_settings, worker_environ
from gateway.domain.messages import InboundMessage
from gateway.errors import Fenced, SettingsWrong
from gateway.ports import Accept
from gateway.settings import Settings, load_settings
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions
from tests.contracts.store.words import message

SECRET = "shhh"
QUICK = SnapshotOptions(every_seconds=0.02)
GIVEN = dict.fromkeys(REQUIRED_KEYS, "a-long-random-text")


def settings_in(data_dir: Path) -> Settings:
    """Return settings whose Slack is a port where nobody listens."""
    return load_settings(
        {
            "POSTERN_DATA_DIR": str(data_dir),
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": SECRET,
            "POSTERN_SLACK__API_URL": "http://127.0.0.1:9/api",
            "POSTERN_ACCESS__SLACK": "open",
        }
    )


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.mkdir()
    return path


@asynccontextmanager
async def working(data_dir: Path, volume: Path) -> AsyncGenerator[Worker]:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with (
        opened_worker(settings_in(data_dir), SnapshotFolder(volume), QUICK) as worker,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(worker.serve(stop, ready.set))
        await asyncio.wait_for(ready.wait(), 20)
        try:
            yield worker
        finally:
            stop.set()


def event(name: str) -> bytes:
    said = {
        "type": "message", "channel": "D1", "channel_type": "im", "user": "U1",
        "text": name, "ts": name,
    }  # fmt: skip
    outer = {"type": "event_callback", "team_id": "T1", "event_id": name, "event": said}
    return json.dumps(outer).encode()


def stored(database: Path) -> set[str]:
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT key FROM inbox").fetchall()
    connection.close()
    return {key.rpartition(":")[2] for (key,) in rows}


def newest_snapshot(volume: Path) -> Path:
    return max(volume.iterdir())


async def test_an_acknowledged_event_is_there_when_the_disk_is_gone(
    tmp_path: Path, volume: Path
) -> None:
    async with working(tmp_path / "one", volume) as worker:

        async def hand_over(handed: Handed) -> None:
            assert await worker.handle(handed) == 200

        body, stamp = event("1700000000.1"), str(int(datetime.now(UTC).timestamp()))
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": slack_signature(SECRET, stamp, body),
            "Content-Type": "application/json",
        }
        app = make_ingress(Keys(SECRET), hand_over, lambda: datetime.now(UTC))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingress") as client:
            answers = [await client.post(SLACK, content=body, headers=headers) for _ in range(3)]
        on_the_volume = stored(newest_snapshot(volume))

    assert [each.status_code for each in answers] == [200] * 3
    assert on_the_volume == {"1700000000.1"}
    async with working(tmp_path / "another", volume):
        assert stored(tmp_path / "another" / "postern.db") == {"1700000000.1"}


async def test_a_request_that_waited_for_hours_is_still_taken(tmp_path: Path, volume: Path) -> None:
    old = Handed(
        SLACK,
        (("x-slack-request-timestamp", "1"), ("content-type", "application/json")),
        event("1700000000.2"),
    )
    async with working(tmp_path / "one", volume) as worker:
        assert await worker.handle(old) == 200

        assert stored(tmp_path / "one" / "postern.db") == {"1700000000.2"}


async def test_the_worker_serves_the_web_page_and_tells_how_it_is(
    tmp_path: Path, volume: Path
) -> None:
    async with working(tmp_path / "one", volume) as worker:
        transport = httpx.ASGITransport(app=worker.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            ready = await client.get("/ready")
            page = await client.get("/")

        assert (ready.status_code, page.status_code) == (200, 200)
        told = await worker.status()
        assert (told["ready"], told["generation"]) == (True, 1)


async def test_a_worker_that_was_replaced_stops(tmp_path: Path, volume: Path) -> None:
    async def replace_it() -> None:
        async with (
            working(tmp_path / "one", volume) as first,
            opened_worker(settings_in(tmp_path / "two"), SnapshotFolder(volume), QUICK),
        ):
            await first.accept(message("late"), 0)

    with pytest.raises(ExceptionGroup) as raised:
        await replace_it()

    assert raised.group_contains(Fenced)


async def test_what_a_replaced_listener_heard_is_not_taken_twice(
    tmp_path: Path, volume: Path
) -> None:
    async with working(tmp_path / "one", volume) as worker:
        fence = await worker.renew_lease("a")
        assert fence is not None
        assert await worker.renew_lease("b") is None
        assert await worker.renew_lease("a") == fence

        await worker.accept(message("heard"), fence)
        with pytest.raises(Fenced):
            await worker.accept(message("late"), fence - 1)

        assert stored(tmp_path / "one" / "postern.db") == {"heard"}


async def test_without_a_volume_the_worker_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="Mount the Volume"):
        async with opened_worker(settings_in(tmp_path), SnapshotFolder(tmp_path / "none"), QUICK):
            pass


async def test_postgres_is_said_to_be_missing(tmp_path: Path) -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://h/d"})

    with pytest.raises(SettingsWrong, match="not wired into deployments yet"):
        async with opened_worker(settings, SnapshotFolder(tmp_path), QUICK):
            pass


@pytest.mark.parametrize("missing", REQUIRED_KEYS)
def test_a_missing_key_is_named_with_the_command_that_adds_it(missing: str) -> None:
    with pytest.raises(SettingsWrong) as raised:
        deployed_settings({**GIVEN, missing: " "})

    assert f"has no {missing}" in str(raised.value)
    assert "modal secret create postern" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_deployment_is_reached_by_others_and_pairs_strangers() -> None:
    settings = deployed_settings({**GIVEN, "MODAL_TASK_ID": "ta-1"})

    assert not settings.http.is_local
    assert settings.access.web.value == "pairing"


def test_the_listener_holds_discords_connection_and_the_worker_does_not() -> None:
    given = {**GIVEN, "DISCORD_TOKEN": "t"}

    assert deployed_settings(given).discord.connects
    assert not deployed_settings(worker_environ(given)).discord.connects


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_one_holder_at_a_time_and_each_new_one_has_a_greater_fence() -> None:
    first = decide_lease(None, "a", NOON, LEASE, first_fence=7)
    assert first == Lease("a", 7, NOON + LEASE)

    assert decide_lease(first, "b", NOON + LEASE - timedelta(seconds=1), LEASE) is None
    assert decide_lease(first, "a", NOON + LEASE * 2, LEASE) == Lease("a", 7, NOON + LEASE * 3)
    assert decide_lease(first, "b", NOON + LEASE, LEASE) == Lease("b", 8, NOON + LEASE * 2)
    assert is_vacant(None, NOON)
    assert is_vacant(first, NOON + LEASE)
    assert not is_vacant(first, NOON)


class Place:
    """A lease as the worker gives it, taken away when a test says so."""

    def __init__(self, fences: list[int | None]) -> None:
        self._fences = fences
        self.asked = 0

    async def renew(self) -> int | None:
        self.asked += 1
        return self._fences[min(self.asked, len(self._fences)) - 1]


class Ear:
    """A platform that says one thing, and then is silent until it is let go."""

    def __init__(self) -> None:
        self.is_open = False

    async def run(self, accept: Accept) -> None:
        self.is_open = True
        try:
            await accept(message("heard"))
            await asyncio.Event().wait()
        finally:
            self.is_open = False


async def heard_by(place: Place, seconds: float) -> tuple[list[tuple[int, str]], Ear]:
    """Listen; return what was forwarded, with the fence."""
    forwarded: list[tuple[int, str]] = []
    ear = Ear()

    def make(fence: int) -> tuple[ConsoleAdapter, Accept]:
        async def accept(heard: InboundMessage) -> None:
            forwarded.append((fence, heard.event_id))

        return ear, accept  # pyright: ignore[reportReturnType] - only its `run` is used

    await asyncio.wait_for(listen(make, place.renew, seconds, renewed_every=0.01), 10)
    return forwarded, ear


async def test_a_listener_without_the_place_hears_nothing() -> None:
    forwarded, ear = await heard_by(Place([None]), 5)

    assert (forwarded, ear.is_open) == ([], False)


async def test_a_listener_forwards_with_its_fence_until_its_time_is_up() -> None:
    forwarded, ear = await heard_by(Place([3]), 0.1)

    assert (forwarded, ear.is_open) == ([(3, "heard")], False)


@pytest.mark.parametrize("then", [None, 4])
async def test_a_listener_that_lost_its_place_lets_go(then: int | None) -> None:
    forwarded, ear = await heard_by(Place([3, 3, then]), 60)

    assert (forwarded, ear.is_open) == ([(3, "heard")], False)
