"""Which accounts are one person: the tables link_offer and link_try, and who identities are."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.links import (
    LINK_LIFE,
    MOST_OFFERS,
    Linked,
    LinkOffer,
    LinkRefused,
    Unlinked,
    UnlinkRefused,
)
from gateway.domain.people import Identity, person_id_of
from storage.postgres.bans import HOLD_LINKS, is_banned
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.people import find_person_id, to_binding
from storage.rules import LinkStanding, decide_link, decide_unlink, linked_data

_OFFER = "platform, workspace, account, conversation, code_hash, asked_at"
_MINE = "platform = $1 AND workspace = $2 AND account = $3"

COUNT_OFFERS = f"SELECT count(*) FROM link_offer WHERE {_MINE} AND asked_at > $4"  # noqa: S608
REPLACE_OFFERS = f"""
UPDATE link_offer SET is_replaced = true WHERE {_MINE} AND taken_account IS NULL
"""  # noqa: S608 - constants
DROP_OFFERS = f"""
DELETE FROM link_offer WHERE {_MINE} AND asked_at <= $4 AND taken_account IS NULL
"""  # noqa: S608 - constants
ADD_OFFER = f"INSERT INTO link_offer ({_OFFER}) VALUES ($1, $2, $3, $4, $5, $6)"  # noqa: S608
GET_OFFER = f"""
SELECT {_OFFER}, is_replaced, taken_platform, taken_workspace, taken_account
FROM link_offer WHERE code_hash = $1
"""  # noqa: S608 - constants
TAKE_OFFER = """
UPDATE link_offer SET taken_platform = $1, taken_workspace = $2, taken_account = $3
WHERE code_hash = $4
"""
COUNT_TRIES = f"SELECT count(*) FROM link_try WHERE {_MINE} AND tried_at > $4"  # noqa: S608
DROP_TRIES = f"DELETE FROM link_try WHERE {_MINE} AND tried_at <= $4"  # noqa: S608 - constants
ADD_TRY = "INSERT INTO link_try (platform, workspace, account, tried_at) VALUES ($1, $2, $3, $4)"
COUNT_IDENTITIES = "SELECT count(*) FROM identity WHERE person = $1"
MOVE_IDENTITY = f"UPDATE identity SET person = $4 WHERE {_MINE}"  # noqa: S608 - constants
ADD_PERSON = "INSERT INTO person (id, name) VALUES ($1, '') ON CONFLICT (id) DO NOTHING"
RESTING = """
SELECT person, role, agent, intended_at, template FROM binding
WHERE person = $1 AND agent IS NOT NULL AND substr(role, 1, 1) <> '#' ORDER BY role
"""


class PostgresLinks:
    """The LinkStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

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


async def _offer(tx: Transaction, offer: LinkOffer) -> bool:
    await tx.fetch(HOLD_LINKS)
    key, since = _key(offer.identity), offer.asked_at - LINK_LIFE
    recent = await _count(tx, COUNT_OFFERS, *key, since)
    if recent >= MOST_OFFERS or await tx.first(GET_OFFER, offer.code_hash) is not None:
        return False
    await tx.count(DROP_OFFERS, *key, since)
    await tx.count(REPLACE_OFFERS, *key)
    await tx.count(ADD_OFFER, *key, offer.conversation, offer.code_hash, offer.asked_at)
    tx.log(AuditKind.LINK_OFFERED, offer.asked_at, offer.identity.key, offer.code_hash, {})
    return True


async def _link(
    tx: Transaction, code_hash: str, identity: Identity, now: datetime
) -> Linked | LinkRefused:
    await tx.fetch(HOLD_LINKS)
    standing = await _standing(tx, code_hash, identity, now)
    decided = decide_link(standing, identity, now)
    if isinstance(decided, LinkRefused) or standing.offer is None:
        refused = decided if isinstance(decided, LinkRefused) else LinkRefused.NO_SUCH_CODE
        await _note_refusal(tx, refused, code_hash, identity, now)
        return refused
    rows = await tx.fetch(RESTING, person_id_of(identity))
    resting = tuple(to_binding(row) for row in rows)
    if standing.taken_by is None:
        await tx.count(TAKE_OFFER, *_key(identity), code_hash)
        await tx.count(MOVE_IDENTITY, *_key(identity), decided)
        data = linked_data(person_id_of(identity), resting)
        tx.log(AuditKind.PERSON_LINKED, now, decided, identity.key, data)
    return Linked(standing.offer, decided, resting)


async def _standing(
    tx: Transaction, code_hash: str, identity: Identity, now: datetime
) -> LinkStanding:
    row = await tx.first(GET_OFFER, code_hash)
    offer, is_replaced, taken_by = _to_offer(row) if row else (None, False, None)
    if offer is not None and (is_replaced or await is_banned(tx, offer.identity, now)):
        offer = None
    mine = await find_person_id(tx, identity)
    return LinkStanding(
        offer=offer,
        taken_by=taken_by,
        theirs=await find_person_id(tx, offer.identity) if offer else None,
        mine=mine,
        mine_count=await _count(tx, COUNT_IDENTITIES, mine),
        tries=await _count(tx, COUNT_TRIES, *_key(identity), now - LINK_LIFE),
    )


async def _note_refusal(
    tx: Transaction, refused: LinkRefused, code_hash: str, identity: Identity, now: datetime
) -> None:
    if refused is LinkRefused.NO_SUCH_CODE:
        await tx.count(DROP_TRIES, *_key(identity), now - LINK_LIFE)
        await tx.count(ADD_TRY, *_key(identity), now)
    tx.log(AuditKind.LINK_REFUSED, now, identity.key, code_hash, {"reason": refused.value})


async def _unlink(tx: Transaction, identity: Identity, now: datetime) -> Unlinked | UnlinkRefused:
    await tx.fetch(HOLD_LINKS)
    mine = await find_person_id(tx, identity)
    decided = decide_unlink(mine, await _count(tx, COUNT_IDENTITIES, mine), identity)
    if isinstance(decided, UnlinkRefused):
        return decided
    await tx.count(ADD_PERSON, decided.person)
    await tx.count(MOVE_IDENTITY, *_key(identity), decided.person)
    data = {"left": decided.left}
    tx.log(AuditKind.PERSON_UNLINKED, now, decided.person, identity.key, data)
    return decided


async def _count(tx: Transaction, sql: str, *arguments: object) -> int:
    (row,) = await tx.fetch(sql, *arguments)
    return row["count"]


def _to_offer(row: Row) -> tuple[LinkOffer, bool, Identity | None]:
    platform, workspace, account, place, code_hash, asked_at, is_replaced, *taken = row
    identity = Identity(platform, workspace, account)
    offer = LinkOffer(identity, place, code_hash, asked_at)
    return offer, is_replaced, Identity(*taken) if taken[0] else None
