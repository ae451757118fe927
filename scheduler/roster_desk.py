"""Takes rosters in and gives them out: `agents.json` in both directions, over the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import person_id_of
from gateway.domain.schedules import Schedule, Wakeup
from gateway.errors import BadInput
from gateway.ports import Clock, PeopleStore
from scheduler.desk import Desk
from scheduler.owners import owner_of
from scheduler.roster import (
    Defaults,
    RosterAgent,
    RosterWish,
    read_roster,
    to_roster_agent,
    to_wish,
    write_roster,
)


@dataclass(frozen=True, slots=True)
class Exported:
    """A roster, and the schedules that it can not hold."""

    text: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a roster."""

    schedules: tuple[tuple[Schedule, RosterWish], ...]
    refused: tuple[str, ...]
    """A sentence for each agent that was left out."""


class RosterDesk:
    """Imports and exports rosters. What is imported twice is there once."""

    def __init__(self, desk: Desk, people: PeopleStore, roles: Sequence[str], clock: Clock) -> None:
        self._desk = desk
        self._people = people
        self._roles = roles
        self._clock = clock

    async def take(
        self, text: str, conversation: str | None, owner: str | None, zone: str
    ) -> Taken:
        """Make or replace a schedule for each agent; what is refused does not stop the others.

        An agent id becomes the agent of the schedule's owner, unless the owner
        has another one already. Raises BadInput for what is no roster at all.
        """
        defaults = Defaults(conversation, owner, zone)
        taken: list[tuple[Schedule, RosterWish]] = []
        refused: list[str] = []
        for agent in read_roster(text):
            try:
                wish = to_wish(agent, defaults, self._roles)
                _check_apart(wish, [known for _, known in taken])
                taken.append((await self._take(wish), wish))
            except BadInput as error:
                refused.append(f'"{agent.name}" is left out: {error}')
        return Taken(tuple(taken), tuple(refused))

    async def _take(self, wish: RosterWish) -> Schedule:
        checked = await self._desk.checked(wish.schedule, self._clock.now())
        schedule = replace(checked, is_paused=not wish.is_enabled)
        await self._check_agent(schedule, wish.agent)
        await self._adopt(schedule, wish.agent)
        return await self._desk.put(schedule)

    async def give(self) -> Exported:
        """Write all schedules that a roster can hold; agents' own reminders stay out."""
        agents: list[RosterAgent] = []
        left_out: list[str] = []
        async for schedule in self._desk.every():
            if schedule.wakeup is None or schedule.wakeup.generation is not None:
                continue
            agent = to_roster_agent(schedule, await self._agent_of(schedule.wakeup))
            if agent is None:
                left_out.append(schedule.id)
            else:
                agents.append(agent)
        return Exported(write_roster(agents), tuple(left_out))

    async def _check_agent(self, schedule: Schedule, agent: AgentId | None) -> None:
        if agent is None or schedule.wakeup is None:
            return
        owner = (await owner_of(schedule.wakeup, self._people)).identity
        known = await self._agent_of(schedule.wakeup)
        if known not in (None, agent):
            raise BadInput(
                f'"{owner.key}" has the agent "{known}" already, which is not "{agent}".'
            )
        person = await self._person_of(schedule.wakeup)
        others = [each.person for each in await self._people.bindings() if each.agent_id == agent]
        if others and person not in others:
            raise BadInput(f'The agent "{agent}" is somebody else\'s; leave out its "agent_id".')

    async def _adopt(self, schedule: Schedule, agent: AgentId | None) -> None:
        if agent is None or schedule.wakeup is None:
            return
        person = await self._person_of(schedule.wakeup)
        role = schedule.wakeup.role or self._roles[0]
        await self._people.intend_agent(person, role, self._clock.now())
        await self._people.bind_agent(person, role, agent)

    async def _agent_of(self, wakeup: Wakeup) -> AgentId | None:
        role = wakeup.role or self._roles[0]
        binding = await self._people.binding(await self._person_of(wakeup), role)
        return binding.agent_id if binding else None

    async def _person_of(self, wakeup: Wakeup) -> PersonId:
        """Return the owner; one who never wrote is known by the id that they will have."""
        owner = await owner_of(wakeup, self._people)
        person = await self._people.find_person(owner.identity)
        return person.id if person else person_id_of(owner.identity)


def _check_apart(wish: RosterWish, others: Sequence[RosterWish]) -> None:
    if wish.schedule.name in [other.schedule.name for other in others]:
        raise BadInput("another agent of the roster has this name.")
