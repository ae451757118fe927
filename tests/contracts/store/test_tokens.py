"""Tokens: a code becomes one once, its secret finds it, and its person alone ends it."""

from __future__ import annotations

import asyncio

from gateway.domain.audit import AuditKind
from gateway.domain.links import LinkOffer
from gateway.domain.people import person_id_of
from gateway.domain.tokens import MOST_TOKENS, ApiToken, TokenOffer
from gateway.ports import Store
from tests.contracts.store.words import ROUTE, at, identity, message, place

ADA, BOB = person_id_of(identity("ada")), person_id_of(identity("bob"))


def shown(name: str = "tok-1", *, user: str = "ada", when: float = 0) -> TokenOffer:
    return TokenOffer(name, identity(user), f"label of {name}", f"code of {name}", at(when))


def made(name: str = "tok-1", *, user: str = "ada", when: float = 1) -> ApiToken:
    return ApiToken(name, identity(user), f"label of {name}", at(when))


async def meet(store: Store, *users: str) -> None:
    for user in users:
        await store.turns.accept(message(f"hello of {user}", user=user), ROUTE, at(0))


async def make(store: Store, name: str = "tok-1", *, user: str = "ada") -> ApiToken | None:
    await store.tokens.offer(shown(name, user=user))
    return await store.tokens.redeem(f"code of {name}", f"secret of {name}", at(1))


async def test_a_code_becomes_a_token_that_its_secret_finds(store: Store) -> None:
    token = await make(store)

    assert token == made()
    assert await store.tokens.find("secret of tok-1") == made()
    assert await store.tokens.find("secret of another") is None


async def test_a_code_is_no_token_and_becomes_one_once(store: Store) -> None:
    await store.tokens.offer(shown())

    assert await store.tokens.find("code of tok-1") is None
    secrets = [f"secret {n}" for n in range(4)]
    redeemed = await asyncio.gather(
        *(store.tokens.redeem("code of tok-1", secret, at(1)) for secret in secrets)
    )

    assert redeemed.count(None) == 3
    found = [await store.tokens.find(secret) for secret in secrets]
    assert found.count(None) == 3


async def test_a_code_is_good_for_ten_minutes(store: Store) -> None:
    await store.tokens.offer(shown())

    assert await store.tokens.redeem("code of tok-1", "secret", at(600)) is None
    assert await store.tokens.redeem("code of tok-1", "secret", at(599)) is not None


async def test_the_secret_of_a_token_is_no_code(store: Store) -> None:
    await make(store)

    assert await store.tokens.redeem("secret of tok-1", "another", at(2)) is None


async def test_a_person_lists_the_tokens_of_all_their_accounts(store: Store) -> None:
    await meet(store, "ada", "bob", "cy")
    await store.links.offer(LinkOffer(identity("ada"), place().id, "link", at(0)))
    await store.links.link("link", identity("bob"), at(1))
    for name, user in (("tok-b", "bob"), ("tok-a", "ada"), ("tok-c", "cy")):
        await make(store, name, user=user)
    await store.tokens.offer(shown("tok-code"))

    listed = await store.tokens.of_person(ADA)

    assert listed == [made("tok-a"), made("tok-b", user="bob")]
    assert await store.tokens.of_person(BOB) == []


async def test_a_revoked_token_is_found_no_more(store: Store) -> None:
    await meet(store, "ada")
    await make(store)

    assert await store.tokens.revoke(ADA, "tok-1", at(2))
    assert await store.tokens.find("secret of tok-1") is None
    assert not await store.tokens.revoke(ADA, "tok-1", at(3))


async def test_nobody_revokes_the_token_of_another(store: Store) -> None:
    await meet(store, "ada", "bob")
    await make(store)

    assert not await store.tokens.revoke(BOB, "tok-1", at(2))
    assert await store.tokens.find("secret of tok-1") == made()


async def test_a_revoked_code_can_not_be_redeemed(store: Store) -> None:
    await meet(store, "ada")
    await store.tokens.offer(shown())
    await store.tokens.revoke(ADA, "tok-1", at(1))

    assert await store.tokens.redeem("code of tok-1", "secret", at(2)) is None


async def test_an_account_has_so_many_tokens_and_codes_and_no_more(store: Store) -> None:
    offered = [await store.tokens.offer(shown(f"tok-{n}")) for n in range(MOST_TOKENS + 1)]

    assert offered == [True] * MOST_TOKENS + [False]
    assert await store.tokens.offer(shown("others", user="bob"))
    assert await store.tokens.offer(shown("later", when=600))


async def test_who_asks_many_times_at_once_has_no_more_than_that(store: Store) -> None:
    for number in range(MOST_TOKENS - 1):
        assert await store.tokens.offer(shown(f"tok-{number}"))

    offered = await asyncio.gather(*(store.tokens.offer(shown(f"more-{n}")) for n in range(6)))

    assert offered.count(True) == 1


async def test_who_is_forgotten_has_no_token(store: Store) -> None:
    await meet(store, "ada", "bob")
    await make(store)
    await make(store, "tok-b", user="bob")

    await store.personal.forget(ADA, at(2))

    assert await store.tokens.find("secret of tok-1") is None
    assert await store.tokens.find("secret of tok-b") is not None


async def test_what_becomes_of_a_token_is_in_the_log(store: Store) -> None:
    await meet(store, "ada")
    await make(store)
    await store.tokens.revoke(ADA, "tok-1", at(2))

    entries = [e for e in await store.history.audit(0, 100) if e.ref == "tok-1"]

    assert [(e.kind, e.subject, dict(e.data)) for e in entries] == [
        (kind, identity("ada").key, {})
        for kind in (AuditKind.TOKEN_OFFERED, AuditKind.TOKEN_MADE, AuditKind.TOKEN_REVOKED)
    ]
