"""How much somebody wrote of late: what an agent was to hear, with all their accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.links import LinkOffer
from gateway.domain.messages import InboundMessage, MessageKind, Refusal
from gateway.domain.people import person_id_of
from gateway.domain.usage import Written
from gateway.ports import Store
from tests.contracts.store.words import NOW, ROUTE, at, claim_turn, identity, message, wakeup

ADA = person_id_of(identity())
MANY = 1_000


def sent(event: str, when: float = 0, *, user: str = "ada") -> InboundMessage:
    return replace(message(event, user=user), sent_at=at(when))


async def say(store: Store, *messages: InboundMessage) -> None:
    for each in messages:
        await store.turns.accept(each, ROUTE, at(60))


async def count(store: Store, *, user: str = "ada", limit: int = MANY) -> int:
    return (await store.usage.written(identity(user), NOW, limit)).count


async def test_a_stranger_wrote_nothing_and_is_who_they_will_be(store: Store) -> None:
    assert await store.usage.written(identity(), NOW, MANY) == Written(ADA, 0)


async def test_what_was_sent_after_the_moment_counts_once_for_its_person(store: Store) -> None:
    await say(store, sent("e1", 0), sent("e2", 1), sent("e3", 2), sent("e3", 2))
    await say(store, sent("e4", 1, user="bob"))

    assert await store.usage.written(identity(), NOW, MANY) == Written(ADA, 2)


async def test_it_counts_while_it_waits_and_when_it_is_answered(store: Store) -> None:
    await say(store, sent("e1", 1))
    await claim_turn(store, 60)
    await say(store, sent("e2", 2))

    assert await count(store) == 2


@pytest.mark.parametrize("kind", [MessageKind.EDIT, MessageKind.REACTION])
async def test_late_edits_and_reactions_count(store: Store, kind: MessageKind) -> None:
    await say(store, replace(sent("e1", 1), kind=kind, target="e0"))

    assert await count(store) == 1


async def test_what_no_agent_was_to_hear_does_not_count(store: Store) -> None:
    await say(store, sent("e1", 1), replace(sent("e2", 1), kind=MessageKind.COMMAND))
    await say(store, replace(wakeup("e3"), sent_at=at(1)))
    await store.turns.refuse(Refusal(sent("e4", 1), reason="paused"), at(60))
    edit = replace(sent("e5", 1), kind=MessageKind.EDIT, target="e1")

    assert await store.turns.revise(edit, at(60))
    assert await count(store) == 1


async def test_what_was_taken_back_counts_as_it_was_written(store: Store) -> None:
    await say(store, sent("e1", 1))
    deletion = replace(sent("e2", 2), kind=MessageKind.DELETE, target="e1")

    assert await store.turns.withdraw(deletion, at(60))
    assert await count(store) == 1


async def test_all_accounts_of_a_person_count_together(store: Store) -> None:
    await say(store, sent("e1", 0), sent("e2", 0, user="bob"))
    await store.links.offer(LinkOffer(identity(), message("e1").conversation.id, "code", at(0)))
    await store.links.link("code", identity("bob"), at(1))
    await say(store, sent("e3", 2), sent("e4", 2, user="bob"))

    assert await store.usage.written(identity("bob"), NOW, MANY) == Written(ADA, 2)


async def test_only_the_newest_are_looked_at(store: Store) -> None:
    await say(store, *(sent(f"e{number}", 1) for number in range(4)))
    await say(store, *(sent(f"late {number}", -1) for number in range(3)))

    assert await count(store, limit=4) == 1


async def test_a_flood_of_refused_ones_is_a_flood(store: Store) -> None:
    await say(store, sent("e0", -1))
    for number in range(1, 5):
        await store.turns.refuse(Refusal(sent(f"e{number}", 1), reason="paused"), at(60))

    assert await count(store, limit=5) == 0
    assert await count(store, limit=4) == 4


async def test_in_a_conversation_all_who_write_there_count_together(store: Store) -> None:
    there, elsewhere = Conversation("slack", "T1", "C1"), Conversation("slack", "T1", "C1", "17.5")
    await say(store, *(replace(sent(f"e{n}", n), conversation=there) for n in range(3)))
    await say(store, replace(sent("e3", 1, user="bob"), conversation=there))
    await say(store, replace(sent("e4", 1), conversation=elsewhere))
    await store.turns.refuse(Refusal(replace(sent("e5", 1), conversation=there), "paused"), at(60))

    assert await store.usage.written_in(there, NOW, MANY) == 3
    assert await store.usage.written_in(elsewhere, NOW, MANY) == 1
    assert await store.usage.written_in(Conversation("slack", "T1", "C2"), NOW, MANY) == 0


async def test_where_very_much_is_written_no_more_than_asked_for_is_looked_at(
    store: Store,
) -> None:
    there = Conversation("slack", "T1", "C1")
    for number in range(4):
        said = replace(sent(f"e{number}", 1), conversation=there)
        await store.turns.refuse(Refusal(said, reason="paused"), at(60))

    assert await store.usage.written_in(there, NOW, 4) == 4
    assert await store.usage.written_in(there, NOW, 5) == 0
