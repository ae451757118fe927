"""Which threads an agent has had in a conversation, and what was said first in each."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.ids import AgentId, LaneId, PersonId, SessionId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import person_id_of
from gateway.domain.turns import Thread
from gateway.ports import Store
from tests.contracts.store.words import ROUTE, at, identity, message, place

AGENT = AgentId("agent-1")
PLACE = place()


async def _said(
    store: Store, event: str, *, user: str = "ada", now: float = 0, kind: str = "text"
) -> InboundMessage:
    said = replace(message(event, user=user), sent_at=at(now), kind=MessageKind(kind))
    await store.turns.accept(said, ROUTE, at(now))
    return said


async def _switch(store: Store, thread: str, begun_by: InboundMessage) -> None:
    await store.people.rebind_session(AGENT, PLACE.id, SessionId(thread), begun_by.idempotency_key)


async def _threads(store: Store, user: str = "ada", limit: int = 10) -> list[Thread]:
    lane: LaneId = ROUTE.lane(person_id_of(identity(user)), PLACE)
    return await store.people.threads(AGENT, PLACE.id, lane, limit)


def _thread(number: int, thread: str, words: str, now: float) -> Thread:
    return Thread(number, SessionId(thread), at(now), words)


async def test_before_another_thread_there_is_none_to_list(store: Store) -> None:
    await store.people.bind_session(AGENT, PLACE.id, SessionId("s1"))
    await _said(store, "e1")

    assert await _threads(store) == []


async def test_threads_are_listed_newest_first_by_what_was_said_first(store: Store) -> None:
    await store.people.bind_session(AGENT, PLACE.id, SessionId("s1"))
    await _said(store, "e1", now=1)
    await _said(store, "e2", now=2)
    await _switch(store, "s2", await _said(store, "new-1", now=3, kind="command"))
    await _said(store, "e3", now=4)
    await _switch(store, "s3", await _said(store, "e4", now=5))

    assert await _threads(store) == [
        _thread(3, "s3", "text of e4", 5),
        _thread(2, "s2", "text of e3", 4),
        _thread(1, "s1", "text of e1", 1),
    ]
    assert await _threads(store, limit=1) == [_thread(3, "s3", "text of e4", 5)]
    assert await store.people.session(AGENT, PLACE.id) == "s3"


async def test_a_thread_keeps_its_number_when_one_goes_back_to_it(store: Store) -> None:
    await store.people.bind_session(AGENT, PLACE.id, SessionId("s1"))
    await _said(store, "e1", now=1)
    await _switch(store, "s2", await _said(store, "new-1", now=2, kind="command"))
    await _said(store, "e2", now=3)
    await _switch(store, "s1", await _said(store, "back-1", now=4, kind="command"))
    await _said(store, "e3", now=5)
    await _switch(store, "s3", await _said(store, "new-2", now=6, kind="command"))
    await _said(store, "e4", now=7)

    assert await _threads(store) == [
        _thread(3, "s3", "text of e4", 7),
        _thread(2, "s2", "text of e2", 3),
        _thread(1, "s1", "text of e1", 1),
    ]


async def test_a_thread_in_which_nothing_was_said_is_not_listed(store: Store) -> None:
    await store.people.bind_session(AGENT, PLACE.id, SessionId("s1"))
    await _said(store, "e1", now=1)
    for number in (2, 3):
        command = await _said(store, f"new-{number}", now=number, kind="command")
        await _switch(store, f"s{number}", command)
    await _said(store, "e2", now=4)

    assert await _threads(store) == [
        _thread(3, "s3", "text of e2", 4),
        _thread(1, "s1", "text of e1", 1),
    ]


async def test_the_same_message_again_replaces_the_thread_that_it_began(store: Store) -> None:
    await store.people.bind_session(AGENT, PLACE.id, SessionId("s1"))
    await _said(store, "e1", now=1)
    command = await _said(store, "new-1", now=2, kind="command")

    await _switch(store, "lost", command)
    await _switch(store, "s2", command)
    await _said(store, "e2", now=3)

    assert await _threads(store) == [
        _thread(2, "s2", "text of e2", 3),
        _thread(1, "s1", "text of e1", 1),
    ]


async def test_what_others_said_in_the_conversation_is_not_told(store: Store) -> None:
    await store.people.bind_session(AGENT, PLACE.id, SessionId("s1"))
    await _said(store, "e1", user="bob", now=1)
    await _switch(store, "s2", await _said(store, "new-1", now=2, kind="command"))
    await _said(store, "e2", user="bob", now=3)
    await _said(store, "e3", now=4)

    assert await _threads(store) == [_thread(2, "s2", "text of e3", 4)]
    assert (await _threads(store, "bob"))[0].words == "text of e2"


async def test_a_thread_of_nothing_before_begins_with_the_first(store: Store) -> None:
    await _switch(store, "s1", await _said(store, "new-1", now=1, kind="command"))
    await _said(store, "e1", now=2)

    assert await _threads(store) == [_thread(1, "s1", "text of e1", 2)]


async def test_threads_are_forgotten_with_their_person(store: Store) -> None:
    ada = person_id_of(identity("ada"))
    await _said(store, "e1", now=1)
    await store.people.adopt_agent(ada, ROUTE.role, AGENT, at(1))
    await _switch(store, "s2", await _said(store, "e2", now=2))

    await store.personal.forget(PersonId(ada), at(3))
    await _said(store, "e3", now=4)

    assert await _threads(store) == []
    assert await store.people.session(AGENT, PLACE.id) is None
