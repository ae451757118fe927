"""Bans: kept by account, for all that are linked, until they are over or lifted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.links import Linked, LinkOffer, LinkRefused
from gateway.ports import Store
from tests.contracts.store.words import ROUTE, at, identity, message, place, say


def _ban(user: str = "ada", since: float = 0, until: datetime | None = None) -> Ban:
    return Ban(identity(user), at(since), until, OPERATOR)


async def test_nobody_is_banned_at_first(store: Store) -> None:
    assert await store.people.bans(at(0)) == []


async def test_a_ban_is_kept_as_it_was_said(store: Store) -> None:
    mute = replace(_ban("bob", since=1, until=at(60)), is_silent=True, by="slack:T1:boss")

    assert await store.people.ban(mute) == [identity("bob")]
    assert await store.people.ban(_ban("ada")) == [identity("ada")]

    assert await store.people.bans(at(2)) == [_ban("ada"), mute]


async def test_a_ban_is_over_at_its_moment(store: Store) -> None:
    await store.people.ban(_ban(until=at(60)))

    assert await store.people.bans(at(59)) == [_ban(until=at(60))]
    assert await store.people.bans(at(60)) == []
    assert await store.people.lift_ban(identity(), OPERATOR, at(60)) == []


async def test_a_new_ban_takes_the_place_of_the_old_one(store: Store) -> None:
    await store.people.ban(_ban(until=at(60)))
    await store.people.ban(_ban(since=5))

    assert await store.people.bans(at(90)) == [_ban(since=5)]


async def test_linked_accounts_are_banned_and_let_in_together(store: Store) -> None:
    for user in ("ada", "bob"):
        await store.turns.accept(message(f"hello of {user}", user=user), ROUTE, at(0))
    await store.links.offer(LinkOffer(identity("ada"), place().id, "code", at(0)))
    await store.links.link("code", identity("bob"), at(1))
    both = [identity("ada"), identity("bob")]

    assert await store.people.ban(_ban("bob")) == both
    assert {ban.identity for ban in await store.people.bans(at(2))} == set(both)
    assert await store.people.lift_ban(identity("ada"), OPERATOR, at(3)) == both
    assert await store.people.bans(at(4)) == []


async def test_while_a_ban_holds_nobody_joins_who_is_banned(store: Store) -> None:
    for user in ("ada", "bob"):
        await store.turns.accept(message(f"hello of {user}", user=user), ROUTE, at(0))
    await store.links.offer(LinkOffer(identity("ada"), place().id, "code", at(0)))
    await store.people.ban(_ban("ada", since=1, until=at(60)))

    meanwhile = await store.links.link("code", identity("bob"), at(2))
    afterwards = await store.links.link("code", identity("bob"), at(60))

    assert meanwhile is LinkRefused.NO_SUCH_CODE
    assert isinstance(afterwards, Linked)


async def test_bans_and_their_ends_are_audited(store: Store) -> None:
    person = (await say(store, "e1")).person
    await store.people.ban(_ban(until=at(60)))
    await store.people.lift_ban(identity(), "slack:T1:boss", at(2))

    told = [e for e in await store.history.audit(0, 100) if "banned" in e.kind]
    assert [(e.kind, e.subject, e.ref, dict(e.data)) for e in told] == [
        (
            AuditKind.PERSON_BANNED,
            person,
            "fake:local:ada",
            {"by": "operator", "until": at(60).isoformat(), "silent": False},
        ),
        (AuditKind.PERSON_UNBANNED, person, "fake:local:ada", {"by": "slack:T1:boss"}),
    ]


async def test_who_was_forgotten_stays_banned(store: Store) -> None:
    person = (await say(store, "e1")).person
    await store.people.ban(_ban())

    await store.personal.forget(person, at(5))

    assert await store.people.bans(at(6)) == [_ban()]
