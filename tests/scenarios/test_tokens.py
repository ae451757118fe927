"""People give tokens to their programs, see which there are, and take them back."""

from __future__ import annotations

import re

from gateway.commands.command import ELSEWHERE
from gateway.domain.tokens import MOST_TOKENS, TokenOffer, hash_secret
from tests.fakes.hub import FakeHub, FakePerson


async def _gets_a_token(person: FakePerson, secret: str, label: str = "my script") -> str:
    """Ask for a code and redeem it; returns the token's id."""
    shown = await person.whispers(f"/token new {label}")
    found = re.search(r"The code for `(tok-\w+)` is `([\w-]+)`", shown)
    assert found is not None
    store, now = person.hub.store, person.hub.clock.now()
    assert await store.tokens.redeem(hash_secret(found[2]), hash_secret(secret), now)
    return found[1]


async def test_a_person_makes_lists_and_revokes_a_token(hub: FakeHub) -> None:
    ada = hub.person("ada")
    token = await _gets_a_token(ada, "pst_secret")

    listed = await ada.whispers("/token")
    revoked = await ada.whispers(f"/token revoke {token}")
    again = await ada.whispers(f"/token revoke {token}")

    assert listed.startswith(f"- `{token}` my script: made ")
    assert ada.identity.key in listed
    assert revoked == f"The token `{token}` is good for nothing any more."
    assert again == f'You have no token "{token}". `/token` lists them.'
    assert await hub.store.tokens.find(hash_secret("pst_secret")) is None
    assert "No program has a token of yours." in await ada.whispers("/token")


async def test_nobody_sees_or_revokes_the_tokens_of_another(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")
    token = await _gets_a_token(ada, "pst_secret")

    listed = await bob.whispers("/token")
    revoked = await bob.whispers(f"/token revoke {token}")

    assert token not in listed
    assert revoked.startswith("You have no token")
    assert await hub.store.tokens.find(hash_secret("pst_secret")) is not None


async def test_codes_are_shown_where_nobody_else_reads(hub: FakeHub) -> None:
    ada = hub.person("ada")

    assert await ada.asks("/token new x") == ELSEWHERE


async def test_what_is_not_understood_says_how(hub: FakeHub) -> None:
    ada = hub.person("ada")

    assert "`/token new LABEL`" in await ada.whispers("/token frobnicate")
    assert await ada.whispers(f"/token new {'x' * 61}") == "A label has at most 60 characters."


async def test_who_has_enough_tokens_is_told(hub: FakeHub) -> None:
    ada = hub.person("ada")
    account, now = ada.identity, hub.clock.now()
    for number in range(MOST_TOKENS):
        assert await hub.store.tokens.offer(
            TokenOffer(f"tok-{number}", account, "", hash_secret(str(number)), now)
        )

    assert await ada.whispers("/token new x") == (
        f"You have {MOST_TOKENS} tokens and codes; `/token revoke ID` ends one."
    )


async def test_who_is_forgotten_leaves_no_token(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await _gets_a_token(ada, "pst_secret")

    await ada.whispers("/forget everything")

    assert await hub.store.tokens.find(hash_secret("pst_secret")) is None
