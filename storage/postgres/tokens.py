"""Which tokens people gave to their programs: the table api_token."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity
from gateway.domain.tokens import MOST_TOKENS, ApiToken, TokenOffer
from storage.postgres.database import Database, Row, Transaction

_COLUMNS = "id, platform, workspace, account, label, made_at"
_MINE = "platform = $1 AND workspace = $2 AND account = $3"

# Two codes asked for at once could each count one too few.
HOLD_ACCOUNT = "SELECT pg_advisory_xact_lock(1349481335, hashtext($1))"
DROP_OLD_CODES = f"DELETE FROM api_token WHERE {_MINE} AND code_until <= $4"  # noqa: S608
COUNT_TOKENS = f"SELECT count(*) FROM api_token WHERE {_MINE}"  # noqa: S608 - constants
ADD_CODE = f"""
INSERT INTO api_token ({_COLUMNS}, secret_hash, code_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""  # noqa: S608 - constants
REDEEM = f"""
UPDATE api_token SET secret_hash = $1, made_at = $3, code_until = NULL
WHERE secret_hash = $2 AND code_until > $3 RETURNING {_COLUMNS}
"""  # noqa: S608 - constants
FIND_TOKEN = f"""
SELECT {_COLUMNS} FROM api_token WHERE secret_hash = $1 AND code_until IS NULL
"""  # noqa: S608 - constants
TOKENS_OF = f"""
SELECT {_COLUMNS} FROM identity JOIN api_token USING (platform, workspace, account)
WHERE identity.person = $1 AND code_until IS NULL ORDER BY made_at, id
"""  # noqa: S608 - constants
REVOKE = f"""
DELETE FROM api_token WHERE id = $1 AND (platform, workspace, account) IN (
    SELECT platform, workspace, account FROM identity WHERE person = $2
) RETURNING {_COLUMNS}
"""  # noqa: S608 - constants


class PostgresTokens:
    """The TokenStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def offer(self, offer: TokenOffer) -> bool:
        """Keep the code; False when the account has too many tokens already."""
        return await self._write(_offer, offer)

    async def redeem(self, code_hash: str, secret_hash: str, now: datetime) -> ApiToken | None:
        """Turn a live code into a token with this secret, once; None when there is none such."""
        return await self._write(_redeem, code_hash, secret_hash, now)

    async def find(self, secret_hash: str) -> ApiToken | None:
        """Return the token with this secret; None for a code, and for what was revoked."""
        rows = await self._read(FIND_TOKEN, secret_hash)
        return _to_token(rows[0]) if rows else None

    async def of_person(self, person: PersonId) -> list[ApiToken]:
        """List the tokens of all accounts of the person, oldest first."""
        return [_to_token(row) for row in await self._read(TOKENS_OF, person)]

    async def revoke(self, person: PersonId, token: str, now: datetime) -> bool:
        """End a token, or a code, of the person; False when they have none of this id."""
        return await self._write(_revoke, person, token, now)


async def _offer(tx: Transaction, offer: TokenOffer) -> bool:
    account = offer.account
    key = (account.platform, account.workspace, account.user)
    await tx.fetch(HOLD_ACCOUNT, account.key)
    await tx.count(DROP_OLD_CODES, *key, offer.asked_at)
    (counted,) = await tx.fetch(COUNT_TOKENS, *key)
    if counted["count"] >= MOST_TOKENS:
        return False
    row = (offer.id, *key, offer.label, offer.asked_at, offer.code_hash, offer.expires_at)
    await tx.count(ADD_CODE, *row)
    tx.log(AuditKind.TOKEN_OFFERED, offer.asked_at, account.key, offer.id, {})
    return True


async def _redeem(
    tx: Transaction, code_hash: str, secret_hash: str, now: datetime
) -> ApiToken | None:
    row = await tx.first(REDEEM, secret_hash, code_hash, now)
    if row is None:
        return None
    token = _to_token(row)
    tx.log(AuditKind.TOKEN_MADE, now, token.account.key, token.id, {})
    return token


async def _revoke(tx: Transaction, person: PersonId, token: str, now: datetime) -> bool:
    row = await tx.first(REVOKE, token, person)
    if row is None:
        return False
    tx.log(AuditKind.TOKEN_REVOKED, now, _to_token(row).account.key, token, {})
    return True


def _to_token(row: Row) -> ApiToken:
    name, platform, workspace, account, label, made_at = row
    return ApiToken(name, Identity(platform, workspace, account), label, made_at)
