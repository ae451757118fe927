"""How much a person may say in a minute: who is turned away, when, and who is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.bootstrap.hub import make_inbox
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.links import LinkOffer
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Sender
from gateway.rights.allowance import Allowance
from gateway.settings import Settings
from gateway.telemetry import Metrics
from storage.memory import MemoryStore
from tests.contracts.store.words import ROUTE, at, identity, message, place
from tests.fakes.crashing import Asked, around
from tests.fakes.virtual_time import LoopClock


class Door:
    """A process that hears people, who may say `limit` messages a minute."""

    def __init__(self, limit: int, store: MemoryStore | None = None) -> None:
        self.asked = Asked()
        self.store = store or MemoryStore()
        self._limit = limit
        self.restart()

    def restart(self) -> None:
        """Forget what was in memory."""
        usage = around(self.store.usage, "usage", self.asked)
        self._allowance = Allowance(usage, self._limit)

    async def hears(
        self, event: str, when: float = 0, *, user: str = "ada", kind: MessageKind | None = None
    ) -> bool:
        """Whether the message passes, which is sent at this moment; store it or its refusal."""
        said = replace(message(event, user=user), sent_at=at(when))
        return await self.takes(replace(said, kind=kind or said.kind, target="e0"), when)

    async def takes(self, said: InboundMessage, when: float) -> bool:
        """Whether it passes at this moment."""
        refusal = await self._allowance.refusal(said, at(when))
        if refusal is not None:
            return not (await self.store.turns.refuse(refusal, at(when))).is_new
        accepted = await self.store.turns.accept(said, ROUTE, at(when))
        self._allowance.learn(said, accepted)
        return True

    async def lets_pass(self, event: str, user: str = "ada") -> bool:
        """Whether a message may be stored, which is not stored yet."""
        return await self._allowance.refusal(message(event, user=user), at(0)) is None

    async def reply(self, event: str, when: float, *, user: str = "ada") -> NewDelivery | None:
        """Return what is said to somebody who is turned away."""
        said = replace(message(event, user=user), sent_at=at(when))
        refusal = await self._allowance.refusal(said, at(when))
        assert refusal is not None
        return refusal.reply

    async def fills(self, count: int, when: float = 0, *, user: str = "ada") -> None:
        """Hear so many messages, of which each passes."""
        for number in range(count):
            assert await self.hears(f"{user} {when} {number}", when, user=user)

    async def links(self, first: str, second: str) -> None:
        """Make two accounts one person."""
        await self.store.links.offer(LinkOffer(identity(first), place().id, "code", at(0)))
        await self.store.links.link("code", identity(second), at(0))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 60])
async def test_as_many_pass_as_may_and_no_more(limit: int) -> None:
    door = Door(limit)

    await door.fills(limit)

    assert not await door.hears("one more", 59)


async def test_when_a_minute_has_gone_by_the_next_one_passes() -> None:
    door = Door(3)
    await door.fills(2, 0)
    await door.fills(1, 30)
    assert not await door.hears("too early", 59)

    assert await door.hears("in time", 60)
    assert await door.hears("in time too", 61)
    assert not await door.hears("the one of second 30 counts still", 62)


async def test_what_was_refused_does_not_prolong_the_wait() -> None:
    door = Door(3)
    await door.fills(3)
    for number in range(8):
        assert not await door.hears(f"refused {number}", 50)

    assert await door.hears("in time", 60)


async def test_who_floods_on_stays_refused_over_a_restart() -> None:
    door = Door(3)
    await door.fills(3)
    for number in range(20):
        assert not await door.hears(f"refused {number}", 30)

    door.restart()

    assert not await door.hears("and again", 31)


async def test_the_store_counts_over_a_restart_but_for_a_quarter() -> None:
    door = Door(60)
    await door.fills(59)

    door.restart()

    heard = [await door.hears(f"e{number}", 1) for number in range(30)]
    assert heard == [True] * 15 + [False] * 15


async def test_the_last_one_that_passes_does_so_however_often_it_comes_before_it_is_stored() -> (
    None
):
    door = Door(1)

    assert [await door.lets_pass("e1") for _ in range(3)] == [True] * 3
    assert not await door.lets_pass("e2")


async def test_an_event_that_comes_again_and_again_counts_once() -> None:
    door = Door(40)
    for _ in range(50):
        assert await door.hears("again")

    assert [await door.lets_pass(f"e{number}") for number in range(9)] == [True] * 9
    assert door.asked.names == []


async def test_somebody_else_is_not_concerned() -> None:
    door = Door(3)
    await door.fills(3)
    assert not await door.hears("one more")

    await door.fills(3, user="bob")


async def test_accounts_of_one_person_share_the_limit() -> None:
    door = Door(8)
    assert await door.hears("hello", -61)
    assert await door.hears("hello too", -61, user="bob")
    await door.links("ada", "bob")

    assert await door.hears("we are one", 0, user="bob")
    await door.fills(4)
    await door.fills(3, 1, user="bob")

    assert not await door.hears("one more", 2)
    assert not await door.hears("and one", 2, user="bob")


async def test_an_account_that_is_new_here_adds_at_most_one_to_a_full_minute() -> None:
    door = Door(60)
    assert await door.hears("hello", -61)
    assert await door.hears("hello too", -61, user="bob")
    await door.links("ada", "bob")
    door.restart()
    await door.fills(60)

    heard = [await door.hears(f"e{number}", 1, user="bob") for number in range(20)]

    assert heard == [True] + [False] * 19


async def test_what_is_being_stored_counts() -> None:
    door = Door(10)

    passed = [await door.lets_pass(f"e{number}") for number in range(30)]

    assert passed == [True] * 10 + [False] * 20


async def test_the_same_event_again_counts_once_and_is_a_repeat() -> None:
    door = Door(4)
    for _ in range(10):
        assert await door.hears("e1")

    await door.fills(3)
    assert not await door.hears("one more")

    assert await door.hears("e1")
    door.restart()
    assert await door.hears("e1")
    refused = [e for e in await door.store.history.audit(0, 100) if "refused" in e.kind]
    assert [entry.ref for entry in refused] == ["fake:local:one more"]


async def test_events_of_before_that_come_again_count_nothing() -> None:
    door = Door(8)
    await door.fills(4)
    door.restart()
    for _ in range(3):
        await door.fills(4)

    await door.fills(4, 1)
    assert not await door.hears("one more", 2)


async def test_what_comes_late_passes_and_does_not_count() -> None:
    door = Door(3)
    missed = [replace(message(f"missed {number}"), sent_at=at(-60)) for number in range(20)]

    assert all([await door.takes(each, 0) for each in missed])

    await door.fills(3)
    assert not await door.hears("one more")
    assert await door.takes(replace(message("missed too"), sent_at=at(-60)), 0)


@pytest.mark.parametrize(
    "kind", [MessageKind.COMMAND, MessageKind.DELETE, MessageKind.WAKEUP, MessageKind.DECISION]
)
async def test_what_is_not_for_an_agent_to_hear_is_never_limited(kind: MessageKind) -> None:
    door = Door(3)
    await door.fills(3)

    assert await door.hears("not said", kind=kind)


@pytest.mark.parametrize("kind", [MessageKind.EDIT, MessageKind.REACTION])
async def test_edits_and_reactions_are_refused_without_a_word(kind: MessageKind) -> None:
    door = Door(3)
    await door.fills(3)

    assert not await door.hears("changed", kind=kind)

    assert not (await door.store.history.counts()).deliveries_open


async def test_the_person_is_told_once_a_minute_what_to_do() -> None:
    door = Door(3)
    await door.fills(3)

    first, second = await door.reply("e1", 1), await door.reply("e2", 59)
    await door.fills(3, 60)
    third = await door.reply("e3", 61)

    assert first is not None
    assert second is not None
    assert third is not None
    assert first.text == (
        "You wrote more than 3 messages in a minute; I did not hear this one. "
        "Please wait a moment and send it again."
    )
    assert first.id == second.id != third.id


async def test_the_store_is_seldom_asked() -> None:
    door = Door(60)

    await door.fills(60)
    for number in range(100):
        assert not await door.hears(f"refused {number}")

    assert len(door.asked.names) <= 16


async def test_of_who_writes_no_more_than_people_do_the_store_is_not_asked() -> None:
    door = Door(60)

    for number in range(300):
        assert await door.hears(f"e{number}", number * 4.1)

    assert door.asked.names == []


async def test_another_process_passes_the_limit_by_a_quarter_at_most() -> None:
    here = Door(60)
    there = Door(60, here.store)
    await there.fills(1)
    await here.fills(59)

    heard = [await there.hears(f"there {number}", 1) for number in range(60)]

    assert heard.count(True) <= 15


async def test_who_was_crowded_out_of_memory_is_looked_up_again() -> None:
    door = Door(3)
    await door.fills(3)
    for number in range(20_000):
        assert await door.lets_pass("hello", f"user {number}")

    assert not await door.hears("one more", 1)


async def test_the_setting_turns_it_off() -> None:
    settings = Settings.model_validate({"access": {"messages_per_minute": 0}})
    store = MemoryStore()
    inbox = make_inbox(settings, store, LoopClock(), Metrics())

    for number in range(100):
        await inbox.receive(on_the_web(f"e{number}"))

    assert (await store.history.counts()).messages_waiting == 100


async def test_by_default_sixty_a_minute_are_heard() -> None:
    store = MemoryStore()
    inbox = make_inbox(Settings(), store, LoopClock(), Metrics())

    for number in range(100):
        await inbox.receive(on_the_web(f"e{number}"))

    assert (await store.history.counts()).messages_waiting == 60


def on_the_web(event: str) -> InboundMessage:
    there = Conversation("web", "local", "ada")
    sender = Sender(Identity("web", "local", "ada"), "Ada")
    return InboundMessage(event, there, sender, "hello", LoopClock().now())
