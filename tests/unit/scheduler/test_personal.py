"""What people make for themselves: understood, echoed, and out of others' reach."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.bootstrap.desks import desks
from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId, TurnId
from gateway.domain.links import LinkOffer
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender, person_id_of
from gateway.domain.turns import Turn, TurnRef
from gateway.errors import BadInput
from gateway.ports.personal import Wish
from gateway.settings import Settings
from scheduler.personal import MOST, PersonalDesk, parse_wish
from scheduler.reminders import ReminderDesk
from storage.memory.store import MemoryStore
from tests.fakes.virtual_time import EPOCH, LoopClock

ACCOUNTS = {name: Identity("slack", "T1", name) for name in ("ada", "bob")}
HERE = Conversation("slack", "T1", "D1")
ADA, BOB = (person_id_of(account) for account in ACCOUNTS.values())


class Desk:
    """A desk at which people wish for things."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        clock = LoopClock()
        self.own = PersonalDesk(desks(Settings(), self.store, clock).schedules, self.store, clock)

    async def add(
        self, text: str, *, name: str = "ada", key: str = "e1", repeats: bool = True
    ) -> str:
        """Wish; returns the short name."""
        place, sender = Conversation("slack", "T1", "D1"), Sender(ACCOUNTS[name], name)
        asking = InboundMessage(key, place, sender, "/schedule add", EPOCH)
        accepted = await self.store.turns.accept(asking, Route("postern"), EPOCH)
        wish = Wish(accepted.person, sender, place, "postern", text, key, EPOCH)
        self.said = await self.own.add(wish, repeats=repeats)
        return self.said.split("`")[1]


@pytest.mark.parametrize(
    ("text", "trigger", "said"),
    [
        ("tomorrow at 9 call Ada", "Once", "call Ada"),
        ("tomorrow at 9: call Ada at noon", "Once", "call Ada at noon"),
        ("in 20 minutes to look at the oven", "Once", "look at the oven"),
        ("every weekday 8:30 look for {papers}", "Cron", "look for {papers}"),
        ("every 2 hours stretch", "Every", "stretch"),
    ],
)
def test_when_and_what_are_told_apart(text: str, trigger: str, said: str) -> None:
    found, rest = parse_wish(text, EPOCH, "UTC")

    assert (type(found).__name__, rest) == (trigger, said)


@pytest.mark.parametrize("text", ["", "call Ada", "tomorrow at 9", "30 february call Ada"])
def test_what_is_not_clear_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="`"):
        parse_wish(text, EPOCH, "UTC")


async def test_the_next_three_fires_are_echoed_on_the_clock_of_the_person() -> None:
    desk = Desk()
    await desk.own.set_zone(ADA, "Europe/Vienna")

    await desk.add("every day at 9 look")

    assert "every day at 09:00 (Europe/Vienna)" in desk.said
    assert desk.said.count(" 09:00") == 4
    assert "/timezone" not in desk.said


async def test_the_same_wish_is_kept_once() -> None:
    desk = Desk()

    assert await desk.add("every day at 9 look") == await desk.add("every day at 9 look")
    assert len(await desk.store.schedules.page("", 10)) == 1


async def test_nobody_reaches_what_another_made() -> None:
    desk = Desk()
    name = await desk.add("every day at 9 my secret plan")

    assert "secret" not in await desk.own.list(BOB)
    for verb in ("pause", "resume", "remove", "run"):
        with pytest.raises(BadInput, match="no schedule"):
            await desk.own.change(BOB, verb, name, EPOCH)
    assert "secret" in await desk.own.list(ADA)


async def test_a_schedule_is_paused_resumed_run_and_removed_by_its_short_name() -> None:
    desk = Desk()
    name = await desk.add("every day at 9 look")

    await desk.own.change(ADA, "pause", name, EPOCH)
    assert "paused" in await desk.own.list(ADA)
    assert "Next:" in await desk.own.change(ADA, "resume", f"`{name}`", EPOCH)
    for _repeat in range(2):
        await desk.own.change(ADA, "run", name, EPOCH + timedelta(seconds=1))
    (schedule,) = await desk.store.schedules.page("", 10)
    assert len(await desk.store.schedules.past_slots(schedule.id, 10)) == 1
    await desk.own.change(ADA, "remove", name, EPOCH)
    assert "You have no schedule" in await desk.own.list(ADA)


async def test_what_a_schedule_came_to_is_shown() -> None:
    desk = Desk()
    await desk.own.set_zone(ADA, "Europe/Vienna")
    name = await desk.add("every day at 9 look")
    await desk.own.change(ADA, "run", name, EPOCH)

    shown = (await desk.own.change(ADA, "show", name, EPOCH)).splitlines()

    assert shown[0].startswith(f"`{name}` look: every day at 09:00 (Europe/Vienna). Next: ")
    assert shown[1:] == ["- Mon 2026-01-05 10:00 (Europe/Vienna): fired"]


async def test_what_comes_too_often_or_again_is_refused() -> None:
    desk = Desk()

    with pytest.raises(BadInput, match="too often"):
        await desk.add("every 5 minutes look")
    with pytest.raises(BadInput, match="comes once"):
        await desk.add("every day at 9 look", repeats=False)
    with pytest.raises(BadInput, match="IANA"):
        await desk.own.set_zone(ADA, "Mars/Base")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("30 february call Ada", "is not clear"),
        ("2027-02-30 18:00 call Ada", "is no moment that exists"),
        ("30 february 2027 at 9 call Ada", "February 2027 has no day 30"),
        ("every second call Ada", "is not clear"),
        ("every 30 seconds call Ada", "too often"),
        ("every day at 9", "Say what to do then too"),
        ("2020-01-01 18:00 call Ada", "is over"),
        (f"every day at 9 {'x' * 20_001}", "20,000 is most"),
    ],
)
async def test_what_can_not_be_meant_is_refused_in_words(text: str, sentence: str) -> None:
    desk = Desk()

    with pytest.raises(BadInput, match=sentence):
        await desk.add(text)
    assert await desk.store.schedules.page("", 10) == []


async def test_a_person_has_only_so_many() -> None:
    desk = Desk()
    for number in range(MOST):
        await desk.add("every day at 9 look", key=f"e{number}")

    with pytest.raises(BadInput, match="which is most"):
        await desk.add("every day at 9 look", key="more")
    await desk.add("every day at 9 look", name="bob", key="b1")


async def test_what_an_agent_set_for_a_person_is_listed_beside_and_can_be_dropped() -> None:
    desk = Desk()
    turn = Turn(
        ref=TurnRef(TurnId("turn-1"), LaneId(f"{ADA}/postern"), 1),
        person=ADA,
        role="postern",
        conversation=HERE,
        messages=(InboundMessage("m1", HERE, Sender(ACCOUNTS["ada"], "ada"), "remind me", EPOCH),),
        attempt=1,
        started_at=EPOCH,
    )
    for number in range(MOST):
        await desk.add("every day at 9 look", key=f"e{number}")

    await ReminderDesk(desk.store.schedules, LoopClock()).remind(turn, "in 1 hour", "Feed the cat.")

    last = (await desk.own.list(ADA)).splitlines()[-1]
    assert "Feed the cat.: once, " in last
    await desk.own.change(ADA, "remove", last.split("`")[1], EPOCH)
    assert "cat" not in await desk.own.list(ADA)


async def test_what_an_account_made_goes_where_the_account_goes() -> None:
    desk = Desk()
    await desk.add("every day at 9 the plan of Ada")
    await desk.add("every day at 9 the plan of Bob", name="bob", key="e2")
    place = Conversation("slack", "T1", "D1").id
    await desk.store.links.offer(LinkOffer(ACCOUNTS["ada"], place, "code", EPOCH))

    await desk.store.links.link("code", ACCOUNTS["bob"], EPOCH)
    await desk.add("every day at 9 the plan of both", name="bob", key="e3")
    together = await desk.own.list(ADA)
    await desk.store.links.unlink(ACCOUNTS["bob"], EPOCH)

    assert [f"plan of {who}" in together for who in ("Ada", "Bob", "both")] == [True] * 3
    assert together.count("plan of") == 3
    assert "plan of both" in await desk.own.list(BOB)
    assert "plan of Bob" in await desk.own.list(BOB)
    assert (await desk.own.list(ADA)).count("plan of") == 1
