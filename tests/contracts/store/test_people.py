"""People: who may talk, and which agents and threads are theirs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import AgentId, ConversationId, DeliveryId, PersonId, SessionId
from gateway.domain.people import OWN_TEMPLATE, AgentBinding
from gateway.ports import Store
from tests.contracts.store.words import at, identity, place, refusal, say, send_all, wish

ADA = PersonId("person-ada")
AGENT = AgentId("agent-1")
PLACE = ConversationId("fake:local:c1")


async def _ask(store: Store, event: str, code: str, user: str = "ada") -> None:
    await store.turns.refuse(refusal(event, code=code, user=user), at(0))


async def test_an_open_intent_is_renewed_by_one_of_those_who_saw_it(store: Store) -> None:
    await store.people.intend_agent(ADA, "postern", at(0))

    assert await store.people.renew_intent(ADA, "postern", at(0), at(5))
    assert not await store.people.renew_intent(ADA, "postern", at(0), at(5))
    assert (await store.people.intend_agent(ADA, "postern", at(9))).intended_at == at(5)


async def test_what_is_bound_or_was_never_intended_is_not_renewed(store: Store) -> None:
    assert not await store.people.renew_intent(ADA, "postern", at(0), at(1))
    await store.people.intend_agent(ADA, "postern", at(0))
    await store.people.bind_agent(ADA, "postern", AgentId("agent-1"))

    assert not await store.people.renew_intent(ADA, "postern", at(0), at(1))


async def test_nobody_is_known_at_first(store: Store) -> None:
    assert await store.people.find_person(identity()) is None
    assert await store.people.get_person(ADA) is None
    assert not await store.people.is_paired(identity())


async def test_a_person_keeps_the_name_of_the_first_meeting(store: Store) -> None:
    accepted = await say(store, "e1")
    await say(store, "e2")

    person = await store.people.get_person(accepted.person)
    assert person is not None
    assert person.name == "Ada"


async def test_wishes_are_listed_oldest_first_until_they_expire(store: Store) -> None:
    await _ask(store, "e1", "hash-b")
    await _ask(store, "e2", "hash-a", user="bob")

    assert await store.people.pairings(at(599)) == [wish("hash-a", user="bob"), wish("hash-b")]
    assert await store.people.pairings(at(600)) == []


async def test_an_approved_wish_pairs_its_identity(store: Store) -> None:
    await _ask(store, "e1", "hash-1")

    decided = await store.people.decide_pairing("hash-1", is_allowed=True, now=at(1))

    assert decided == wish("hash-1")
    assert await store.people.is_paired(identity())
    assert not await store.people.is_paired(identity("bob"))
    assert await store.people.pairings(at(1)) == []


async def test_a_denied_wish_pairs_nobody(store: Store) -> None:
    await _ask(store, "e1", "hash-1")

    decided = await store.people.decide_pairing("hash-1", is_allowed=False, now=at(1))

    assert decided == wish("hash-1")
    assert not await store.people.is_paired(identity())


async def test_a_wish_is_decided_once(store: Store) -> None:
    await _ask(store, "e1", "hash-1")
    await store.people.decide_pairing("hash-1", is_allowed=False, now=at(1))

    again = await store.people.decide_pairing("hash-1", is_allowed=True, now=at(2))

    assert again is None
    assert not await store.people.is_paired(identity())


async def test_an_expired_or_unknown_wish_is_not_decided(store: Store) -> None:
    await _ask(store, "e1", "hash-1")

    assert await store.people.decide_pairing("hash-1", is_allowed=True, now=at(600)) is None
    assert await store.people.decide_pairing("hash-2", is_allowed=True, now=at(0)) is None
    assert not await store.people.is_paired(identity())


async def test_who_is_let_in_is_told_by_the_same_commit_and_once(store: Store) -> None:
    told = replace(wish("hash-1"), conversation=place("dm").id)
    turned = replace(refusal("e1", code="hash-1"), pairing=told)
    await store.turns.refuse(turned, at(0))
    await send_all(store)
    notice = NewDelivery(DeliveryId("paired-1"), place("dm"), "Come in.")

    waiting = await store.people.pairings(at(1))
    decisions = [
        await store.people.decide_pairing(
            "hash-1", is_allowed=True, now=at(1), by=by, notice=notice
        )
        for by in ("fake:local:boss", "fake:local:late")
    ]
    unknown = await store.people.decide_pairing(
        "hash-2", is_allowed=True, now=at(1), notice=replace(notice, id=DeliveryId("paired-2"))
    )

    assert waiting == [told]
    assert decisions == [told, None]
    assert unknown is None
    assert await send_all(store, now=2) == [("paired-1", "Come in.")]
    log = [e for e in await store.history.audit(0, 100) if e.kind is AuditKind.PAIRING_DECIDED]
    assert [dict(e.data) for e in log] == [{"is_allowed": True, "by": "fake:local:boss"}]


async def test_an_intent_is_stored_before_the_agent_is_made(store: Store) -> None:
    assert await store.people.binding(ADA, "postern") is None

    intent = await store.people.intend_agent(ADA, "postern", at(0))

    assert intent == AgentBinding(ADA, "postern", None, at(0))
    assert await store.people.binding(ADA, "postern") == intent


async def test_the_first_intent_stays(store: Store) -> None:
    first = await store.people.intend_agent(ADA, "postern", at(0))

    assert await store.people.intend_agent(ADA, "postern", at(9)) == first


async def test_the_first_agent_of_a_role_stays(store: Store) -> None:
    await store.people.intend_agent(ADA, "postern", at(0))

    bound = await asyncio.gather(
        *(store.people.bind_agent(ADA, "postern", AgentId(f"agent-{n}")) for n in range(10))
    )

    # Of calls made at once any may be the first; there is one, and it stays.
    (kept,) = set(bound)
    assert kept.agent_id in {f"agent-{n}" for n in range(10)}
    assert await store.people.bind_agent(ADA, "postern", AgentId("agent-late")) == kept
    assert await store.people.intend_agent(ADA, "postern", at(9)) == kept


async def test_an_agent_is_not_bound_without_an_intent(store: Store) -> None:
    with pytest.raises(ValueError, match="no intent"):
        await store.people.bind_agent(ADA, "postern", AGENT)

    assert await store.people.bindings() == []


async def test_bindings_are_listed_by_person_and_role(store: Store) -> None:
    bob = PersonId("person-bob")
    for person, role in ((bob, "postern"), (ADA, "researcher"), (ADA, "postern")):
        await store.people.intend_agent(person, role, at(0))
    await store.people.bind_agent(ADA, "postern", AGENT)

    assert await store.people.bindings() == [
        AgentBinding(ADA, "postern", AGENT, at(0)),
        AgentBinding(ADA, "researcher", None, at(0)),
        AgentBinding(bob, "postern", None, at(0)),
    ]
    assert await store.people.bindings(ADA) == [
        AgentBinding(ADA, "postern", AGENT, at(0)),
        AgentBinding(ADA, "researcher", None, at(0)),
    ]


async def test_the_first_thread_of_a_conversation_stays(store: Store) -> None:
    assert await store.people.session(AGENT, PLACE) is None

    first = await store.people.bind_session(AGENT, PLACE, SessionId("s1"))
    second = await store.people.bind_session(AGENT, PLACE, SessionId("s2"))

    assert (first, second) == ("s1", "s1")
    assert await store.people.session(AGENT, PLACE) == "s1"
    assert await store.people.session(AgentId("agent-2"), PLACE) is None


async def test_one_look_finds_all_agents_and_their_threads(store: Store) -> None:
    async def look(person: PersonId = ADA) -> object:
        return await store.people.contacts(person, PLACE)

    nobody = await look()
    intent = await store.people.intend_agent(ADA, "postern", at(0))
    intended = await look()
    bound = await store.people.bind_agent(ADA, "postern", AGENT)
    await store.people.bind_session(AGENT, ConversationId("fake:local:c9"), SessionId("s9"))
    without_a_thread = await look()
    await store.people.bind_session(AGENT, PLACE, SessionId("s1"))
    asked_for = await store.people.intend_agent(ADA, "critic", at(1))

    assert (nobody, intended) == ([], [(intent, None)])
    assert without_a_thread == [(bound, None)]
    assert await look() == [(asked_for, None), (bound, "s1")]
    assert await look(PersonId("person-bob")) == []


async def test_an_agent_remembers_the_template_it_was_brought_up_to(store: Store) -> None:
    await store.people.intend_agent(ADA, "postern", at(0))
    await store.people.record_template(ADA, "postern", "too early")
    await store.people.bind_agent(ADA, "postern", AGENT)

    await store.people.record_template(ADA, "postern", "v1")
    await store.people.record_template(ADA, "nobody", "v1")

    assert await store.people.bindings() == [AgentBinding(ADA, "postern", AGENT, at(0), "v1")]


async def test_an_adopted_agent_takes_the_place_of_what_was_bound(store: Store) -> None:
    first = await store.people.adopt_agent(ADA, "postern", AGENT, at(1))
    second = await store.people.adopt_agent(ADA, "postern", AgentId("agent-2"), at(2))

    assert (first, second) == (None, AGENT)
    kept = await store.people.binding(ADA, "postern")
    assert kept == AgentBinding(ADA, "postern", AgentId("agent-2"), at(2), OWN_TEMPLATE)


async def test_only_the_agent_that_is_bound_is_unbound(store: Store) -> None:
    await store.people.adopt_agent(ADA, "postern", AGENT, at(0))

    assert not await store.people.unbind_agent(ADA, "postern", AgentId("agent-2"), at(1))
    assert await store.people.unbind_agent(ADA, "postern", AGENT, at(1))
    assert not await store.people.unbind_agent(ADA, "postern", AGENT, at(1))

    assert await store.people.bindings() == []
    log = [entry for entry in await store.history.audit(0, 10) if entry.subject == ADA]
    assert [(entry.kind, dict(entry.data)) for entry in log] == [
        ("agent.adopted", {"agent": AGENT, "instead_of": None}),
        ("agent.unbound", {"agent": AGENT}),
    ]
