"""Tokens by which programs come as a person: a code is exchanged for one, and its secret is read.

Codes are shown by the command `/token`; lists and ends are the command's too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from adapters.web.guard import TurnedAway
from adapters.web.sessions import Visitor
from gateway.domain.people import Identity
from gateway.domain.tokens import ApiToken, hash_secret, new_secret
from gateway.ports import Clock, PeopleStore, TokenStore


@dataclass(frozen=True, slots=True)
class TokenDoor:
    """Where tokens, and whom they speak for, are found."""

    tokens: TokenStore
    people: PeopleStore
    clock: Clock

    async def redeem(self, code: str) -> tuple[ApiToken, str]:
        """Exchange a code for a token and its secret, once. Raises TurnedAway (404)."""
        secret, now = new_secret(), self.clock.now()
        token = await self.tokens.redeem(hash_secret(code), hash_secret(secret), now)
        if token is None:
            raise TurnedAway(
                404,
                "There is no such code: it was used, or its ten minutes are over. `/token new` "
                "shows another one.",
            )
        return token, secret

    async def visitor(self, secret: str) -> Visitor | None:
        """Return whom the secret speaks for; None for what is no token, or none any more."""
        token = await self.tokens.find(hash_secret(secret))
        if token is None:
            return None
        person = await self.people.find_person(token.account)
        return visitor_for(token.account, person.name if person else "")


def visitor_for(account: Identity, name: str) -> Visitor:
    """Return the user that an account is here: who has one of our own is at home. Pure."""
    if account.platform == "web":
        return Visitor(account.user, name)
    digest = hashlib.sha256(account.key.encode()).hexdigest()[:32]
    return Visitor(f"{account.platform}-{digest}", name, account)
