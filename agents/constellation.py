"""Every person's own agents: remembered, found again, or made; and brought up to their templates.

How one of them is made exactly once is `founding`'s; nothing here knows how a host makes agents.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from agents.founding import ConstellationOptions, Founding, is_shared_slot, shared_slot
from agents.remembering import Flights, Recent
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, BlockId, ConversationId, PersonId, SessionId
from gateway.domain.people import OWN_TEMPLATE, AgentBinding, lane_owner, thread_place
from gateway.domain.turns import Session, Turn
from gateway.errors import BadInput, RuntimeUnavailable
from gateway.ports import AgentHost, AgentTemplates, Clock, PeopleStore

log = logging.getLogger(__name__)

_ABSENT_SECONDS = 5.0
"""Another process may make an agent; after this the store is asked again."""
_THREADS_STAY_SECONDS = 5.0
"""Another process may begin a new thread; after this the store is asked again."""

__all__ = ["AgentConstellation", "ConstellationOptions"]


class AgentConstellation:
    """Implements `Constellation`: memory, then the store, then the host.

    An agent is made only under a stored intent, and only after a look-up that
    succeeded and found none. Where an earlier creation may still be on its way
    (its process died, or its answer was lost) look-ups have to find none until
    `settle_seconds` are over. Failures are RuntimeUnavailable or StoreUnavailable
    and are not remembered.
    """

    def __init__(
        self,
        people: PeopleStore,
        host: AgentHost,
        clock: Clock,
        options: ConstellationOptions | None = None,
        templates: AgentTemplates | None = None,
    ) -> None:
        self._people = people
        self._host = host
        self._templates = templates
        self._clock = clock
        self._options = options or ConstellationOptions()
        self._founding = Founding(people, host, templates, clock, self._options)
        remembered, seconds = self._options.remembered, self._options.recheck_seconds
        self._agents = Recent[tuple[PersonId, str], AgentId](remembered, clock, seconds)
        self._absent = Recent[tuple[PersonId, str], bool](remembered, clock, _ABSENT_SECONDS)
        self._threads = Recent[tuple[AgentId, ConversationId], SessionId](
            remembered, clock, _THREADS_STAY_SECONDS
        )
        self._epoch = 0
        """Counts what was forgotten: what was read before that is not remembered."""
        self._flights = Flights()

    async def session_for(self, turn: Turn) -> Session:
        """Return where this turn runs, making agent and thread on first contact."""
        owner = lane_owner(turn.ref.lane, turn.person, turn.conversation)
        agent = await self.agent(owner, turn.role, turn.conversation)
        place = thread_place(turn.ref.lane, turn.conversation)
        return Session(agent, await self._thread(agent, place))

    # -- agents

    async def agent(self, owner: PersonId, role: str, place: Conversation | None = None) -> AgentId:
        """Return the owner's agent in this role, made on first contact.

        Where its thread for a place is wanted next, one look at the store finds both.
        """
        key = (owner, role)
        if (known := self._agents.get(key)) is not None:
            return known
        async with self._flights.alone(key):
            known = self._agents.get(key)
            return known if known is not None else await self._bound_agent(owner, role, place)

    async def agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        """Return the owner's agent in this role, without making one; None before first contact.

        The host is never asked. That there is none is remembered too, for a few seconds.
        """
        key = (owner, role)
        if (known := self._agents.get(key)) is not None or key in self._absent:
            return known
        binding = await self._people.binding(owner, role)
        if binding is None or binding.agent_id is None:
            self._absent.put(key, value=True)
            return None
        return binding.agent_id

    def forget(self, owner: PersonId, role: str) -> None:
        """Ask the store again which agent is the owner's; other processes do within a minute."""
        self._agents.drop((owner, role))
        self._epoch += 1

    async def prepare(self, owner: PersonId, roles: Iterable[str]) -> list[AgentId]:
        """Make all of the owner's agents that are not there yet, at once.

        Raises the first failure when the others are done: trying again makes what is missing.
        """
        every = [self.agent(owner, role) for role in roles]
        made = await asyncio.gather(*every, return_exceptions=True)
        for failure in made:
            if isinstance(failure, BaseException):
                raise failure
        return [agent for agent in made if not isinstance(agent, BaseException)]

    async def _bound_agent(self, owner: PersonId, role: str, place: Conversation | None) -> AgentId:
        """Return the agent that the store knows, or bind it to the one that the host has."""
        binding = await self._founding.bound(owner, role, await self._stored(owner, role, place))
        agent = binding.agent_id
        assert agent is not None  # noqa: S101 - what `bound` promises
        self._absent.drop((owner, role))
        if self._is_current(binding) or await self._is_mended(binding, agent):
            self._agents.put((owner, role), agent)
        return agent

    async def _stored(
        self, owner: PersonId, role: str, place: Conversation | None
    ) -> AgentBinding | None:
        """Return what the store knows of the agent.

        With a place, one look tells of all the owner's agents and their threads there:
        whoever is addressed next is remembered already.
        """
        if place is None:
            return await self._people.binding(owner, role)
        epoch = self._epoch
        contacts = await self._people.contacts(owner, place.id)
        if epoch == self._epoch:
            for binding, thread in contacts:
                self._remember(binding, thread, place)
        return next((binding for binding, _ in contacts if binding.role == role), None)

    def _remember(
        self, binding: AgentBinding, thread: SessionId | None, place: Conversation
    ) -> None:
        """Keep what the store told in passing; what is remembered already may be newer."""
        agent, key = binding.agent_id, (binding.person, binding.role)
        if agent is None or is_shared_slot(binding.role):
            return
        if thread is not None and (agent, place.id) not in self._threads:
            self._threads.put((agent, place.id), thread)
        if key not in self._agents and self._is_current(binding):
            self._agents.put(key, agent)
            self._absent.drop(key)

    def _is_current(self, binding: AgentBinding) -> bool:
        """Whether the agent is as its template says, as far as the store knows."""
        if self._templates is None or binding.template == OWN_TEMPLATE:
            return True
        return binding.template == self._templates.version(binding.role)

    async def _is_mended(self, binding: AgentBinding, agent: AgentId) -> bool:
        """Bring the agent up to its template; False when that has to be tried again.

        An agent that is behind its template still answers.
        """
        try:
            await self.roll_out(binding.person, binding.role, agent)
        except (RuntimeUnavailable, BadInput) as error:
            log.warning("template_not_rolled_out", extra={"agent": agent, "error": str(error)})
            return False
        return True

    # -- templates

    async def roll_out(self, owner: PersonId, role: str, agent: AgentId) -> tuple[str, ...]:
        """Mend what differs from the role's template; returns what it was."""
        templates = self._has_templates()
        person = await self._founding.person(owner)
        shared = await self._shared_blocks(owner, role)
        changes = await templates.roll_out(person, role, agent, shared)
        await self._people.record_template(owner, role, templates.version(role))
        return changes

    async def drift(self, owner: PersonId, role: str, agent: AgentId) -> tuple[str, ...] | None:
        """Say how the agent differs from its template; None when the host has no such agent."""
        templates = self._has_templates()
        known = [
            await self._people.binding(owner, shared_slot(label))
            for label in templates.shared_labels(role)
        ]
        shared = {
            binding.role.removeprefix("#"): BlockId(binding.agent_id)
            for binding in known
            if binding is not None and binding.agent_id is not None
        }
        person = await self._founding.person(owner)
        return await templates.drift(person, role, agent, shared)

    async def _shared_blocks(self, owner: PersonId, role: str) -> dict[str, BlockId]:
        """Return the blocks that all agents of the owner share, each of them made once."""
        blocks: dict[str, BlockId] = {}
        for label in self._has_templates().shared_labels(role):
            slot = shared_slot(label)
            async with self._flights.alone((owner, slot)):
                known = await self._people.binding(owner, slot)
                bound = await self._founding.bound(owner, slot, known)
            blocks[label] = BlockId(bound.agent_id or "")
        return blocks

    def _has_templates(self) -> AgentTemplates:
        if self._templates is None:
            raise BadInput("This runtime knows no templates.")
        return self._templates

    # -- threads

    async def renew_thread(
        self, agent: AgentId, conversation: Conversation, begun_by: str
    ) -> SessionId:
        """Begin a new thread of the agent's in this conversation; its memory stays."""
        thread = await self._host.create_session(agent, conversation)
        await self.resume_thread(agent, conversation, thread, begun_by)
        return thread

    async def resume_thread(
        self, agent: AgentId, conversation: Conversation, thread: SessionId, begun_by: str
    ) -> None:
        """Go back to an earlier thread of the agent's in this conversation."""
        await self._people.rebind_session(agent, conversation.id, thread, begun_by)
        self._threads.put((agent, conversation.id), thread)

    async def _thread(self, agent: AgentId, conversation: Conversation) -> SessionId:
        key = (agent, conversation.id)
        if (known := self._threads.get(key)) is not None:
            return known
        async with self._flights.alone(key):
            if (known := self._threads.get(key)) is None:
                known = await self._bound_thread(agent, conversation)
                self._threads.put(key, known)
            return known

    async def _bound_thread(self, agent: AgentId, conversation: Conversation) -> SessionId:
        known = await self._people.session(agent, conversation.id)
        if known is not None:
            return known
        thread = await self._host.find_session(agent, conversation)
        thread = thread or await self._host.create_session(agent, conversation)
        return await self._people.bind_session(agent, conversation.id, thread)
