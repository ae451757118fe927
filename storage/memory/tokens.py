"""Which tokens people gave to their programs, in dictionaries."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import PersonId
from gateway.domain.tokens import MOST_TOKENS, ApiToken, TokenOffer
from storage.memory.tables import Tables, TokenRow


class MemoryTokens:
    """The TokenStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def offer(self, offer: TokenOffer) -> bool:
        """Keep the code; False when the account has too many tokens already."""
        rows = self._tables.tokens
        mine = [row for row in rows.values() if row.account == offer.account]
        for row in mine:
            if row.code_until is not None and row.code_until <= offer.asked_at:
                del rows[row.id]
        if sum(row.account == offer.account for row in rows.values()) >= MOST_TOKENS:
            return False
        rows[offer.id] = TokenRow(
            offer.id, offer.code_hash, offer.account, offer.label, offer.asked_at, offer.expires_at
        )
        key = offer.account.key
        self._tables.log(AuditKind.TOKEN_OFFERED, offer.asked_at, key, offer.id, {})
        return True

    async def redeem(self, code_hash: str, secret_hash: str, now: datetime) -> ApiToken | None:
        """Turn a live code into a token with this secret, once; None when there is none such."""
        row = self._with(code_hash)
        if row is None or row.code_until is None or row.code_until <= now:
            return None
        row.secret_hash, row.code_until, row.made_at = secret_hash, None, now
        self._tables.log(AuditKind.TOKEN_MADE, now, row.account.key, row.id, {})
        return _to_token(row)

    async def find(self, secret_hash: str) -> ApiToken | None:
        """Return the token with this secret; None for a code, and for what was revoked."""
        row = self._with(secret_hash)
        return None if row is None or row.code_until is not None else _to_token(row)

    async def of_person(self, person: PersonId) -> list[ApiToken]:
        """List the tokens of all accounts of the person, oldest first."""
        mine = [row for row in self._tables.tokens.values() if self._is_of(row, person)]
        made = [_to_token(row) for row in mine if row.code_until is None]
        return sorted(made, key=lambda token: (token.made_at, token.id))

    async def revoke(self, person: PersonId, token: str, now: datetime) -> bool:
        """End a token, or a code, of the person; False when they have none of this id."""
        row = self._tables.tokens.get(token)
        if row is None or not self._is_of(row, person):
            return False
        del self._tables.tokens[token]
        self._tables.log(AuditKind.TOKEN_REVOKED, now, row.account.key, token, {})
        return True

    def _with(self, secret_hash: str) -> TokenRow | None:
        rows = self._tables.tokens.values()
        return next((row for row in rows if row.secret_hash == secret_hash), None)

    def _is_of(self, row: TokenRow, person: PersonId) -> bool:
        return self._tables.identities.get(row.account) == person


def _to_token(row: TokenRow) -> ApiToken:
    return ApiToken(row.id, row.account, row.label, row.made_at)
