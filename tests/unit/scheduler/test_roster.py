"""What a roster says of an agent is what the agent gets when it wakes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from gateway.bootstrap.desks import desks
from gateway.domain.ids import AgentId, WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Person, Route, person_id_of
from gateway.domain.schedules import RosterDefaults
from gateway.settings import Settings
from gateway.telemetry import Metrics
from scheduler.roster_desk import Taken
from scheduler.ticker import Ticker
from scheduler.wakeups import DEFAULT_PROMPT
from storage.memory.store import MemoryStore
from tests.fakes.virtual_time import EPOCH

ADA = Identity("slack", "T1", "U7")
DEFAULTS = RosterDefaults("slack:T1:C2", ADA.key, "Europe/Vienna")
RESEARCH = {
    "agent_id": "agent-1add5bc4",
    "name": "research-assistant",
    "autonomous_enabled": True,
    "wakeup_schedule": "*/15 * * * *",
    "wakeup_prompt": "It is {timestamp}. Look around.",
    "data_sources": ["arxiv", "email"],
    "max_actions_per_wakeup": 5,
}


class Office:
    """A store with its desk and ticker, where rosters are taken in."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.moment = EPOCH
        self.claimed: list[tuple[Person, str, AgentId]] = []

    def now(self) -> datetime:
        return self.moment

    async def takes(self, *agents: object) -> Taken:
        async def claim(person: Person, role: str, agent: AgentId) -> None:
            self.claimed.append((person, role, agent))

        rosters = desks(Settings(), self.store, self).rosters
        return await rosters.take(json.dumps({"agents": agents}), DEFAULTS, claim)

    async def wakeups_after(self, time: timedelta) -> list[InboundMessage]:
        self.moment += time
        ticker = Ticker(self.store, {"postern": Route("postern")}, self, Metrics())
        await ticker.fire_due()
        claim = await self.store.turns.claim(WorkerId("w"), 9, time, self.moment)
        return [heard for turn in claim.turns for heard in turn.messages]


async def test_every_field_of_an_agent_is_honoured() -> None:
    office = Office()

    await office.takes(RESEARCH)

    [heard] = await office.wakeups_after(timedelta(minutes=16))
    owner = person_id_of(ADA)
    assert (heard.sender.identity, heard.conversation.id) == (ADA, "slack:T1:C2")
    assert heard.sent_at == EPOCH + timedelta(minutes=15)
    assert "It is 2026-01-05T10:15+01:00. Look around." in heard.text
    assert "Data sources: arxiv, email." in heard.text
    assert "Use at most 5 tool calls." in heard.text
    assert [(each.id, role, agent) for each, role, agent in office.claimed] == [
        (owner, "postern", "agent-1add5bc4")
    ]
    binding = await office.store.people.binding(owner, "postern")
    assert binding is not None
    assert binding.agent_id == "agent-1add5bc4"


async def test_one_that_is_not_autonomous_never_wakes_and_the_rest_is_as_by_default() -> None:
    office = Office()

    taken = await office.takes({"name": "sleeper"})

    [(schedule, _)] = taken.schedules
    assert (schedule.trigger, schedule.is_paused) == ("cron:*/15 * * * *", True)
    assert schedule.wakeup is not None
    assert schedule.wakeup.prompt == DEFAULT_PROMPT
    assert (schedule.wakeup.data_sources, schedule.wakeup.max_actions) == ((), None)
    assert await office.wakeups_after(timedelta(hours=1)) == []


async def test_a_roster_that_comes_again_claims_nobody_anew() -> None:
    office = Office()
    await office.takes(RESEARCH)

    again = await office.takes({**RESEARCH, "wakeup_schedule": "0 9 * * *"})

    assert again.refused == ()
    assert len(office.claimed) == 1
    [schedule] = await office.store.schedules.page("", 10)
    assert schedule.trigger == "cron:0 9 * * *"
