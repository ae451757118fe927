"""Which accounts are one person: the tables link_offer and link_try, and who identities are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.ids import PersonId
from gateway.domain.links import (
    LINK_LIFE,
    MOST_OFFERS,
    Linked,
    LinkOffer,
    LinkRefused,
    Unlinked,
    UnlinkRefused,
)
from gateway.domain.people import AgentBinding, Identity, person_id_of
from storage.rules import LinkStanding, decide_link, decide_unlink, linked_data
from storage.sqlite.bans import is_banned
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.people import ADD_PERSON, find_person_id, to_binding
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

_OFFER = "platform, workspace, account, conversation, code_hash, asked_at"
_MINE = "platform = ? AND workspace = ? AND account = ?"

COUNT_OFFERS = f"SELECT count(*) FROM link_offer WHERE {_MINE} AND asked_at > ?"  # noqa: S608
REPLACE_OFFERS = f"""
UPDATE link_offer SET is_replaced = 1 WHERE {_MINE} AND taken_account IS NULL
"""  # noqa: S608 - constants
DROP_OFFERS = f"""
DELETE FROM link_offer WHERE {_MINE} AND asked_at <= ? AND taken_account IS NULL
"""  # noqa: S608 - constants
ADD_OFFER = f"""
INSERT INTO link_offer ({_OFFER}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (code_hash) DO NOTHING
"""  # noqa: S608 - constants
GET_OFFER = f"""
SELECT {_OFFER}, is_replaced, taken_platform, taken_workspace, taken_account
FROM link_offer WHERE code_hash = ?
"""  # noqa: S608 - constants
TAKE_OFFER = """
UPDATE link_offer SET taken_platform = ?, taken_workspace = ?, taken_account = ?
WHERE code_hash = ?
"""
COUNT_TRIES = f"SELECT count(*) FROM link_try WHERE {_MINE} AND tried_at > ?"  # noqa: S608
DROP_TRIES = f"DELETE FROM link_try WHERE {_MINE} AND tried_at <= ?"  # noqa: S608 - constants
ADD_TRY = "INSERT INTO link_try (platform, workspace, account, tried_at) VALUES (?, ?, ?, ?)"
COUNT_IDENTITIES = "SELECT count(*) FROM identity WHERE person = ?"
MOVE_IDENTITY = f"UPDATE identity SET person = ? WHERE {_MINE}"  # noqa: S608 - constants
RESTING = """
SELECT person, role, agent, intended_at, template FROM binding
WHERE person = ? AND agent IS NOT NULL AND substr(role, 1, 1) <> '#' ORDER BY role
"""


class SqliteLinks:
    """The LinkStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def offer(self, offer: LinkOffer) -> bool:
        """Keep the code in the place of the account's earlier one; False: too many of late."""
        return await self._write(_offer, offer)

    async def link(self, code_hash: str, identity: Identity, now: datetime) -> Linked | LinkRefused:
        """Join the account that typed a code to the person of the one that was shown it."""
        return await self._write(_link, code_hash, identity, now)

    async def unlink(self, identity: Identity, now: datetime) -> Unlinked | UnlinkRefused:
        """Make the account a person of its own again."""
        return await self._write(_unlink, identity, now)


def _key(identity: Identity) -> tuple[str, str, str]:
    return identity.platform, identity.workspace, identity.user


def _offer(tx: Transaction, offer: LinkOffer) -> bool:
    key, asked_at = _key(offer.identity), to_micros(offer.asked_at)
    since = to_micros(offer.asked_at - LINK_LIFE)
    if tx.execute(COUNT_OFFERS, (*key, since)).fetchone()[0] >= MOST_OFFERS:
        return False
    row = (*key, offer.conversation, offer.code_hash, asked_at)
    if tx.execute(GET_OFFER, (offer.code_hash,)).fetchone() is not None:
        return False
    tx.execute(DROP_OFFERS, (*key, since))
    tx.execute(REPLACE_OFFERS, key)
    tx.execute(ADD_OFFER, row)
    tx.log(AuditKind.LINK_OFFERED, offer.asked_at, offer.identity.key, offer.code_hash, {})
    return True


def _link(
    tx: Transaction, code_hash: str, identity: Identity, now: datetime
) -> Linked | LinkRefused:
    standing = _standing(tx, code_hash, identity, now)
    decided = decide_link(standing, identity, now)
    if isinstance(decided, LinkRefused) or standing.offer is None:
        refused = decided if isinstance(decided, LinkRefused) else LinkRefused.NO_SUCH_CODE
        _note_refusal(tx, refused, code_hash, identity, now)
        return refused
    rows = tx.execute(RESTING, (person_id_of(identity),)).fetchall()
    resting = tuple(to_binding(row) for row in rows)
    if standing.taken_by is None:
        _move(tx, identity, decided, code_hash, resting, now)
    return Linked(standing.offer, decided, resting)


def _standing(tx: Transaction, code_hash: str, identity: Identity, now: datetime) -> LinkStanding:
    row = tx.execute(GET_OFFER, (code_hash,)).fetchone()
    offer, is_replaced, taken_by = _to_offer(row) if row else (None, False, None)
    if offer is not None and (is_replaced or is_banned(tx, offer.identity, now)):
        offer = None
    mine = find_person_id(tx, identity)
    since = to_micros(now - LINK_LIFE)
    return LinkStanding(
        offer=offer,
        taken_by=taken_by,
        theirs=find_person_id(tx, offer.identity) if offer else None,
        mine=mine,
        mine_count=tx.execute(COUNT_IDENTITIES, (mine,)).fetchone()[0],
        tries=tx.execute(COUNT_TRIES, (*_key(identity), since)).fetchone()[0],
    )


def _note_refusal(
    tx: Transaction, refused: LinkRefused, code_hash: str, identity: Identity, now: datetime
) -> None:
    if refused is LinkRefused.NO_SUCH_CODE:
        tx.execute(DROP_TRIES, (*_key(identity), to_micros(now - LINK_LIFE)))
        tx.execute(ADD_TRY, (*_key(identity), to_micros(now)))
    tx.log(AuditKind.LINK_REFUSED, now, identity.key, code_hash, {"reason": refused.value})


def _move(
    tx: Transaction,
    identity: Identity,
    person: PersonId,
    code_hash: str,
    resting: tuple[AgentBinding, ...],
    now: datetime,
) -> None:
    tx.execute(TAKE_OFFER, (*_key(identity), code_hash))
    tx.execute(MOVE_IDENTITY, (person, *_key(identity)))
    data = linked_data(person_id_of(identity), resting)
    tx.log(AuditKind.PERSON_LINKED, now, person, identity.key, data)


def _unlink(tx: Transaction, identity: Identity, now: datetime) -> Unlinked | UnlinkRefused:
    mine = find_person_id(tx, identity)
    count = tx.execute(COUNT_IDENTITIES, (mine,)).fetchone()[0]
    decided = decide_unlink(mine, count, identity)
    if isinstance(decided, UnlinkRefused):
        return decided
    tx.execute(ADD_PERSON, (decided.person, ""))
    tx.execute(MOVE_IDENTITY, (decided.person, *_key(identity)))
    data = {"left": decided.left}
    tx.log(AuditKind.PERSON_UNLINKED, now, decided.person, identity.key, data)
    return decided


def _to_offer(row: tuple[Any, ...]) -> tuple[LinkOffer, bool, Identity | None]:
    platform, workspace, account, place, code_hash, asked_at, is_replaced, *taken = row
    identity = Identity(platform, workspace, account)
    offer = LinkOffer(identity, place, code_hash, from_micros(asked_at))
    return offer, bool(is_replaced), Identity(*taken) if taken[0] else None
