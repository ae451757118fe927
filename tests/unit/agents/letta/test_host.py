"""Agents and threads are found by what they carry; only a good answer may say "none"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.letta import AgentSpec, BlockSpec
from agents.letta.client import Letta, open_letta
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import Person
from gateway.errors import RuntimeUnavailable, SettingsWrong
from tests.fakes.letta_wire import Instead, LettaWire
from tests.unit.agents.letta.conftest import options_for

ADA = Person(PersonId("person-ada"), "Ada")
HOME = Conversation("slack", "T1", "C1", "171.5")
AGENT = AgentId("agent-00000000-0000-4000-8000-000000000001")

WRONG_ANSWERS = [
    Instead(200, "<html>login</html>"),
    Instead(200, {}),
    Instead(200, {"items": []}),
    Instead(200, "null"),
    Instead(200, '["agent-1"]'),
    Instead(404, {"detail": "Not Found"}),
    Instead(403, {"detail": "no"}),
    Instead(422, {"detail": "no"}),
    Instead(429, {}),
    Instead(500, {}),
]


@pytest.mark.parametrize("answer", WRONG_ANSWERS, ids=str)
async def test_no_wrong_answer_says_that_there_is_no_agent(
    wire: LettaWire, letta: Letta, answer: Instead
) -> None:
    wire.call_faults.append(answer)

    with pytest.raises(RuntimeUnavailable):
        await letta.host.find_agent(ADA, "postern")


@pytest.mark.parametrize("answer", WRONG_ANSWERS, ids=str)
async def test_no_wrong_answer_says_that_there_is_no_thread(
    wire: LettaWire, letta: Letta, answer: Instead
) -> None:
    wire.call_faults.append(answer)

    with pytest.raises(RuntimeUnavailable):
        await letta.host.find_session(AGENT, HOME)


@pytest.mark.parametrize("answer", WRONG_ANSWERS, ids=str)
async def test_no_wrong_answer_passes_for_a_new_agent(
    wire: LettaWire, letta: Letta, answer: Instead
) -> None:
    wire.stream_faults.clear()
    wire.call_faults.append(answer)

    with pytest.raises(RuntimeUnavailable):
        await letta.host.create_agent(ADA, "postern")


async def test_agents_that_were_not_asked_for_are_nobodys(wire: LettaWire, letta: Letta) -> None:
    wire.call_faults.append(Instead(200, '[{"id": "agent-1", "tags": ["postern", "other"]}]'))

    with pytest.raises(RuntimeUnavailable):
        await letta.host.find_agent(ADA, "postern")


async def test_the_oldest_of_several_agents_is_the_persons(wire: LettaWire, letta: Letta) -> None:
    first = await letta.host.create_agent(ADA, "postern")
    await letta.host.create_agent(ADA, "postern")
    wire.agents.reverse()

    assert await letta.host.find_agent(ADA, "postern") == first


async def test_deployments_on_one_account_do_not_see_each_other(wire: LettaWire) -> None:
    ours, theirs = options_for(wire.url), replace(options_for(wire.url), tag_prefix="theirs")
    async with open_letta(ours) as here, open_letta(theirs) as there:
        await there.host.create_agent(ADA, "postern")

        assert await here.host.find_agent(ADA, "postern") is None


async def test_an_agent_is_made_of_its_role(wire: LettaWire) -> None:
    spec = AgentSpec(blocks=(BlockSpec("human", "I serve {name}.", limit=100),), model="x/y")
    options = replace(options_for(wire.url), roles={"scribe": spec}, embedding="e/f")
    async with open_letta(options) as letta:
        await letta.host.create_agent(ADA, "scribe")

    made = wire.agents[0]
    assert made["memory_blocks"] == [
        {"label": "human", "value": "I serve Ada.", "limit": 100, "read_only": False}
    ]
    assert (made["model"], made["embedding"]) == ("x/y", "e/f")
    assert made["metadata"] == {
        "person": "person-ada",
        "role": "scribe",
        "template": spec.version,
        "tools": ["archival_memory_insert", "archival_memory_search"],
    }
    assert made["tools"] == made["metadata"]["tools"]
    assert made["agent_type"] == "letta_v1_agent"
    assert "system" not in made


async def test_a_name_never_makes_a_block_too_long(wire: LettaWire, letta: Letta) -> None:
    await letta.host.create_agent(replace(ADA, name="x" * 20_000), "postern")

    assert all(len(b["value"]) <= b["limit"] for b in wire.agents[0]["memory_blocks"])


def test_a_block_over_its_limit_is_refused_before_it_is_used() -> None:
    with pytest.raises(SettingsWrong, match='"notes" has 11 characters and its limit is 10'):
        BlockSpec("notes", "x" * 11, limit=10)


async def test_a_thread_is_found_by_exactly_its_conversation(wire: LettaWire, letta: Letta) -> None:
    longer = replace(HOME, thread="171.55")
    await letta.host.create_session(AGENT, longer)
    assert await letta.host.find_session(AGENT, HOME) is None

    thread = await letta.host.create_session(AGENT, HOME)

    assert await letta.host.find_session(AGENT, HOME) == thread


async def test_a_thread_is_found_behind_many_others(wire: LettaWire, letta: Letta) -> None:
    for number in range(230):
        await letta.host.create_session(AGENT, replace(HOME, thread=f"171.5{number:04}"))
    thread = await letta.host.create_session(AGENT, HOME)

    assert await letta.host.find_session(AGENT, HOME) == thread
