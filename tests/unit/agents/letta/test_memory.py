"""What agents keep in mind, over the real client and the embedded server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
from letta_client import AsyncLetta, NotFoundError

from agents.letta import AgentSpec, BlockSpec, LettaOptions
from agents.letta.client import Letta, make_client, open_letta
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import Person
from gateway.domain.turns import Session
from gateway.errors import RunFailed
from tests.fakes.rounds import follow, says, text_of
from tests.unit.agents.letta.servers import SERVERS, serving

ADA = Person(PersonId("person-ada"), "Ada")
BOB = Person(PersonId("person-bob"), "Bob")
PLACE = Conversation("console", "local", "a")
SPEC = AgentSpec(
    blocks=(
        BlockSpec("persona", "I am kind.", read_only=True),
        BlockSpec("human", "Their name is {name}.", limit=200, description="My person."),
    )
)


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[LettaOptions]:
    async with serving(request.param, tmp_path) as options:
        yield replace(options, roles={"postern": SPEC})


@pytest.fixture
async def letta(server: LettaOptions) -> AsyncGenerator[Letta]:
    async with open_letta(server) as opened:
        yield opened


@pytest.fixture
async def client(server: LettaOptions) -> AsyncGenerator[AsyncLetta]:
    async with make_client(server) as client:
        yield client


async def test_blocks_are_read_as_they_are(letta: Letta) -> None:
    agent = await letta.host.create_agent(ADA, "postern")

    human, persona = await letta.memory.blocks(agent)

    assert human == MemoryBlock("human", "Their name is Ada.", 200, "My person.")
    assert (persona.label, persona.value, persona.is_read_only) == ("persona", "I am kind.", True)


async def test_a_block_is_written_while_it_is_as_it_was(letta: Letta) -> None:
    agent = await letta.host.create_agent(ADA, "postern")

    assert await letta.memory.write(agent, "human", "Ada, 36.", was="Their name is Ada.")
    assert not await letta.memory.write(agent, "human", "Bob.", was="Their name is Ada.")
    assert not await letta.memory.write(agent, "wishes", "Bob.", was="")

    assert (await letta.memory.blocks(agent))[0].value == "Ada, 36."


async def test_an_agent_that_is_gone_has_no_memory(letta: Letta) -> None:
    nobody = AgentId("agent-00000000-0000-4000-8000-000000000000")

    with pytest.raises(RunFailed, match="can not be found"):
        await letta.memory.blocks(nobody)


async def test_a_deleted_agent_is_gone_and_may_be_deleted_again(letta: Letta) -> None:
    agent = await letta.host.create_agent(ADA, "postern")

    await letta.memory.delete(agent)
    await letta.memory.delete(agent)

    assert await letta.host.find_agent(ADA, "postern") is None


async def test_a_block_that_another_agent_has_too_stays_with_it(
    letta: Letta, client: AsyncLetta
) -> None:
    agent = await letta.host.create_agent(ADA, "postern")
    other = await letta.host.create_agent(BOB, "postern")
    house = await client.blocks.create(label="house", value="Rules of the house.")
    for each in (agent, other):
        await client.agents.blocks.attach(house.id, agent_id=each)
    blocks = {
        block.id for each in (agent, other) async for block in client.agents.blocks.list(each)
    }

    await letta.memory.delete(agent)

    assert "house" in [block.label for block in await letta.memory.blocks(other)]
    await letta.memory.delete(other)
    assert blocks.isdisjoint([block.id async for block in client.blocks.list()])


async def test_what_a_deleted_agent_put_away_is_nowhere(letta: Letta, client: AsyncLetta) -> None:
    agent = await letta.host.create_agent(ADA, "postern")
    await letta.archive.add(agent, "a secret")
    (archive,) = [each.id async for each in client.archives.list(agent_id=agent)]

    await letta.memory.delete(agent)

    with pytest.raises(NotFoundError):
        await client.archives.retrieve(archive)


async def test_agents_look_up_what_people_put_away_for_them(letta: Letta) -> None:
    agent = await letta.host.create_agent(ADA, "postern")
    session = Session(agent, await letta.host.create_session(agent, PLACE))
    await letta.archive.add(agent, "The tower stands in Paris.")

    looks = says(session, 'call archival_memory_search {"query": "tower"}')
    told = text_of(await follow(letta.runtime, looks))
    keeps = says(session, 'call archival_memory_insert {"content": "Rex is a hound."}')
    await follow(letta.runtime, keeps)

    assert "stands in Paris" in told
    assert (await letta.archive.newest(agent, 1))[0].text == "Rex is a hound."


async def test_of_several_threads_the_newest_is_found(letta: Letta) -> None:
    agent = await letta.host.create_agent(ADA, "postern")
    await letta.host.create_session(agent, PLACE)
    newest = await letta.host.create_session(agent, PLACE)

    assert await letta.host.find_session(agent, PLACE) == newest
