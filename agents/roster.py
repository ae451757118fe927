"""The agents that the store knows, and how they stand to their templates; no host is asked."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.agent_reports import AgentRow
from gateway.domain.ids import PersonId
from gateway.domain.people import OWN_TEMPLATE, AgentBinding, Identity, Person
from gateway.errors import BadInput
from gateway.ports import PeopleStore


class AgentRoster:
    """Reads who has which agents."""

    def __init__(self, people: PeopleStore, versions: Mapping[str, str]) -> None:
        """Take the version of each role's template, the default role first."""
        self.versions = versions
        self._people = people

    async def rows(self, who: str | None = None, role: str | None = None) -> list[AgentRow]:
        """List the agents of everybody, or of one person, perhaps in one role."""
        person = None if who is None else (await self.person(who)).id
        return [
            await self._row(binding)
            for binding in await self._people.bindings()
            if not binding.role.startswith("#")
            and person in (None, binding.person)
            and role in (None, binding.role)
        ]

    async def person(self, who: str) -> Person:
        """Return the person of an id or of an account; raises BadInput for nobody."""
        found = await self._people.get_person(PersonId(who))
        parts = who.split(":", 2)
        if found is None and len(parts) == 3:
            found = await self._people.find_person(Identity(*parts))
        if found is None:
            raise BadInput(
                f'Nobody is known as "{who}". Name an account that has written before, as '
                "platform:workspace:user, or a person's id."
            )
        return found

    async def _row(self, binding: AgentBinding) -> AgentRow:
        person = await self._people.get_person(binding.person) or Person(binding.person, "")
        return AgentRow(person, binding.role, binding.agent_id, self._standing(binding))

    def _standing(self, binding: AgentBinding) -> str:
        if binding.role not in self.versions:
            return "removed"
        if binding.template == OWN_TEMPLATE:
            return "own"
        return "current" if binding.template == self.versions[binding.role] else "behind"
