"""Links: accounts that are one person, by a code shown on one and typed on the other."""

from __future__ import annotations

import asyncio

from gateway.domain.ids import AgentId, ConversationId, LaneId
from gateway.domain.links import (
    MOST_OFFERS,
    MOST_TRIES,
    Linked,
    LinkOffer,
    LinkRefused,
    Unlinked,
    UnlinkRefused,
)
from gateway.domain.people import AgentBinding, person_id_of
from gateway.ports import Store
from tests.contracts.store.words import ROUTE, at, claim_turns, identity, message

PLACE = ConversationId("fake:local:c1")
ADA, BOB = person_id_of(identity("ada")), person_id_of(identity("bob"))


def shown(code: str = "code-1", *, user: str = "ada", when: float = 0) -> LinkOffer:
    return LinkOffer(identity(user), PLACE, code, at(when))


async def meet(store: Store, *users: str) -> None:
    for user in users:
        await store.turns.accept(message(f"hello of {user}", user=user), ROUTE, at(0))


async def link(
    store: Store, code: str = "code-1", *, user: str = "bob", when: float = 1
) -> Linked | LinkRefused:
    return await store.links.link(code, identity(user), at(when))


async def test_the_second_account_becomes_the_first_ones_person(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown())

    linked = await link(store)

    assert linked == Linked(shown(), ADA, ())
    person = await store.people.find_person(identity("bob"))
    assert person is not None
    assert (person.id, person.name) == (ADA, "Ada")
    assert await store.people.identities(ADA) == [identity("ada"), identity("bob")]


async def test_what_was_said_before_keeps_its_lane_and_what_comes_after_has_the_new(
    store: Store,
) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown())
    await link(store)
    await store.turns.accept(message("later", user="bob", channel="c2"), ROUTE, at(2))

    turns = {turn.messages[0].event_id: turn for turn in await claim_turns(store, 3)}

    assert turns["hello of bob"].ref.lane == LaneId(f"{BOB}/postern")
    assert turns["hello of bob"].person == BOB
    assert "later" not in turns  # ada's lane is busy with her own first message
    finished = turns["hello of ada"]
    assert finished.ref.lane == LaneId(f"{ADA}/postern")


async def test_the_agents_of_the_second_rest_and_are_named(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.people.intend_agent(BOB, "postern", at(0))
    await store.people.intend_agent(BOB, "unmade", at(0))
    await store.people.bind_agent(BOB, "postern", AgentId("agent-b"))
    await store.links.offer(shown())

    linked = await link(store)

    resting = AgentBinding(BOB, "postern", AgentId("agent-b"), at(0))
    assert isinstance(linked, Linked)
    assert linked.resting == (resting,)
    assert await store.people.binding(BOB, "postern") == resting
    assert await store.people.binding(ADA, "postern") is None


async def test_a_code_works_once_but_its_repeat_is_answered_alike(store: Store) -> None:
    await meet(store, "ada", "bob", "cy")
    await store.links.offer(shown())

    first = await link(store)

    assert await link(store, when=2) == first
    assert await link(store, user="cy", when=3) is LinkRefused.NO_SUCH_CODE


async def test_expired_replaced_and_unknown_codes_are_none(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown("old"))
    await store.links.offer(shown("new", when=1))

    assert await link(store, "old") is LinkRefused.NO_SUCH_CODE
    assert await link(store, "never") is LinkRefused.NO_SUCH_CODE
    assert await link(store, "new", when=601) is LinkRefused.NO_SUCH_CODE


async def test_ones_own_code_on_the_same_account_links_nothing(store: Store) -> None:
    await meet(store, "ada")
    await store.links.offer(shown())

    assert await link(store, user="ada") is LinkRefused.SAME_ACCOUNT
    assert await store.people.identities(ADA) == [identity("ada")]


async def test_accounts_of_one_person_are_not_linked_again(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown())
    await link(store)
    await store.links.offer(shown("again", when=2))

    assert await link(store, "again", when=3) is LinkRefused.LINKED_ALREADY


async def test_an_account_that_others_are_linked_to_does_not_leave_them(store: Store) -> None:
    await meet(store, "ada", "bob", "cy")
    await store.links.offer(shown())
    await link(store)
    await store.links.offer(shown("of cy", user="cy", when=2))

    assert await link(store, "of cy", user="ada", when=3) is LinkRefused.HAS_OTHERS
    assert await link(store, "of cy", user="bob", when=3) is LinkRefused.HAS_OTHERS


async def test_guessing_is_stopped_even_when_it_would_succeed(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown(when=0))
    for guess in range(MOST_TRIES):
        assert await link(store, f"guess-{guess}") is LinkRefused.NO_SUCH_CODE

    assert await link(store, when=2) is LinkRefused.TOO_MANY_TRIES
    await store.links.offer(shown("late", when=602))
    assert isinstance(await link(store, "late", when=603), Linked)


async def test_an_account_is_shown_only_so_many_codes(store: Store) -> None:
    offers = [await store.links.offer(shown(f"code-{n}")) for n in range(MOST_OFFERS + 1)]

    assert offers == [True] * MOST_OFFERS + [False]
    assert await store.links.offer(shown("others", user="bob"))
    assert await store.links.offer(shown("later", when=600))


async def test_an_unlinked_account_is_who_it_was_before(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown())
    await link(store)

    unlinked = await store.links.unlink(identity("bob"), at(2))

    assert unlinked == Unlinked(person=BOB, left=ADA)
    person = await store.people.find_person(identity("bob"))
    assert person is not None
    assert (person.id, person.name) == (BOB, "Bob")
    assert await store.people.identities(ADA) == [identity("ada")]
    assert await link(store, when=3) is LinkRefused.NO_SUCH_CODE


async def test_everybody_is_who_has_an_account_now(store: Store) -> None:
    await meet(store, "ada", "bob")
    assert await store.people.everybody() == sorted([ADA, BOB])
    await store.links.offer(shown())
    await link(store)

    assert await store.people.everybody() == [ADA]


async def test_only_a_linked_account_is_unlinked_and_the_first_one_stays(store: Store) -> None:
    await meet(store, "ada", "bob")

    assert await store.links.unlink(identity("bob"), at(0)) is UnlinkRefused.NOT_LINKED
    assert await store.links.unlink(identity("stranger"), at(0)) is UnlinkRefused.NOT_LINKED
    await store.links.offer(shown())
    await link(store)
    assert await store.links.unlink(identity("ada"), at(2)) is UnlinkRefused.IS_FIRST


async def test_two_who_type_each_others_codes_at_once_end_as_one(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.links.offer(shown("of ada"))
    await store.links.offer(shown("of bob", user="bob"))

    await asyncio.gather(link(store, "of ada"), link(store, "of bob", user="ada"))

    people = [await store.people.find_person(identity(user)) for user in ("ada", "bob")]
    assert people[0] == people[1]


async def test_a_link_is_in_the_audit_log_with_what_it_set_to_rest(store: Store) -> None:
    await meet(store, "ada", "bob")
    await store.people.intend_agent(BOB, "postern", at(0))
    await store.people.bind_agent(BOB, "postern", AgentId("agent-b"))
    await store.links.offer(shown())
    await link(store, "wrong")
    await link(store)
    await store.links.unlink(identity("bob"), at(2))

    log = [e for e in await store.history.audit(0, 100) if e.kind.startswith(("link.", "person.l"))]

    told = [(entry.kind, entry.subject, entry.ref, dict(entry.data)) for entry in log]
    assert told == [
        ("link.offered", "fake:local:ada", "code-1", {}),
        ("link.refused", "fake:local:bob", "wrong", {"reason": "no such code"}),
        ("person.linked", ADA, "fake:local:bob", {"left": BOB, "resting": {"postern": "agent-b"}}),
    ]
