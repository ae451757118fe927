"""Accounts that are turned away: the table ban."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.bans import Ban
from gateway.domain.people import Identity, person_id_of
from storage.audit_data import of_ban
from storage.sqlite.committer import Transaction
from storage.sqlite.values import from_micros, to_micros

LINKED = """
SELECT other.platform, other.workspace, other.account, other.person
FROM identity AS own JOIN identity AS other ON other.person = own.person
WHERE own.platform = ? AND own.workspace = ? AND own.account = ?
ORDER BY other.platform, other.workspace, other.account
"""
PUT_BAN = """
INSERT INTO ban (platform, workspace, account, since, until, banned_by, is_silent)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (platform, workspace, account) DO UPDATE
SET since = excluded.since, until = excluded.until, banned_by = excluded.banned_by,
    is_silent = excluded.is_silent
"""
DROP_OVER = "DELETE FROM ban WHERE until <= ?"
LIFT_BAN = """
DELETE FROM ban WHERE platform = ? AND workspace = ? AND account = ?
    AND (until IS NULL OR until > ?)
"""
IS_BANNED = """
SELECT count(*) FROM ban WHERE platform = ? AND workspace = ? AND account = ?
    AND (until IS NULL OR until > ?)
"""
LIVE_BANS = """
SELECT platform, workspace, account, since, until, banned_by, is_silent FROM ban
WHERE until IS NULL OR until > ? ORDER BY since, platform, workspace, account
"""


def put_ban(tx: Transaction, ban: Ban) -> list[Identity]:
    """Store it for the account and all that are linked to it; return them."""
    tx.execute(DROP_OVER, (to_micros(ban.since),))
    until = None if ban.until is None else to_micros(ban.until)
    accounts = _linked(tx, ban.identity)
    for identity, person in accounts:
        key = (identity.platform, identity.workspace, identity.user)
        tx.execute(PUT_BAN, (*key, to_micros(ban.since), until, ban.by, int(ban.is_silent)))
        tx.log(AuditKind.PERSON_BANNED, ban.since, person, identity.key, of_ban(ban))
    return [identity for identity, _ in accounts]


def lift_ban(tx: Transaction, identity: Identity, by: str, now: datetime) -> list[Identity]:
    """Drop it for the account and all that are linked to it; return those that had one."""
    lifted: list[Identity] = []
    for each, person in _linked(tx, identity):
        key = (each.platform, each.workspace, each.user)
        if tx.execute(LIFT_BAN, (*key, to_micros(now))).rowcount == 1:
            tx.log(AuditKind.PERSON_UNBANNED, now, person, each.key, {"by": by})
            lifted.append(each)
    return lifted


def is_banned(tx: Transaction, identity: Identity, now: datetime) -> bool:
    """Whether the account has one that is not over."""
    key = (identity.platform, identity.workspace, identity.user)
    return tx.execute(IS_BANNED, (*key, to_micros(now))).fetchone()[0] > 0


def to_ban(row: tuple[Any, ...]) -> Ban:
    """Read the columns of a ban."""
    platform, workspace, account, since, until, by, is_silent = row
    over = None if until is None else from_micros(until)
    identity = Identity(platform, workspace, account)
    return Ban(identity, from_micros(since), over, by, is_silent=bool(is_silent))


def _linked(tx: Transaction, identity: Identity) -> list[tuple[Identity, str]]:
    """Return the accounts of whoever has this one, with the person; itself where nobody has it."""
    rows = tx.execute(LINKED, (identity.platform, identity.workspace, identity.user)).fetchall()
    known = [(Identity(*row[:3]), row[3]) for row in rows]
    return known or [(identity, person_id_of(identity))]
