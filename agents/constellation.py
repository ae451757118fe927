"""Every person's own agents: found again, or made once, and remembered.

Knows nothing of how a host makes agents, and nothing of how the store keeps bindings.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, ConversationId, PersonId, SessionId
from gateway.domain.people import AgentBinding, Person, lane_owner
from gateway.domain.turns import Session, Turn
from gateway.errors import RuntimeUnavailable
from gateway.ports import AgentHost, Clock, PeopleStore

_SAME_MOMENT = timedelta(milliseconds=1)
"""Stores keep moments more coarsely than clocks tell them."""

_THREADS_STAY = timedelta(seconds=5)
"""Another process may begin a new thread; after this the store is asked again."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ConstellationOptions:
    """How much is remembered, and how careful creation is."""

    settle_seconds: float = 20.0
    """How long a creation whose outcome was not seen may take to show up in look-ups.

    Zero for a host that drops what it was asked when its caller is gone.
    """
    patience_seconds: float = 10.0
    """How long a creation may take, and how long a look-up before it is believed."""
    remembered: int = 10_000
    """Agents and threads kept in memory, each; the least used are forgotten first."""


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
    ) -> None:
        self._people = people
        self._host = host
        self._clock = clock
        self._options = options or ConstellationOptions()
        self._settle = timedelta(seconds=self._options.settle_seconds)
        self._agents = _Recent[tuple[PersonId, str], AgentId](self._options.remembered)
        self._threads = _Recent[tuple[AgentId, ConversationId], tuple[SessionId, datetime]](
            self._options.remembered
        )
        self._flights = _Flights()
        self._intents: dict[tuple[PersonId, str], datetime | None] = {}
        """Open intents made here: when a creation was last tried under them, if ever."""
        self._started_at = clock.now()

    async def session_for(self, turn: Turn) -> Session:
        """Return where this turn runs, making agent and thread on first contact."""
        owner = lane_owner(turn.ref.lane, turn.person, turn.conversation)
        agent = await self._agent(owner, turn.role)
        return Session(agent, await self._thread(agent, turn.conversation))

    # -- agents

    async def agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        """Return the owner's agent in this role, without making one; None before first contact."""
        if (known := self._agents.get((owner, role))) is not None:
            return known
        binding = await self._people.binding(owner, role)
        return None if binding is None else binding.agent_id

    async def _agent(self, owner: PersonId, role: str) -> AgentId:
        key = (owner, role)
        if (known := self._agents.get(key)) is not None:
            return known
        async with self._flights.alone(key):
            if (known := self._agents.get(key)) is None:
                known = await self._bound_agent(owner, role)
                self._agents.put(key, known)
            return known

    async def _bound_agent(self, owner: PersonId, role: str) -> AgentId:
        """Return the agent that the store knows, or bind it to the one that the host has."""
        binding = await self._people.binding(owner, role) or await self._intend(owner, role)
        if binding.agent_id is not None:
            return binding.agent_id
        agent = await self._found_or_made(binding)
        bound = await self._people.bind_agent(owner, role, agent)
        self._intents.pop((owner, role), None)
        return bound.agent_id or agent

    async def _intend(self, owner: PersonId, role: str) -> AgentBinding:
        """Store the intent, and note when nobody else can have acted on it."""
        now = self._clock.now()
        binding = await self._people.intend_agent(owner, role, now)
        if abs(binding.intended_at - now) < _SAME_MOMENT:
            self._intents[owner, role] = None
        return binding

    async def _found_or_made(self, binding: AgentBinding) -> AgentId:
        person = await self._person(binding.person)
        asked_at = self._clock.now()
        found = await self._host.find_agent(person, binding.role)
        if found is not None:
            return found
        ready_at = self._settled_at(binding)
        if ready_at is not None and asked_at < ready_at:
            raise _maybe_made(binding, ready_at - asked_at)
        return await self._make(person, binding, asked_at)

    def _settled_at(self, binding: AgentBinding) -> datetime | None:
        """Return from when on a look-up shows every creation tried before; None: none was.

        Under an intent that was not made here, the process that made it may have
        tried, and died just before this one started.
        """
        before = max(binding.intended_at, self._started_at)
        tried_at = self._intents.get((binding.person, binding.role), before)
        return None if tried_at is None else tried_at + self._settle

    async def _make(self, person: Person, binding: AgentBinding, asked_at: datetime) -> AgentId:
        """Make the agent; a look-up at `asked_at` found none, and is not trusted for long."""
        patience = self._options.patience_seconds
        if self._clock.now() - asked_at > timedelta(seconds=patience):
            raise _maybe_made(binding, timedelta(seconds=1))
        try:
            async with asyncio.timeout(patience):
                return await self._host.create_agent(person, binding.role)
        except TimeoutError:
            raise _maybe_made(binding, self._settle) from None
        finally:
            self._intents[binding.person, binding.role] = self._clock.now()

    async def _person(self, person: PersonId) -> Person:
        return await self._people.get_person(person) or Person(person, name="")

    # -- threads

    async def renew_thread(self, agent: AgentId, conversation: Conversation) -> SessionId:
        """Begin a new thread of the agent's in this conversation; its memory stays."""
        thread = await self._host.create_session(agent, conversation)
        await self._people.rebind_session(agent, conversation.id, thread)
        self._remember((agent, conversation.id), thread)
        return thread

    async def _thread(self, agent: AgentId, conversation: Conversation) -> SessionId:
        key = (agent, conversation.id)
        if (known := self._remembered(key)) is not None:
            return known
        async with self._flights.alone(key):
            if (known := self._remembered(key)) is None:
                known = await self._bound_thread(agent, conversation)
                self._remember(key, known)
            return known

    def _remembered(self, key: tuple[AgentId, ConversationId]) -> SessionId | None:
        """Return the thread, if it was asked for so lately that no other process renewed it."""
        known = self._threads.get(key)
        if known is None or self._clock.now() - known[1] > _THREADS_STAY:
            return None
        return known[0]

    def _remember(self, key: tuple[AgentId, ConversationId], thread: SessionId) -> None:
        self._threads.put(key, (thread, self._clock.now()))

    async def _bound_thread(self, agent: AgentId, conversation: Conversation) -> SessionId:
        known = await self._people.session(agent, conversation.id)
        if known is not None:
            return known
        thread = await self._host.find_session(agent, conversation)
        thread = thread or await self._host.create_session(agent, conversation)
        return await self._people.bind_session(agent, conversation.id, thread)


def _maybe_made(binding: AgentBinding, wait: timedelta) -> RuntimeUnavailable:
    return RuntimeUnavailable(
        f'The agent "{binding.role}" of "{binding.person}" may be in the making already.',
        retry_after_seconds=wait.total_seconds(),
    )


class _Recent(Generic[K, V]):
    """Remembers the most recently used, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key]

    def put(self, key: K, value: V) -> None:
        self._items[key] = value
        self._items.move_to_end(key)
        while len(self._items) > self._limit:
            self._items.popitem(last=False)


class _Flights:
    """Lets one at a time look for the same thing; the others wait for what it finds.

    A lock held over the network, on purpose: that is what keeps a first contact
    from happening twice. Cancelling one that waits, or flies, disturbs no other.
    """

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def alone(self, key: Hashable) -> AsyncGenerator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
