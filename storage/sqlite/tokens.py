"""Which tokens people gave to their programs: the table api_token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity
from gateway.domain.tokens import MOST_TOKENS, ApiToken, TokenOffer
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

_COLUMNS = "id, platform, workspace, account, label, made_at"
_MINE = "platform = ? AND workspace = ? AND account = ?"

DROP_OLD_CODES = f"DELETE FROM api_token WHERE {_MINE} AND code_until <= ?"  # noqa: S608
COUNT_TOKENS = f"SELECT count(*) FROM api_token WHERE {_MINE}"  # noqa: S608 - constants
ADD_CODE = f"""
INSERT INTO api_token ({_COLUMNS}, secret_hash, code_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 - constants
REDEEM = f"""
UPDATE api_token SET secret_hash = ?, made_at = ?, code_until = NULL
WHERE secret_hash = ? AND code_until > ? RETURNING {_COLUMNS}
"""  # noqa: S608 - constants
FIND_TOKEN = f"""
SELECT {_COLUMNS} FROM api_token WHERE secret_hash = ? AND code_until IS NULL
"""  # noqa: S608 - constants
_OF_PERSON = """
FROM identity CROSS JOIN api_token USING (platform, workspace, account) WHERE identity.person = ?
"""
TOKENS_OF = f"SELECT {_COLUMNS} {_OF_PERSON} AND code_until IS NULL ORDER BY made_at, id"
REVOKE = f"""
DELETE FROM api_token WHERE id = ? AND (platform, workspace, account) IN (
    SELECT platform, workspace, account FROM identity WHERE person = ?
) RETURNING {_COLUMNS}
"""  # noqa: S608 - constants


class SqliteTokens:
    """The TokenStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def offer(self, offer: TokenOffer) -> bool:
        """Keep the code; False when the account has too many tokens already."""
        return await self._write(_offer, offer)

    async def redeem(self, code_hash: str, secret_hash: str, now: datetime) -> ApiToken | None:
        """Turn a live code into a token with this secret, once; None when there is none such."""
        return await self._write(_redeem, code_hash, secret_hash, now)

    async def find(self, secret_hash: str) -> ApiToken | None:
        """Return the token with this secret; None for a code, and for what was revoked."""
        rows = await self._read(FIND_TOKEN, (secret_hash,))
        return _to_token(rows[0]) if rows else None

    async def of_person(self, person: PersonId) -> list[ApiToken]:
        """List the tokens of all accounts of the person, oldest first."""
        return [_to_token(row) for row in await self._read(TOKENS_OF, (person,))]

    async def revoke(self, person: PersonId, token: str, now: datetime) -> bool:
        """End a token, or a code, of the person; False when they have none of this id."""
        return await self._write(_revoke, person, token, now)


def _offer(tx: Transaction, offer: TokenOffer) -> bool:
    account, asked_at = offer.account, to_micros(offer.asked_at)
    key = (account.platform, account.workspace, account.user)
    tx.execute(DROP_OLD_CODES, (*key, asked_at))
    if tx.execute(COUNT_TOKENS, key).fetchone()[0] >= MOST_TOKENS:
        return False
    row = (offer.id, *key, offer.label, asked_at, offer.code_hash, to_micros(offer.expires_at))
    tx.execute(ADD_CODE, row)
    tx.log(AuditKind.TOKEN_OFFERED, offer.asked_at, account.key, offer.id, {})
    return True


def _redeem(tx: Transaction, code_hash: str, secret_hash: str, now: datetime) -> ApiToken | None:
    moment = to_micros(now)
    row = tx.execute(REDEEM, (secret_hash, moment, code_hash, moment)).fetchone()
    if row is None:
        return None
    token = _to_token(row)
    tx.log(AuditKind.TOKEN_MADE, now, token.account.key, token.id, {})
    return token


def _revoke(tx: Transaction, person: PersonId, token: str, now: datetime) -> bool:
    row = tx.execute(REVOKE, (token, person)).fetchone()
    if row is None:
        return False
    tx.log(AuditKind.TOKEN_REVOKED, now, _to_token(row).account.key, token, {})
    return True


def _to_token(row: tuple[Any, ...]) -> ApiToken:
    name, platform, workspace, account, label, made_at = row
    return ApiToken(name, Identity(platform, workspace, account), label, from_micros(made_at))
