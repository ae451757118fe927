"""Where the operator looks at live agents and mends them: show, adopt, repair, prewarm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from agents.constellation import AgentConstellation
from agents.roster import AgentRoster
from gateway.domain.agent_reports import AgentRow, Finding
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.memory import nearly_full
from gateway.errors import BadInput, Refused, RuntimeUnavailable
from gateway.ports import AgentMemory, AgentTemplates, Clock, PeopleStore

GONE = "Letta has no such agent"
UNMADE = "it was to be made, and is not there yet"


class AgentDesk:
    """Commands go through here. Nothing is made or changed that was not asked for."""

    def __init__(
        self,
        people: PeopleStore,
        roster: AgentRoster,
        constellation: AgentConstellation,
        templates: AgentTemplates,
        clock: Clock,
        memory: AgentMemory | None = None,
    ) -> None:
        self.roster = roster
        self._memory = memory
        self._people = people
        self._constellation = constellation
        self._templates = templates
        self._clock = clock

    async def look(self, row: AgentRow) -> Finding:
        """Compare an agent with its template, and see how full its memory is."""
        if row.agent is None:
            return Finding(row, error=UNMADE)
        if row.role not in self.roster.versions:
            return Finding(row, error=f'there is no agent "{row.role}" in the settings')
        try:
            drift = await self._constellation.drift(row.person.id, row.role, row.agent)
            if drift is None:
                return Finding(row, error=GONE)
            blocks = await self._memory.blocks(row.agent) if self._memory else []
        except (Refused, RuntimeUnavailable) as error:
            return Finding(row, error=str(error))
        return Finding(row, drift, nearly_full(blocks))

    async def mend(self, row: AgentRow) -> Finding:
        """Bring an agent up to its template, also one that was adopted."""
        seen = await self.look(row)
        if seen.error or row.agent is None:
            return seen
        try:
            done = await self._constellation.roll_out(row.person.id, row.role, row.agent)
        except RuntimeUnavailable as error:
            return Finding(row, seen.drift, seen.memory, error=str(error))
        return Finding(row, done, seen.memory, is_mended=True)

    async def let_go(self, row: AgentRow) -> bool:
        """Forget an agent that Letta no longer has, so that a new one can be made."""
        if row.agent is None or (await self.look(row)).error != GONE:
            return False
        return await self._people.unbind_agent(
            row.person.id, row.role, row.agent, self._clock.now()
        )

    async def adopt(
        self, agent: AgentId, who: str, role: str, *, may_replace: bool = False
    ) -> AgentId | None:
        """Make an agent that is there already the person's own; returns the one before it.

        Raises BadInput for an unknown agent, one that is somebody else's, and where the person
        has one already and it may not be replaced.
        """
        if role not in self.roster.versions:
            raise BadInput(f'There is no agent "{role}" in the settings.')
        person = await self.roster.person(who)
        await self._check_free(agent, person.id, role)
        known = await self._people.binding(person.id, role)
        if known and known.agent_id not in (None, agent) and not may_replace:
            raise BadInput(
                f'"{who}" has the agent "{known.agent_id}" as "{role}" already. With --replace '
                "that one rests from now on."
            )
        await self._templates.claim(person, role, agent)
        return await self._people.adopt_agent(person.id, role, agent, self._clock.now())

    async def _check_free(self, agent: AgentId, person: PersonId, role: str) -> None:
        for binding in await self._people.bindings():
            if binding.agent_id == agent and (binding.person, binding.role) != (person, role):
                raise BadInput(f'"{agent}" is the agent "{binding.role}" of "{binding.person}".')

    async def known_people(self) -> list[PersonId]:
        """List everybody who has an account."""
        return await self._people.everybody()

    async def prewarm(
        self, people: Sequence[PersonId], roles: Sequence[str], at_once: int = 8
    ) -> AsyncIterator[tuple[PersonId, str]]:
        """Make the agents that people do not have yet; yields each person with what failed."""
        for start in range(0, len(people), at_once):
            batch = people[start : start + at_once]
            results = await asyncio.gather(*(self._prepare(person, roles) for person in batch))
            for result in zip(batch, results, strict=True):
                yield result

    async def _prepare(self, person: PersonId, roles: Sequence[str]) -> str:
        try:
            await self._constellation.prepare(person, roles)
        except RuntimeUnavailable as error:
            return str(error)
        return ""
