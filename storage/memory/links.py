"""Which accounts are one person, in dictionaries."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.links import (
    LINK_LIFE,
    MOST_OFFERS,
    MOST_TRIES,
    Linked,
    LinkOffer,
    LinkRefused,
    Unlinked,
    UnlinkRefused,
)
from gateway.domain.people import AgentBinding, Identity, Person, person_id_of
from storage.memory.tables import LinkRow, Tables
from storage.rules import LinkStanding, decide_link, decide_unlink, linked_data


class MemoryLinks:
    """The LinkStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def offer(self, offer: LinkOffer) -> bool:
        """Keep the code in the place of the account's earlier one; False: too many of late."""
        links = self._tables.links
        mine = [row for row in links.values() if row.offer.identity == offer.identity]
        recent = [row for row in mine if row.offer.expires_at > offer.asked_at]
        if len(recent) >= MOST_OFFERS or offer.code_hash in links:
            return False
        for row in mine:
            if row.taken_by is None and row not in recent:
                del links[row.offer.code_hash]
            row.is_replaced |= row.taken_by is None
        links[offer.code_hash] = LinkRow(offer)
        key = offer.identity.key
        self._tables.log(AuditKind.LINK_OFFERED, offer.asked_at, key, offer.code_hash, {})
        return True

    async def link(self, code_hash: str, identity: Identity, now: datetime) -> Linked | LinkRefused:
        """Join the account that typed a code to the person of the one that was shown it."""
        row = self._tables.links.get(code_hash)
        decided = decide_link(self._standing(row, identity, now), identity, now)
        if isinstance(decided, LinkRefused):
            self._note_refusal(decided, code_hash, identity, now)
            return decided
        assert row is not None  # noqa: S101 - what does not exist was refused
        person, resting = decided, self._resting(identity)
        if row.taken_by is None:
            data = linked_data(person_id_of(identity), resting)
            row.taken_by = identity
            self._tables.identities[identity] = person
            self._tables.log(AuditKind.PERSON_LINKED, now, person, identity.key, data)
        return Linked(row.offer, person, resting)

    def _standing(self, row: LinkRow | None, identity: Identity, now: datetime) -> LinkStanding:
        identities = self._tables.identities
        tries = [at for at in self._tables.link_tries[identity] if at > now - LINK_LIFE]
        mine = identities.get(identity)
        ban = self._tables.bans.get(row.offer.identity) if row else None
        is_banned = ban is not None and ban.holds(now)
        return LinkStanding(
            offer=None if row is None or row.is_replaced or is_banned else row.offer,
            taken_by=row.taken_by if row else None,
            theirs=identities.get(row.offer.identity) if row else None,
            mine=mine,
            mine_count=sum(person == mine for person in identities.values()),
            tries=min(len(tries), MOST_TRIES),
        )

    def _note_refusal(
        self, refused: LinkRefused, code_hash: str, identity: Identity, now: datetime
    ) -> None:
        if refused is LinkRefused.NO_SUCH_CODE:
            self._tables.link_tries[identity].append(now)
        data = {"reason": refused.value}
        self._tables.log(AuditKind.LINK_REFUSED, now, identity.key, code_hash, data)

    def _resting(self, identity: Identity) -> tuple[AgentBinding, ...]:
        own = person_id_of(identity)
        rows = sorted(self._tables.bindings.items())
        agents = [binding for (person, _), binding in rows if person == own and binding.agent_id]
        return tuple(binding for binding in agents if not binding.role.startswith("#"))

    async def unlink(self, identity: Identity, now: datetime) -> Unlinked | UnlinkRefused:
        """Make the account a person of its own again."""
        mine = self._tables.identities.get(identity)
        count = sum(person == mine for person in self._tables.identities.values())
        decided = decide_unlink(mine, count, identity)
        if isinstance(decided, UnlinkRefused):
            return decided
        own = decided.person
        self._tables.identities[identity] = own
        self._tables.people.setdefault(own, Person(own, ""))
        data = {"left": decided.left}
        self._tables.log(AuditKind.PERSON_UNLINKED, now, own, identity.key, data)
        return decided
