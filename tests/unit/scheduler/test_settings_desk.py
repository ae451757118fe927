"""Schedules follow the settings, and what people did to them stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.bootstrap.desks import desks, take_wakeups
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import ZONE_NOTE, Identity, Route, Sender, person_id_of
from gateway.domain.schedules import Schedule
from gateway.settings import Settings
from storage.memory.store import MemoryStore
from tests.fakes.virtual_time import LoopClock

PAPERS: dict[str, object] = {
    "name": "papers",
    "to": "slack:T1:C2",
    "prompt": "Look.",
    "at": "every weekday 8:30",
    "timezone": "Europe/Vienna",
    "active": "08:00-20:00",
    "owner": "slack:T1:U7",
}


class Start:
    """A gateway that starts again and again over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = LoopClock()

    async def with_wakeups(self, *wakeups: dict[str, object], access: Sequence[str] = ()) -> None:
        agent = {"name": "clerk", "wakeups": list(wakeups), "access": list(access)}
        settings = Settings.model_validate({"agents": [agent]})
        await take_wakeups(settings, self.store, self.clock)

    async def schedule(self, name: str = "papers") -> Schedule:
        found = await self.store.schedules.get(name)
        assert found is not None
        return found


async def test_a_wakeup_of_the_settings_becomes_a_schedule() -> None:
    start = Start()

    await start.with_wakeups(PAPERS)

    made = await start.schedule()
    assert (made.zone, made.rules.active_from) == ("Europe/Vienna", "08:00")
    assert made.wakeup is not None
    assert (made.wakeup.role, made.wakeup.prompt) == ("clerk", "Look.")


async def test_times_and_hours_can_be_on_the_clock_of_the_owner() -> None:
    start = Start()
    owner = person_id_of(Identity("slack", "T1", "U7"))
    await start.store.notes.put(owner, ZONE_NOTE, "Asia/Tokyo")

    await start.with_wakeups({**PAPERS, "timezone": "person"}, {**PAPERS, "name": "other"})

    assert (await start.schedule()).zone == "Asia/Tokyo"
    assert (await start.schedule("other")).zone == "Europe/Vienna"


async def test_the_clock_of_nobody_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    start = Start()

    await start.with_wakeups({**PAPERS, "timezone": "person", "owner": None})

    assert "say who that is" in caplog.records[0].__dict__["error"]


async def test_what_has_not_changed_is_left_alone() -> None:
    start = Start()
    await start.with_wakeups(PAPERS)
    await start.store.schedules.put(replace(await start.schedule(), is_paused=True))

    await start.with_wakeups(PAPERS)
    assert (await start.schedule()).is_paused
    await start.with_wakeups({**PAPERS, "prompt": "Look twice."})

    assert not (await start.schedule()).is_paused


async def test_what_is_taken_out_is_paused_and_comes_back() -> None:
    start = Start()
    await start.with_wakeups(PAPERS)

    await start.with_wakeups()
    assert (await start.schedule()).is_paused
    await start.store.schedules.remove("papers")
    await start.with_wakeups(PAPERS)

    assert not (await start.schedule()).is_paused


async def test_one_that_is_refused_does_not_stop_the_others() -> None:
    start = Start()
    february = {**PAPERS, "name": "never", "at": None, "cron": "0 0 30 2 *"}

    await start.with_wakeups(february, {**PAPERS, "name": "nowhere", "timezone": "Mars"}, PAPERS)

    assert [each.id for each in await start.store.schedules.page("", 10)] == ["papers"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"at": None, "cron": "0 0 30 2 *"}, "its day-of-month does not fit"),
        ({"at": None, "cron": "* * * * * *"}, "has 6 fields; a cron line has five"),
        ({"at": None, "every": "1s"}, 'The nearest that is taken is "1m"'),
        ({"timezone": "Europe/Wien"}, 'Did you mean "Europe/Vienna"?'),
        ({"owner": "slack:T1:EVE"}, '"slack:T1:EVE" may not use the agent "clerk"'),
    ],
)
async def test_what_the_settings_have_wrong_is_in_the_log_with_the_reason(
    change: dict[str, object], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    start = Start()

    await start.with_wakeups({**PAPERS, **change}, access=["slack:T1:U7"])

    (record,) = [each for each in caplog.records if each.msg == "wakeup_refused"]
    assert sentence in record.__dict__["error"]
    assert await start.store.schedules.page("", 10) == []


async def test_nobodys_agent_posts_to_somebody_else_alone(caplog: pytest.LogCaptureFixture) -> None:
    start = Start()
    bob, place = Identity("slack", "T1", "BOB"), Conversation("slack", "T1", "D2")
    said = InboundMessage("e1", place, Sender(bob, "Bob"), "hello", start.clock.now())
    await start.store.turns.accept(said, Route("clerk"), start.clock.now())

    await start.with_wakeups({**PAPERS, "to": place.id})
    assert '"slack:T1:U7" may not post there' in caplog.records[0].__dict__["error"]
    await start.with_wakeups({**PAPERS, "to": place.id, "owner": bob.key})

    assert [each.id for each in await start.store.schedules.page("", 10)] == ["papers"]


async def test_a_schedule_that_somebody_made_is_not_taken_over() -> None:
    start = Start()
    desk = desks(Settings(), start.store, start.clock).schedules
    await start.with_wakeups({**PAPERS, "name": "other"})
    mine = replace(await start.schedule("other"), id="papers")
    await desk.put(mine)

    await start.with_wakeups({**PAPERS, "name": "other"}, {**PAPERS, "prompt": "Mine now."})

    wakeup = (await start.schedule()).wakeup
    assert wakeup is not None
    assert wakeup.prompt == "Look."


async def test_new_zone_data_moves_what_is_to_come() -> None:
    start = Start()
    await start.with_wakeups(PAPERS)
    right = await start.schedule()
    assert right.next_slot is not None
    stale = right.next_slot + timedelta(hours=1)
    await start.store.schedules.put(replace(right, slot_at=stale, next_at=stale))
    await start.store.notes.put("settings", "zone_data", "# version 1999a")

    await start.with_wakeups(PAPERS)

    assert (await start.schedule()).next_slot == right.next_slot
