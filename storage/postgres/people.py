"""Who may talk, and which agents are theirs: person, identity, pairing, binding, session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import AgentId, ConversationId, LaneId, PersonId, SessionId
from gateway.domain.people import OWN_TEMPLATE, AgentBinding, Identity, Pairing, Person, Sender
from gateway.domain.turns import Thread
from storage.columns import to_place
from storage.postgres import bans
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.posts import add_delivery
from storage.postgres.threads import switch, threads_of, to_thread
from storage.postgres.values import columns, storable

_PAIRING = "platform, workspace, account, name, code_hash, asked_at, expires_at, conversation"
_BINDING = "person, role, agent, intended_at, template"

FIND_PERSON_ID = """
SELECT person FROM identity WHERE platform = $1 AND workspace = $2 AND account = $3
"""
ADD_PEOPLE = """
INSERT INTO person (id, name) SELECT id, name FROM unnest($1::text[], $2::text[]) AS new (id, name)
ON CONFLICT (id) DO NOTHING
"""
ADD_IDENTITIES = """
INSERT INTO identity (platform, workspace, account, person)
SELECT platform, workspace, account, person
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS new (platform, workspace, account, person)
ON CONFLICT (platform, workspace, account) DO NOTHING RETURNING platform, workspace, account
"""
FIND_PERSON = """
SELECT person.id, person.name FROM identity JOIN person ON person.id = identity.person
WHERE platform = $1 AND workspace = $2 AND account = $3
"""
GET_PERSON = "SELECT id, name FROM person WHERE id = $1"

# Two workers that count the same wishes would each find room for one more.
HOLD_WISHES = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
COUNT_WISHES = """
SELECT count(*) FROM pairing WHERE platform = $1 AND workspace = $2 AND account = $3
    AND is_allowed IS NULL AND expires_at > $4
"""
ADD_WISH = f"""
INSERT INTO pairing ({_PAIRING}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (code_hash) DO NOTHING
"""  # noqa: S608 - constants
LIVE_WISHES = f"""
SELECT {_PAIRING} FROM pairing WHERE is_allowed IS NULL AND expires_at > $1
ORDER BY asked_at, code_hash
"""  # noqa: S608 - constants
DECIDE = f"""
UPDATE pairing SET is_allowed = $1 WHERE code_hash = $2 AND is_allowed IS NULL AND expires_at > $3
RETURNING {_PAIRING}
"""  # noqa: S608 - constants
IS_PAIRED = """
SELECT 1 FROM pairing WHERE platform = $1 AND workspace = $2 AND account = $3 AND is_allowed
LIMIT 1
"""

GET_BINDING = f"SELECT {_BINDING} FROM binding WHERE person = $1 AND role = $2"  # noqa: S608
ADD_INTENT = """
INSERT INTO binding (person, role, intended_at) VALUES ($1, $2, $3)
ON CONFLICT (person, role) DO NOTHING
"""
RENEW_INTENT = """
UPDATE binding SET intended_at = $1
WHERE person = $2 AND role = $3 AND agent IS NULL AND intended_at = $4
"""
BIND_AGENT = "UPDATE binding SET agent = $1 WHERE person = $2 AND role = $3 AND agent IS NULL"
ALL_BINDINGS = f"SELECT {_BINDING} FROM binding ORDER BY person, role"  # noqa: S608
BINDINGS_OF = f"SELECT {_BINDING} FROM binding WHERE person = $1 ORDER BY role"  # noqa: S608
HOLD_BINDING = "SELECT agent FROM binding WHERE person = $1 AND role = $2 FOR UPDATE"
UPSERT_AGENT = """
INSERT INTO binding (person, role, agent, intended_at, template) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person, role) DO UPDATE SET
    agent = excluded.agent, intended_at = excluded.intended_at, template = excluded.template
"""
SET_TEMPLATE = """
UPDATE binding SET template = $1 WHERE person = $2 AND role = $3 AND agent IS NOT NULL
"""
DROP_BINDING = "DELETE FROM binding WHERE person = $1 AND role = $2 AND agent = $3"
EVERYBODY = "SELECT DISTINCT person FROM identity ORDER BY person"
IDENTITIES = """
SELECT platform, workspace, account FROM identity WHERE person = $1
ORDER BY platform, workspace, account
"""
SESSIONS_OF = """
SELECT conversation FROM session WHERE agent = $1 ORDER BY conversation LIMIT 1000
"""
GET_SESSION = "SELECT thread FROM session WHERE agent = $1 AND conversation = $2"
CONTACTS = """
SELECT person, role, binding.agent, intended_at, template, thread
FROM binding LEFT JOIN session ON session.agent = binding.agent AND session.conversation = $1
WHERE person = $2 ORDER BY role
"""
ADD_SESSION = """
INSERT INTO session (agent, conversation, thread) VALUES ($1, $2, $3)
ON CONFLICT (agent, conversation) DO NOTHING
"""
LAST_SENDER = """
SELECT sender_platform, sender_workspace, sender_account, sender_name FROM inbox
WHERE conversation = $1 AND state <> 3 AND kind <> 'wakeup' ORDER BY seq DESC LIMIT 1
"""

Account = tuple[str, str, str]


def _key(identity: Identity) -> Account:
    return identity.platform, identity.workspace, identity.user


async def find_person_id(tx: Transaction, identity: Identity) -> PersonId | None:
    """Return whose identity this is."""
    row = await tx.first(FIND_PERSON_ID, *_key(identity))
    return None if row is None else row["person"]


async def meet(
    tx: Transaction, strangers: Sequence[Sender], people: Mapping[Account, PersonId]
) -> set[Account]:
    """Store strangers' identities as persons of their own; return those that were new."""
    senders = {_key(sender.identity): sender for sender in reversed(strangers)}
    accounts = sorted(senders)
    names = [storable(senders[account].name) for account in accounts]
    ids = [people[account] for account in accounts]
    by_id = sorted(zip(ids, names, strict=True))
    await tx.count(ADD_PEOPLE, *columns(by_id))
    rows = await tx.fetch(ADD_IDENTITIES, *columns(accounts), ids)
    return {(row["platform"], row["workspace"], row["account"]) for row in rows}


async def ask_pairing(tx: Transaction, wish: Pairing, limit: int, now: datetime) -> bool:
    """Store the wish to pair; False when too many of its identity wait, or its code is taken."""
    key = _key(wish.identity)
    await tx.fetch(HOLD_WISHES, wish.identity.key)
    (waiting,) = await tx.fetch(COUNT_WISHES, *key, now)
    if waiting["count"] >= limit:
        return False
    row = (
        *key,
        storable(wish.name),
        wish.code_hash,
        wish.asked_at,
        wish.expires_at,
        wish.conversation,
    )
    if await tx.count(ADD_WISH, *row) == 0:
        return False
    tx.log(AuditKind.PAIRING_ASKED, now, wish.identity.key, wish.code_hash, {})
    return True


class PostgresPeople:
    """The PeopleStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def find_person(self, identity: Identity) -> Person | None:
        """Return the person that this identity belongs to."""
        rows = await self._read(FIND_PERSON, *_key(identity))
        return Person(*rows[0]) if rows else None

    async def get_person(self, person: PersonId) -> Person | None:
        """Return the person by id."""
        rows = await self._read(GET_PERSON, person)
        return Person(*rows[0]) if rows else None

    async def everybody(self) -> list[PersonId]:
        """List all persons who have an account, by id."""
        return [row["person"] for row in await self._read(EVERYBODY)]

    async def identities(self, person: PersonId) -> list[Identity]:
        """List the person's accounts, in the order of their keys."""
        return [Identity(*row) for row in await self._read(IDENTITIES, person)]

    async def is_paired(self, identity: Identity) -> bool:
        """Whether the operator said yes to this identity."""
        return bool(await self._read(IS_PAIRED, *_key(identity)))

    async def pairings(self, now: datetime) -> list[Pairing]:
        """List the live wishes, oldest first."""
        return [_to_pairing(row) for row in await self._read(LIVE_WISHES, now)]

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
        return await self._write(_decide, code_hash, is_allowed, now, by, notice)

    async def ban(self, ban: Ban) -> list[Identity]:
        """Store it for the account and all that are linked to it, which are returned."""
        return await self._write(bans.put_ban, ban)

    async def lift_ban(self, identity: Identity, by: str, now: datetime) -> list[Identity]:
        """End it for the account and all that are linked to it; returns those that had one."""
        return await self._write(bans.lift_ban, identity, by, now)

    async def bans(self, now: datetime) -> list[Ban]:
        """List those that are not over, oldest first."""
        return [bans.to_ban(row) for row in await self._read(bans.LIVE_BANS, now)]

    async def binding(self, person: PersonId, role: str) -> AgentBinding | None:
        """Return the person's agent in this role, or the intent to make it."""
        rows = await self._read(GET_BINDING, person, role)
        return to_binding(rows[0]) if rows else None

    async def intend_agent(self, person: PersonId, role: str, now: datetime) -> AgentBinding:
        """Store the intent to make an agent, or return what is there already."""
        return await self._write(_intend, person, role, now)

    async def renew_intent(
        self, person: PersonId, role: str, seen: datetime, now: datetime
    ) -> bool:
        """Take the open intent of the moment `seen` for one's own, to act on it now."""
        return await self._write(_renew, person, role, seen, now)

    async def bind_agent(self, person: PersonId, role: str, agent: AgentId) -> AgentBinding:
        """Remember the agent's id. The first id stays; raises ValueError without an intent."""
        return await self._write(_bind, person, role, agent)

    async def bindings(self, person: PersonId | None = None) -> list[AgentBinding]:
        """List all bindings and open intents, or one person's, by person and role."""
        asked = (ALL_BINDINGS,) if person is None else (BINDINGS_OF, person)
        return [to_binding(row) for row in await self._read(*asked)]

    async def record_template(self, person: PersonId, role: str, template: str) -> None:
        """Remember which template the agent was brought up to; nothing where there is none."""
        await self._write(_record_template, person, role, template)

    async def adopt_agent(
        self, person: PersonId, role: str, agent: AgentId, now: datetime
    ) -> AgentId | None:
        """Bind this agent, whatever was bound before, which is returned (None: nothing was)."""
        return await self._write(_adopt, person, role, agent, now)

    async def unbind_agent(
        self, person: PersonId, role: str, agent: AgentId, now: datetime
    ) -> bool:
        """Forget the binding if it is of this agent, so that another one can be made."""
        return await self._write(_unbind, person, role, agent, now)

    async def session(self, agent: AgentId, conversation: ConversationId) -> SessionId | None:
        """Return the agent's thread for the conversation."""
        rows = await self._read(GET_SESSION, agent, conversation)
        return rows[0]["thread"] if rows else None

    async def contacts(
        self, person: PersonId, conversation: ConversationId
    ) -> list[tuple[AgentBinding, SessionId | None]]:
        """List the person's bindings by role, each with its thread for the conversation."""
        rows = await self._read(CONTACTS, conversation, person)
        return [(to_binding(row[:-1]), row["thread"]) for row in rows]

    async def bind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId
    ) -> SessionId:
        """Remember the thread. The first one stays and is returned."""
        return await self._write(_bind_session, agent, conversation, thread)

    async def conversations_of(self, agent: AgentId) -> list[Conversation]:
        """List where the agent has a thread, by id."""
        return [to_place(row["conversation"]) for row in await self._read(SESSIONS_OF, agent)]

    async def rebind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId, begun_by: str
    ) -> None:
        """Remember another thread from now on, and since which message."""
        await self._write(switch, agent, conversation, thread, begun_by)

    async def threads(
        self, agent: AgentId, conversation: ConversationId, lane: LaneId, limit: int
    ) -> list[Thread]:
        """List the threads, newest first, in which something was said in this lane."""
        rows = await self._read(*threads_of(agent, conversation, lane, limit))
        return [to_thread(row) for row in rows]

    async def last_sender(self, conversation: ConversationId) -> Sender | None:
        """Return who wrote last in the conversation and was heard; None when nobody did."""
        rows = await self._read(LAST_SENDER, conversation)
        return Sender(Identity(*rows[0][:3]), rows[0][3]) if rows else None


async def _decide(
    tx: Transaction,
    code_hash: str,
    is_allowed: bool,
    now: datetime,
    by: str,
    notice: NewDelivery | None,
) -> Pairing | None:
    row = await tx.first(DECIDE, is_allowed, code_hash, now)
    if row is None:
        return None
    wish = _to_pairing(row)
    data = {"is_allowed": is_allowed, "by": by}
    tx.log(AuditKind.PAIRING_DECIDED, now, wish.identity.key, code_hash, data)
    if notice is not None:
        await add_delivery(tx, notice, now)
    return wish


async def _intend(tx: Transaction, person: PersonId, role: str, now: datetime) -> AgentBinding:
    if await tx.count(ADD_INTENT, person, role, now) == 1:
        tx.log(AuditKind.AGENT_INTENDED, now, person, role, {})
    return to_binding(await tx.first(GET_BINDING, person, role))


async def _renew(
    tx: Transaction, person: PersonId, role: str, seen: datetime, now: datetime
) -> bool:
    is_mine = await tx.count(RENEW_INTENT, now, person, role, seen) == 1
    if is_mine:
        tx.log(AuditKind.AGENT_INTENDED, now, person, role, {})
    return is_mine


async def _bind(tx: Transaction, person: PersonId, role: str, agent: AgentId) -> AgentBinding:
    if await tx.count(BIND_AGENT, agent, person, role) == 1:
        tx.log(AuditKind.AGENT_BOUND, None, person, role, {"agent": agent})
    row = await tx.first(GET_BINDING, person, role)
    if row is None:
        raise ValueError(f'There is no intent to make the agent "{role}" of "{person}".')
    return to_binding(row)


async def _record_template(tx: Transaction, person: PersonId, role: str, template: str) -> None:
    await tx.count(SET_TEMPLATE, template, person, role)


async def _adopt(
    tx: Transaction, person: PersonId, role: str, agent: AgentId, now: datetime
) -> AgentId | None:
    known = await tx.first(HOLD_BINDING, person, role)
    before = known["agent"] if known else None
    await tx.count(UPSERT_AGENT, person, role, agent, now, OWN_TEMPLATE)
    data = {"agent": agent, "instead_of": before}
    tx.log(AuditKind.AGENT_ADOPTED, now, person, role, data)
    return before


async def _unbind(
    tx: Transaction, person: PersonId, role: str, agent: AgentId, now: datetime
) -> bool:
    is_gone = await tx.count(DROP_BINDING, person, role, agent) == 1
    if is_gone:
        tx.log(AuditKind.AGENT_UNBOUND, now, person, role, {"agent": agent})
    return is_gone


async def _bind_session(
    tx: Transaction, agent: AgentId, conversation: ConversationId, thread: SessionId
) -> SessionId:
    if await tx.count(ADD_SESSION, agent, conversation, thread) == 1:
        tx.log(AuditKind.SESSION_BOUND, None, conversation, agent, {"thread": thread})
    (row,) = await tx.fetch(GET_SESSION, agent, conversation)
    return row["thread"]


def _to_pairing(row: Row) -> Pairing:
    platform, workspace, account, name, *rest = row
    return Pairing(Identity(platform, workspace, account), name, *rest)


def to_binding(row: Row) -> AgentBinding:
    """Read the columns of a binding."""
    person, role, agent, intended_at, template = row
    return AgentBinding(person, role, agent, intended_at, template)
