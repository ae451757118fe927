"""The worker: what it acknowledged is kept, and one that is replaced lets go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from deploy.ingress import Keys, make_ingress, slack_signature
from deploy.worker import FleetingLeases, opened_worker
from gateway.bootstrap import LISTENER, desks, opened_store, served_letta
from gateway.clock import SystemClock
from gateway.domain.handed import SLACK, Handed
from gateway.domain.ids import WorkerId
from gateway.domain.schedules import NewSchedule, Timing
from gateway.errors import Fenced, SettingsWrong
from gateway.ports import Store
from storage.sqlite.snapshots import SnapshotFolder
from tests.contracts.store.words import message
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema
from tests.unit.deploy.working import QUICK, SECRET, event, settings_in, stored, working

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LENGTH = timedelta(seconds=45)
ADA, BOB = WorkerId("ada"), WorkerId("bob")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume" / "snapshots"
    path.mkdir(parents=True)
    return path


def snapshots_in(volume: Path) -> int:
    return len(list(volume.iterdir()))


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
    headers = (("x-slack-request-timestamp", "1"), ("content-type", "application/json"))
    async with working(tmp_path / "one", volume) as worker:
        assert await worker.handle(Handed(SLACK, headers, event("1700000000.2"))) == 200

        assert stored(tmp_path / "one" / "postern.db") == {"1700000000.2"}


async def test_a_request_never_fails_and_waits_until_the_volume_takes_it(
    tmp_path: Path, volume: Path
) -> None:
    refusals: list[str] = []
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()

    def commit() -> None:
        if refusals:
            loop.call_soon_threadsafe(refused.set)
            raise OSError(refusals.pop())

    async with working(tmp_path / "one", SnapshotFolder(volume, commit)) as worker:
        refusals.append("the Volume is away")
        headers = (("content-type", "application/json"),)
        handling = asyncio.ensure_future(
            worker.handle(Handed(SLACK, headers, event("1700000000.3")))
        )
        await asyncio.wait_for(refused.wait(), PATIENCE_SECONDS)

        assert await asyncio.wait_for(handling, PATIENCE_SECONDS) == 200
        assert stored(newest_snapshot(volume)) == {"1700000000.3"}


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
        assert (told["ready"], told["mode"]) == (True, "sqlite, generation 1")


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


async def test_what_a_replaced_listener_heard_is_not_taken(tmp_path: Path, volume: Path) -> None:
    async with working(tmp_path / "one", volume) as worker:
        lease = await worker.take(LISTENER, ADA, NOON, LENGTH)
        assert lease is not None

        await worker.accept(message("heard"), lease.fence)
        with pytest.raises(Fenced):
            await worker.accept(message("late"), lease.fence - 1)

        assert stored(tmp_path / "one" / "postern.db") == {"heard"}


async def test_without_a_volume_the_worker_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="Mount the Volume"):
        async with opened_worker(settings_in(tmp_path), SnapshotFolder(tmp_path / "none"), QUICK):
            pass


async def test_on_postgres_two_workers_share_the_work_and_publish_nothing(
    tmp_path: Path, volume: Path
) -> None:
    async with postgres_schema() as url:
        given = {"DATABASE_URL": url}
        async with (
            working(tmp_path / "one", volume, **given) as one,
            working(tmp_path / "two", volume, **given) as two,
        ):
            await one.accept(message("heard"), 0)
            await two.accept(message("heard"), 0)
            told = await two.status()

    assert told["mode"] == "postgres"
    assert snapshots_in(volume) == 0


async def test_a_worker_stays_while_there_is_something_to_do(tmp_path: Path, volume: Path) -> None:
    async with working(tmp_path / "one", volume) as worker:
        staying = asyncio.ensure_future(worker.stay(lingers_seconds=0.0))
        await asyncio.wait_for(staying, PATIENCE_SECONDS)


async def test_a_worker_fires_what_is_due_and_says_that_nobody_listens(
    tmp_path: Path, volume: Path
) -> None:
    given = {"DISCORD_TOKEN": "t", "POSTERN_DISCORD__GATEWAY": "false"}
    given["POSTERN_DISCORD__API_URL"] = "http://127.0.0.1:9/api"
    async with working(tmp_path / "one", volume, **given) as worker:
        vacant = await worker.sweep()
        assert await worker.take(LISTENER, ADA, NOON, LENGTH) is not None
        taken = await worker.sweep()

    assert (vacant["needs_listener"], vacant["fired"]) == (True, 0)
    assert not taken["needs_listener"]


async def test_places_of_a_later_life_have_greater_fences() -> None:
    first, second = FleetingLeases(1), FleetingLeases(2)

    ada = await first.take("p", ADA, NOON, LENGTH)
    again = await first.take("p", ADA, NOON, LENGTH)
    refused = await first.take("p", BOB, NOON, LENGTH)
    later = await second.take("p", ADA, NOON, LENGTH)

    assert ada is not None
    assert later is not None
    assert (again, refused) == (ada, None)
    assert later.fence > ada.fence
    await first.let_go("p", ada, NOON)
    bob = await first.take("p", BOB, NOON, LENGTH)
    assert bob is not None
    assert bob.fence == ada.fence + 1


async def test_an_agent_is_woken_by_its_own_schedules_alone(tmp_path: Path, volume: Path) -> None:
    beside = settings_in(tmp_path / "one")
    wish = NewSchedule("news", Timing(cron="0 9 * * *"), "slack:T1:D1", "What is new?")
    async with working(tmp_path / "one", volume) as worker, opened_store(beside) as store:
        await desks(beside, store, SystemClock()).schedules.add(wish)

        assert await worker.wake("nobody") == []
        assert await worker.wake("postern") == ["news"]

        (line,) = await worker.activity("postern", 10)
        assert (line["schedule"], line["conversation"]) == ("news", "slack:T1:D1")
        assert await worker.activity("nobody", 10) == []
        history = await store.history.audit(0, 50)
    assert [entry.kind.value for entry in history].count("schedule.fired") == 1


async def test_with_all_snapshots_gone_a_person_keeps_their_agent(tmp_path: Path) -> None:
    async def agent_of_ada(life: str, url: str) -> str:
        volume = tmp_path / life / "snapshots"
        volume.mkdir(parents=True)
        async with working(tmp_path / f"{life}-disk", volume, LETTA_BASE_URL=url) as worker:
            await worker.handle(
                Handed(SLACK, (("content-type", "application/json"),), event("1700000000.1"))
            )
            async with opened_store(settings_in(tmp_path / f"{life}-disk")) as store:
                return await bound_agent(store)

    elsewhere = settings_in(tmp_path / "letta")
    async with served_letta(elsewhere, "127.0.0.1", 0, tmp_path / "letta.db") as url:
        first = await agent_of_ada("first", url)
        second = await agent_of_ada("second", url)

    assert first == second


async def bound_agent(store: Store) -> str:
    """Wait until the only person has an agent."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            agents = [each.agent_id for each in await store.people.bindings() if each.agent_id]
            if agents:
                return agents[0]
            await asyncio.sleep(0.02)
