"""Whose agent answers, broken in ways that somebody might well write."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from agents.constellation import AgentConstellation
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import Person
from gateway.domain.turns import (
    Session,
    Turn,
)
from gateway.errors import RuntimeUnavailable
from gateway.ports import Constellation, Store
from tests.simulation.broken.inside import Passing
from tests.simulation.minds import SimMinds
from tests.simulation.worker import Build, Ports


class MakesAgentsWithoutIntent(Build):
    """An agent is made as soon as a look-up finds none."""

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        class Careless(AgentConstellation):
            async def session_for(self, turn: Turn) -> Session:
                person = Person(turn.person, "")
                agent = await minds.find_agent(person, turn.role)
                agent = agent or await minds.create_agent(person, turn.role)
                thread = await minds.find_session(agent, turn.conversation)
                thread = thread or await minds.create_session(agent, turn.conversation)
                return Session(agent, thread)

        return Careless(store.people, minds, ports.clock)


class TakesNoAnswerForNo(Build):
    """A look-up that failed counts as one that found nothing."""

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        class Deaf(Passing):
            async def find_agent(self, person: Person, role: str) -> AgentId | None:
                try:
                    return await self.port.find_agent(person, role)
                except RuntimeUnavailable:
                    return None

        return super().constellation(store, cast("SimMinds", Deaf(minds)), ports)


class OneMindForAll(Build):
    """People's own agents are one and the same."""

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        class Mixed(AgentConstellation):
            async def session_for(self, turn: Turn) -> Session:
                everyone = PersonId("person-" + "e" * 32)
                return await super().session_for(replace(turn, person=everyone))

        return Mixed(store.people, minds, ports.clock)
