"""How what belongs to a person is made exactly once: an agent in a role, or a shared block.

Made only under a stored intent, and only after a look-up that succeeded and found none.
Where an earlier creation may still be on its way (its process died, or its answer was lost)
look-ups have to find none until `settle_seconds` are over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import AgentBinding, Person
from gateway.errors import RuntimeUnavailable
from gateway.ports import AgentHost, AgentTemplates, Clock, PeopleStore

_SAME_MOMENT = timedelta(milliseconds=1)
"""Stores keep moments more coarsely than clocks tell them."""


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
    recheck_seconds: float = 60.0
    """How long an agent, or that there is none, is believed before the store is read again."""


def shared_slot(label: str) -> str:
    """Return under which name a shared block is bound: no role is called like that."""
    return f"#{label}"


def is_shared_slot(slot: str) -> bool:
    """Whether it is a shared block that is bound there, and no agent."""
    return slot.startswith("#")


class Founding:
    """Binds a person's slots, each of them once. Callers hold a flight for the slot.

    Failures are RuntimeUnavailable or StoreUnavailable and are not remembered.
    """

    def __init__(
        self,
        people: PeopleStore,
        host: AgentHost,
        templates: AgentTemplates | None,
        clock: Clock,
        options: ConstellationOptions,
    ) -> None:
        self._people = people
        self._host = host
        self._templates = templates
        self._clock = clock
        self._options = options
        self._settle = timedelta(seconds=options.settle_seconds)
        self._intents: dict[tuple[PersonId, str], datetime | None] = {}
        """Open intents made here: when a creation was last tried under them, if ever."""
        self._made: dict[tuple[PersonId, str], datetime] = {}
        """When those were made: one that somebody else renewed since is another's."""
        self._started_at = clock.now()

    async def bound(self, owner: PersonId, slot: str, known: AgentBinding | None) -> AgentBinding:
        """Return what the store has bound, or bind what the host has or now makes.

        `known` is what the store was just found to have: an agent, an intent or nothing.
        """
        binding = known or await self._intend(owner, slot)
        if binding.agent_id is not None:
            return binding
        agent, is_new = await self._found_or_made(binding)
        bound = await self._people.bind_agent(owner, slot, agent)
        self._intents.pop((owner, slot), None)
        self._made.pop((owner, slot), None)
        return await self._as_made(bound) if is_new and bound.agent_id == agent else bound

    async def person(self, owner: PersonId) -> Person:
        """Return the owner with all accounts; of a place, or of everybody, only the id."""
        known = await self._people.get_person(owner)
        if known is None:
            return Person(owner, name="")
        return Person(owner, known.name, tuple(await self._people.identities(owner)))

    async def _as_made(self, binding: AgentBinding) -> AgentBinding:
        """Note that a fresh agent has all that its template says, unless blocks are shared."""
        templates, role = self._templates, binding.role
        if templates is None or is_shared_slot(role) or templates.shared_labels(role):
            return binding
        version = templates.version(role)
        await self._people.record_template(binding.person, role, version)
        return AgentBinding(
            binding.person, role, binding.agent_id, binding.intended_at, template=version
        )

    async def _intend(self, owner: PersonId, slot: str) -> AgentBinding:
        """Store the intent, and note when nobody else can have acted on it."""
        now = self._clock.now()
        binding = await self._people.intend_agent(owner, slot, now)
        if _is_same(binding, now):
            self._intents[owner, slot] = None
            self._made[owner, slot] = now
        return binding

    async def _found_or_made(self, binding: AgentBinding) -> tuple[AgentId, bool]:
        """Return what the host has, or makes; the second part is true for what is new."""
        person = await self.person(binding.person)
        asked_at = self._clock.now()
        found = await self._find(person, binding.role)
        if found is not None:
            return found, False
        ready_at = self._settled_at(binding)
        if ready_at is not None and asked_at < ready_at:
            raise _maybe_made(binding, ready_at - asked_at)
        # Another worker may have seen the same intent: of a shared agent, every lane has one.
        is_mine = await self._people.renew_intent(
            binding.person, binding.role, binding.intended_at, asked_at
        )
        if not is_mine:
            raise _maybe_made(binding, self._settle)
        return await self._make(person, binding, asked_at), True

    def _settled_at(self, binding: AgentBinding) -> datetime | None:
        """Return from when on a look-up shows every creation tried before; None: none was.

        Under an intent that was not made here, the process that made it may have
        tried, and died just before this one started.
        """
        key = (binding.person, binding.role)
        tried_at = self._intents.get(key, self._started_at)
        if tried_at is None and key in self._made and _is_same(binding, self._made[key]):
            return None
        if tried_at is not None and binding.intended_at <= tried_at:
            return tried_at + self._settle
        # Another worker is at it, and its creation may take as long as it has patience.
        patience = timedelta(seconds=self._options.patience_seconds)
        return binding.intended_at + patience + self._settle

    async def _make(self, person: Person, binding: AgentBinding, asked_at: datetime) -> AgentId:
        """Make it; a look-up at `asked_at` found none, and is not trusted for long."""
        patience = self._options.patience_seconds
        if self._clock.now() - asked_at > timedelta(seconds=patience):
            raise _maybe_made(binding, timedelta(seconds=1))
        try:
            async with asyncio.timeout(patience):
                return AgentId(await self._create(person, binding.role))
        except TimeoutError:
            raise _maybe_made(binding, self._settle) from None
        finally:
            self._intents[binding.person, binding.role] = self._clock.now()

    async def _find(self, person: Person, slot: str) -> AgentId | None:
        if self._templates is None or not is_shared_slot(slot):
            return await self._host.find_agent(person, slot)
        block = await self._templates.find_block(person, slot.removeprefix("#"))
        return None if block is None else AgentId(block)

    def _create(self, person: Person, slot: str) -> Awaitable[str]:
        if self._templates is None or not is_shared_slot(slot):
            return self._host.create_agent(person, slot)
        return self._templates.create_block(person, slot.removeprefix("#"))


def _is_same(binding: AgentBinding, moment: datetime) -> bool:
    return abs(binding.intended_at - moment) < _SAME_MOMENT


def _maybe_made(binding: AgentBinding, wait: timedelta) -> RuntimeUnavailable:
    return RuntimeUnavailable(
        f'The agent "{binding.role}" of "{binding.person}" may be in the making already.',
        retry_after_seconds=wait.total_seconds(),
    )
