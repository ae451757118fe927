"""Who may talk, and which agents are theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import (
    AgentId,
    ConversationId,
    LaneId,
    PersonId,
    SessionId,
)
from gateway.domain.people import AgentBinding, Identity, Pairing, Person, Sender
from gateway.domain.turns import Thread


class PeopleStore(Protocol):
    """Who may talk, and which agents are theirs."""

    async def find_person(self, identity: Identity) -> Person | None:
        """Return the person that this identity belongs to."""
        ...

    async def get_person(self, person: PersonId) -> Person | None:
        """Return the person by id."""
        ...

    async def everybody(self) -> list[PersonId]:
        """List all persons who have an account, by id."""
        ...

    async def identities(self, person: PersonId) -> list[Identity]:
        """List the person's accounts, in the order of their keys."""
        ...

    async def is_paired(self, identity: Identity) -> bool:
        """Whether the operator said yes to this identity."""
        ...

    async def pairings(self, now: datetime) -> list[Pairing]:
        """List the live wishes, oldest first."""
        ...

    async def decide_pairing(
        self,
        code_hash: str,
        *,
        is_allowed: bool,
        now: datetime,
        by: str = OPERATOR,
        notice: NewDelivery | None = None,
    ) -> Pairing | None:
        """Approve or deny a live wish, once; None when there is no such wish.

        The log says who did it: an identity key, or the operator. The notice is stored
        in the same commit, and only when this call decided.
        """
        ...

    async def ban(self, ban: Ban) -> list[Identity]:
        """Store it for the account and all that are linked to it, which are returned.

        It takes the place of an earlier one. Raises StoreUnavailable.
        """
        ...

    async def lift_ban(self, identity: Identity, by: str, now: datetime) -> list[Identity]:
        """End it for the account and all that are linked to it; returns those that had one."""
        ...

    async def bans(self, now: datetime) -> list[Ban]:
        """List those that are not over, oldest first."""
        ...

    async def binding(self, person: PersonId, role: str) -> AgentBinding | None:
        """Return the person's agent in this role, or the intent to make it."""
        ...

    async def intend_agent(self, person: PersonId, role: str, now: datetime) -> AgentBinding:
        """Store the intent to make an agent, or return what is there already."""
        ...

    async def renew_intent(
        self, person: PersonId, role: str, seen: datetime, now: datetime
    ) -> bool:
        """Take the open intent of the moment `seen` for one's own, to act on it now.

        False when it is open no more, or somebody else was faster: of several that
        saw the same intent, one alone may make the agent.
        """
        ...

    async def bind_agent(self, person: PersonId, role: str, agent: AgentId) -> AgentBinding:
        """Remember the agent's id. The first id stays; the binding that holds is returned."""
        ...

    async def bindings(self, person: PersonId | None = None) -> list[AgentBinding]:
        """List all bindings and open intents, or one person's, by person and role."""
        ...

    async def record_template(self, person: PersonId, role: str, template: str) -> None:
        """Remember which template the agent was brought up to; nothing where there is none."""
        ...

    async def adopt_agent(
        self, person: PersonId, role: str, agent: AgentId, now: datetime
    ) -> AgentId | None:
        """Bind this agent, whatever was bound before, which is returned (None: nothing was).

        It has a template of its own (`OWN_TEMPLATE`): it is left as it is.
        """
        ...

    async def unbind_agent(
        self, person: PersonId, role: str, agent: AgentId, now: datetime
    ) -> bool:
        """Forget the binding if it is of this agent, so that another one can be made."""
        ...

    async def session(self, agent: AgentId, conversation: ConversationId) -> SessionId | None:
        """Return the agent's thread for the conversation."""
        ...

    async def contacts(
        self, person: PersonId, conversation: ConversationId
    ) -> list[tuple[AgentBinding, SessionId | None]]:
        """List the person's bindings and intents by role, each with what `session` tells of it.

        One look for all agents: who is heard by several costs no more than who is heard by one.
        """
        ...

    async def bind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId
    ) -> SessionId:
        """Remember the thread. The first one stays and is returned."""
        ...

    async def conversations_of(self, agent: AgentId) -> list[Conversation]:
        """List where the agent has a thread, by id; at most a thousand."""
        ...

    async def rebind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId, begun_by: str
    ) -> None:
        """Remember another thread from now on, whatever was bound before.

        `begun_by` is the key of the message from which on it counts: what was said
        before it belongs to the thread before. The same key again replaces the thread.
        """
        ...

    async def threads(
        self, agent: AgentId, conversation: ConversationId, lane: LaneId, limit: int
    ) -> list[Thread]:
        """List the threads, newest first, in which something was said in this lane.

        None before another thread was remembered: then there is the one of `session`.
        """
        ...

    async def last_sender(self, conversation: ConversationId) -> Sender | None:
        """Return who wrote last in the conversation and was heard; None when nobody did."""
        ...
