"""Which tokens people gave to their programs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.domain.ids import PersonId
from gateway.domain.tokens import ApiToken, TokenOffer


class TokenStore(Protocol):
    """Tokens of people. Each method is one transaction; secrets are kept as hashes alone."""

    async def offer(self, offer: TokenOffer) -> bool:
        """Keep the code; False when the account has too many tokens already."""
        ...

    async def redeem(self, code_hash: str, secret_hash: str, now: datetime) -> ApiToken | None:
        """Turn a live code into a token with this secret, once; None when there is none such."""
        ...

    async def find(self, secret_hash: str) -> ApiToken | None:
        """Return the token with this secret; None for a code, and for what was revoked."""
        ...

    async def of_person(self, person: PersonId) -> list[ApiToken]:
        """List the tokens of all accounts of the person, oldest first."""
        ...

    async def revoke(self, person: PersonId, token: str, now: datetime) -> bool:
        """End a token, or a code, of the person; False when they have none of this id."""
        ...
