"""Takes rosters in and gives them out: `agents.json` in both directions, over the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from gateway.domain.ids import AgentId
from gateway.domain.people import Person, person_id_of
from gateway.domain.schedules import RosterDefaults, Schedule, Wakeup
from gateway.errors import BadInput, RuntimeUnavailable, SettingsWrong
from gateway.ports import Clock, PeopleStore
from scheduler.desk import Desk, id_of
from scheduler.owners import owner_of
from scheduler.roster import (
    RosterAgent,
    RosterWish,
    read_agent,
    read_roster,
    say_agent,
    to_roster_agent,
    to_wish,
    write_roster,
)

Claim = Callable[[Person, str, AgentId], Awaitable[None]]
"""Marks an agent on its server as the person's in a role; raises BadInput where there is none."""


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

    async def take(self, text: str, defaults: RosterDefaults, claim: Claim) -> Taken:
        """Make or replace a schedule for each agent; what is refused does not stop the others.

        An agent id becomes the agent of the schedule's owner as it is, unless the owner
        has another one already. Raises BadInput for what is no roster at all.
        """
        taken: list[tuple[Schedule, RosterWish]] = []
        refused: list[str] = []
        for number, entry in enumerate(read_roster(text), 1):
            try:
                wish = to_wish(read_agent(entry), defaults, self._roles)
                _check_apart(wish, [known for _, known in taken])
                taken.append((await self._take(wish, claim), wish))
            except (BadInput, RuntimeUnavailable, SettingsWrong) as error:
                refused.append(f"{say_agent(entry, number)} is left out: {error}")
        return Taken(tuple(taken), tuple(refused))

    async def _take(self, wish: RosterWish, claim: Claim) -> Schedule:
        checked = await self._desk.checked(wish.schedule, self._clock.now())
        schedule = replace(checked, is_paused=not wish.is_enabled)
        if wish.agent is not None and schedule.wakeup is not None:
            await self._adopt(schedule.wakeup, wish, wish.agent, claim)
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

    async def _adopt(self, wakeup: Wakeup, wish: RosterWish, agent: AgentId, claim: Claim) -> None:
        """Make the agent the owner's, which it may be already."""
        known = await self._agent_of(wakeup)
        if known == agent:
            return
        owner = (await owner_of(wakeup, self._people)).identity
        person = await self._person_of(wakeup)
        if known is not None:
            raise BadInput(
                f'"{owner.key}" has the agent "{known}" already, which is not "{agent}". Leave '
                f'out its "agent_id", or give "{wish.schedule.name}" a place of its own under '
                "[[agents]] of the settings."
            )
        if any(each.agent_id == agent for each in await self._people.bindings()):
            raise BadInput(f'The agent "{agent}" is somebody else\'s; leave out its "agent_id".')
        role = wakeup.role or self._roles[0]
        try:
            await claim(person, role, agent)
        except BadInput as error:
            raise BadInput(
                f'{error} Without its "agent_id" the agent that the owner has, or gets, is woken.'
            ) from None
        await self._people.adopt_agent(person.id, role, agent, self._clock.now())

    async def _agent_of(self, wakeup: Wakeup) -> AgentId | None:
        role = wakeup.role or self._roles[0]
        binding = await self._people.binding((await self._person_of(wakeup)).id, role)
        return binding.agent_id if binding else None

    async def _person_of(self, wakeup: Wakeup) -> Person:
        """Return the owner; one who never wrote is known by the id that they will have."""
        owner = await owner_of(wakeup, self._people)
        known = await self._people.find_person(owner.identity)
        return known or Person(person_id_of(owner.identity), owner.name)


def _check_apart(wish: RosterWish, others: Sequence[RosterWish]) -> None:
    name = id_of(wish.schedule.name)
    if name in [id_of(other.schedule.name) for other in others]:
        raise BadInput(f'another agent of the roster has this name ("{name}"); take another one.')
