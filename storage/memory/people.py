"""Who may talk, and which agents are theirs, in dictionaries."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import AgentId, ConversationId, LaneId, PersonId, SessionId
from gateway.domain.messages import InboundMessage, MessageKind, Refusal
from gateway.domain.people import (
    OWN_TEMPLATE,
    AgentBinding,
    Identity,
    Pairing,
    Person,
    Sender,
    person_id_of,
)
from gateway.domain.turns import Thread
from storage.audit_data import of_ban
from storage.memory.deliveries import add_delivery
from storage.memory.tables import PairingRow, Tables
from storage.rules import MessageState


def ask_pairing(tables: Tables, refusal: Refusal, now: datetime) -> bool:
    """Store the wish to pair; False when too many of its identity wait, or its code is taken."""
    pairing = refusal.pairing
    if pairing is None or pairing.code_hash in tables.pairings:
        return False
    live = [wish for wish in _live(tables, now) if wish.identity == pairing.identity]
    if len(live) >= refusal.pairing_limit:
        return False
    tables.pairings[pairing.code_hash] = PairingRow(pairing)
    tables.log(AuditKind.PAIRING_ASKED, now, pairing.identity.key, pairing.code_hash, {})
    return True


def _live(tables: Tables, now: datetime) -> list[Pairing]:
    rows = tables.pairings.values()
    wishes = [row.pairing for row in rows if row.is_allowed is None]
    wishes = [wish for wish in wishes if wish.expires_at > now]
    return sorted(wishes, key=lambda wish: (wish.asked_at, wish.code_hash))


class MemoryPeople:
    """The PeopleStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find_person(self, identity: Identity) -> Person | None:
        """Return the person that this identity belongs to."""
        person = self._tables.identities.get(identity)
        return None if person is None else self._tables.people[person]

    async def get_person(self, person: PersonId) -> Person | None:
        """Return the person by id."""
        return self._tables.people.get(person)

    async def everybody(self) -> list[PersonId]:
        """List all persons who have an account, by id."""
        return sorted(set(self._tables.identities.values()))

    async def identities(self, person: PersonId) -> list[Identity]:
        """List the person's accounts, in the order of their keys."""
        own = [each for each, of in self._tables.identities.items() if of == person]
        return sorted(own, key=_parts)

    async def is_paired(self, identity: Identity) -> bool:
        """Whether the operator said yes to this identity."""
        rows = self._tables.pairings.values()
        return any(row.is_allowed and row.pairing.identity == identity for row in rows)

    async def pairings(self, now: datetime) -> list[Pairing]:
        """List the live wishes, oldest first."""
        return _live(self._tables, now)

    async def decide_pairing(
        self,
        code_hash: str,
        *,
        is_allowed: bool,
        now: datetime,
        by: str = OPERATOR,
        notice: NewDelivery | None = None,
    ) -> Pairing | None:
        """Approve or deny a live wish, once; None when there is no such wish."""
        row = self._tables.pairings.get(code_hash)
        if row is None or row.is_allowed is not None or row.pairing.expires_at <= now:
            return None
        row.is_allowed = is_allowed
        data = {"is_allowed": is_allowed, "by": by}
        key = row.pairing.identity.key
        self._tables.log(AuditKind.PAIRING_DECIDED, now, key, code_hash, data)
        if notice is not None:
            add_delivery(self._tables, notice, now)
        return row.pairing

    async def ban(self, ban: Ban) -> list[Identity]:
        """Store it for the account and all that are linked to it, which are returned."""
        self._tables.bans = {
            each: known for each, known in self._tables.bans.items() if known.holds(ban.since)
        }
        accounts = await self._linked(ban.identity)
        for identity in accounts:
            self._tables.bans[identity] = replace(ban, identity=identity)
            person = self._tables.identities.get(identity) or person_id_of(identity)
            self._tables.log(AuditKind.PERSON_BANNED, ban.since, person, identity.key, of_ban(ban))
        return accounts

    async def lift_ban(self, identity: Identity, by: str, now: datetime) -> list[Identity]:
        """End it for the account and all that are linked to it; returns those that had one."""
        live = {ban.identity for ban in await self.bans(now)}
        lifted = [each for each in await self._linked(identity) if each in live]
        for each in lifted:
            del self._tables.bans[each]
            person = self._tables.identities.get(each) or person_id_of(each)
            self._tables.log(AuditKind.PERSON_UNBANNED, now, person, each.key, {"by": by})
        return lifted

    async def bans(self, now: datetime) -> list[Ban]:
        """List those that are not over, oldest first."""
        live = [ban for ban in self._tables.bans.values() if ban.holds(now)]
        return sorted(live, key=lambda ban: (ban.since, _parts(ban.identity)))

    async def _linked(self, identity: Identity) -> list[Identity]:
        """Return the accounts of whoever has this one; itself where nobody has it."""
        person = self._tables.identities.get(identity)
        return [identity] if person is None else await self.identities(person)

    async def binding(self, person: PersonId, role: str) -> AgentBinding | None:
        """Return the person's agent in this role, or the intent to make it."""
        return self._tables.bindings.get((person, role))

    async def intend_agent(self, person: PersonId, role: str, now: datetime) -> AgentBinding:
        """Store the intent to make an agent, or return what is there already."""
        known = self._tables.bindings.get((person, role))
        if known is not None:
            return known
        binding = AgentBinding(person, role, None, now)
        self._tables.bindings[person, role] = binding
        self._tables.roles.add(role)
        self._tables.log(AuditKind.AGENT_INTENDED, now, person, role, {})
        return binding

    async def renew_intent(
        self, person: PersonId, role: str, seen: datetime, now: datetime
    ) -> bool:
        """Take the open intent of the moment `seen` for one's own, to act on it now."""
        known = self._tables.bindings.get((person, role))
        if known is None or known.agent_id is not None or known.intended_at != seen:
            return False
        self._tables.bindings[person, role] = replace(known, intended_at=now)
        self._tables.log(AuditKind.AGENT_INTENDED, now, person, role, {})
        return True

    async def bind_agent(self, person: PersonId, role: str, agent: AgentId) -> AgentBinding:
        """Remember the agent's id. The first id stays; raises ValueError without an intent."""
        known = self._tables.bindings.get((person, role))
        if known is None:
            raise ValueError(f'There is no intent to make the agent "{role}" of "{person}".')
        if known.agent_id is not None:
            return known
        bound = replace(known, agent_id=agent)
        self._tables.bindings[person, role] = bound
        self._tables.log(AuditKind.AGENT_BOUND, None, person, role, {"agent": agent})
        return bound

    async def bindings(self, person: PersonId | None = None) -> list[AgentBinding]:
        """List all bindings and open intents, or one person's, by person and role."""
        rows = sorted(self._tables.bindings.items())
        return [binding for (of, _), binding in rows if person in (None, of)]

    async def record_template(self, person: PersonId, role: str, template: str) -> None:
        """Remember which template the agent was brought up to; nothing where there is none."""
        known = self._tables.bindings.get((person, role))
        if known is not None and known.agent_id is not None:
            self._tables.bindings[person, role] = replace(known, template=template)

    async def adopt_agent(
        self, person: PersonId, role: str, agent: AgentId, now: datetime
    ) -> AgentId | None:
        """Bind this agent, whatever was bound before, which is returned (None: nothing was)."""
        known = self._tables.bindings.get((person, role))
        before = known.agent_id if known else None
        self._tables.bindings[person, role] = AgentBinding(person, role, agent, now, OWN_TEMPLATE)
        self._tables.roles.add(role)
        data = {"agent": agent, "instead_of": before}
        self._tables.log(AuditKind.AGENT_ADOPTED, now, person, role, data)
        return before

    async def unbind_agent(
        self, person: PersonId, role: str, agent: AgentId, now: datetime
    ) -> bool:
        """Forget the binding if it is of this agent, so that another one can be made."""
        known = self._tables.bindings.get((person, role))
        if known is None or known.agent_id != agent:
            return False
        del self._tables.bindings[person, role]
        self._tables.log(AuditKind.AGENT_UNBOUND, now, person, role, {"agent": agent})
        return True

    async def session(self, agent: AgentId, conversation: ConversationId) -> SessionId | None:
        """Return the agent's thread for the conversation."""
        return self._tables.sessions.get((agent, conversation))

    async def contacts(
        self, person: PersonId, conversation: ConversationId
    ) -> list[tuple[AgentBinding, SessionId | None]]:
        """List the person's bindings by role, each with its thread for the conversation."""
        threads, bindings = self._tables.sessions, self._tables.bindings
        found = [bindings.get((person, role)) for role in sorted(self._tables.roles)]
        return [
            (row, threads.get((row.agent_id, conversation)) if row.agent_id else None)
            for row in found
            if row is not None
        ]

    async def bind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId
    ) -> SessionId:
        """Remember the thread. The first one stays and is returned."""
        known = self._tables.sessions.get((agent, conversation))
        if known is not None:
            return known
        self._tables.sessions[agent, conversation] = thread
        data = {"thread": thread}
        self._tables.log(AuditKind.SESSION_BOUND, None, conversation, agent, data)
        return thread

    async def conversations_of(self, agent: AgentId) -> list[Conversation]:
        """List where the agent has a thread, by id."""
        places = sorted(place for known, place in self._tables.sessions if known == agent)
        return [Conversation.parse(place) for place in places[:1000]]

    async def rebind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId, begun_by: str
    ) -> None:
        """Remember another thread from now on, and since which message."""
        present = self._tables.sessions.get((agent, conversation))
        first = {} if present is None else {0: present}
        row = self._tables.messages.get(begun_by)
        spans = self._tables.threads.setdefault((agent, conversation), first)
        spans[row.sequence if row else 0] = thread
        self._tables.sessions[agent, conversation] = thread
        data = {"thread": thread}
        self._tables.log(AuditKind.SESSION_BOUND, None, conversation, agent, data)

    async def threads(
        self, agent: AgentId, conversation: ConversationId, lane: LaneId, limit: int
    ) -> list[Thread]:
        """List the threads, newest first, in which something was said in this lane."""
        spans = sorted(self._tables.threads.get((agent, conversation), {}).items())
        ends = [since for since, _ in spans[1:]]
        begun: dict[SessionId, tuple[int, float]] = {}
        for (since, thread), until in zip(spans, [*ends, math.inf], strict=False):
            begun.setdefault(thread, (since, until))
        found: list[Thread] = []
        for number, (thread, (since, until)) in enumerate(begun.items(), start=1):
            said = self._first_said(conversation, lane, since, until)
            if said is not None:
                found.append(Thread(number, thread, said.sent_at, said.text))
        return found[::-1][:limit]

    def _first_said(
        self, conversation: ConversationId, lane: LaneId, since: int, until: float
    ) -> InboundMessage | None:
        rows = (
            row
            for row in self._tables.messages.values()
            if row.message.conversation.id == conversation
            and since <= row.sequence < until
            and row.lane == lane
            and row.message.kind in (MessageKind.TEXT, MessageKind.EDIT)
            and row.state < MessageState.REFUSED
        )
        first = min(rows, key=lambda row: row.sequence, default=None)
        return first.message if first else None

    async def last_sender(self, conversation: ConversationId) -> Sender | None:
        """Return who wrote last in the conversation and was heard; None when nobody did."""
        rows = (
            row
            for row in self._tables.messages.values()
            if row.message.conversation.id == conversation
            and row.state is not MessageState.REFUSED
            and not row.message.is_wakeup
        )
        newest = max(rows, key=lambda row: row.sequence, default=None)
        return newest.message.sender if newest else None


def _parts(identity: Identity) -> tuple[str, str, str]:
    return identity.platform, identity.workspace, identity.user
