"""On a real Letta server, a turn is thought by the model that is named with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agents.letta.client import make_client, open_letta
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Session
from tests.fakes.rounds import DICE, answers, calls_of, follow, run_of, says
from tests.unit.agents.letta.servers import OTHER_MODEL, serving

pytestmark = [pytest.mark.letta_real, pytest.mark.timeout(120)]


async def test_every_round_of_a_turn_is_thought_by_the_named_model(tmp_path: Path) -> None:
    async with (
        serving("live", tmp_path) as options,
        open_letta(options) as letta,
        make_client(options) as client,
    ):
        agent = await letta.host.create_agent(Person(PersonId("person-ada"), "Ada"), "postern")
        place = Conversation("console", "local", "a")
        session = Session(agent, await letta.host.create_session(agent, place))
        request = says(session, "call roll_dice {}", tools=(DICE,))

        asked = await follow(letta.runtime, replace(request, model=OTHER_MODEL))
        results = [ToolResult(calls_of(asked)[0].id, "a four")]
        told = await follow(letta.runtime, answers(replace(request, model=OTHER_MODEL), results))
        own = await follow(letta.runtime, says(session, "say own"))

        thought = [
            [step.model async for step in client.runs.steps.list(run_of(events))]
            for events in (asked, told, own)
        ]
        await letta.memory.delete(agent)

    other = OTHER_MODEL.partition("/")[2]
    assert thought[:2] == [[other], [other]]
    assert other not in thought[2]
