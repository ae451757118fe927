"""Accounts that are turned away: the table ban."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.bans import Ban
from gateway.domain.people import Identity, person_id_of
from storage.audit_data import of_ban
from storage.postgres.database import Row, Transaction

# Two that link at once could each become the other, and one could link while it is banned;
# links and bans are rare enough to wait for each other.
HOLD_LINKS = "SELECT pg_advisory_xact_lock(1349481334, hashtext(current_schema()))"
LINKED = """
SELECT other.platform, other.workspace, other.account, other.person
FROM identity AS own JOIN identity AS other ON other.person = own.person
WHERE own.platform = $1 AND own.workspace = $2 AND own.account = $3
ORDER BY other.platform, other.workspace, other.account
"""
PUT_BAN = """
INSERT INTO ban (platform, workspace, account, since, until, banned_by, is_silent)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (platform, workspace, account) DO UPDATE
SET since = excluded.since, until = excluded.until, banned_by = excluded.banned_by,
    is_silent = excluded.is_silent
"""
DROP_OVER = "DELETE FROM ban WHERE until <= $1"
LIFT_BAN = """
DELETE FROM ban WHERE platform = $1 AND workspace = $2 AND account = $3
    AND (until IS NULL OR until > $4)
"""
IS_BANNED = """
SELECT 1 FROM ban WHERE platform = $1 AND workspace = $2 AND account = $3
    AND (until IS NULL OR until > $4)
"""
LIVE_BANS = """
SELECT platform, workspace, account, since, until, banned_by, is_silent FROM ban
WHERE until IS NULL OR until > $1 ORDER BY since, platform, workspace, account
"""


async def put_ban(tx: Transaction, ban: Ban) -> list[Identity]:
    """Store it for the account and all that are linked to it; return them."""
    await tx.fetch(HOLD_LINKS)
    await tx.count(DROP_OVER, ban.since)
    accounts = await _linked(tx, ban.identity)
    for identity, person in accounts:
        key = (identity.platform, identity.workspace, identity.user)
        await tx.count(PUT_BAN, *key, ban.since, ban.until, ban.by, ban.is_silent)
        tx.log(AuditKind.PERSON_BANNED, ban.since, person, identity.key, of_ban(ban))
    return [identity for identity, _ in accounts]


async def lift_ban(tx: Transaction, identity: Identity, by: str, now: datetime) -> list[Identity]:
    """Drop it for the account and all that are linked to it; return those that had one."""
    lifted: list[Identity] = []
    for each, person in await _linked(tx, identity):
        if await tx.count(LIFT_BAN, each.platform, each.workspace, each.user, now) == 1:
            tx.log(AuditKind.PERSON_UNBANNED, now, person, each.key, {"by": by})
            lifted.append(each)
    return lifted


async def is_banned(tx: Transaction, identity: Identity, now: datetime) -> bool:
    """Whether the account has one that is not over."""
    key = (identity.platform, identity.workspace, identity.user)
    return await tx.first(IS_BANNED, *key, now) is not None


def to_ban(row: Row) -> Ban:
    """Read the columns of a ban."""
    identity = Identity(row["platform"], row["workspace"], row["account"])
    return Ban(identity, row["since"], row["until"], row["banned_by"], is_silent=row["is_silent"])


async def _linked(tx: Transaction, identity: Identity) -> list[tuple[Identity, str]]:
    """Return the accounts of whoever has this one, with the person; itself where nobody has it."""
    rows = await tx.fetch(LINKED, identity.platform, identity.workspace, identity.user)
    known = [(Identity(*tuple(row)[:3]), row["person"]) for row in rows]
    return known or [(identity, person_id_of(identity))]
