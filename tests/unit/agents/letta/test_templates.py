"""Live agents are brought up to their templates; what they wrote themselves stays."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from letta_client import AsyncLetta, omit

from agents.constellation import AgentConstellation, ConstellationOptions
from agents.desk import GONE, AgentDesk
from agents.letta import AgentSpec, BlockSpec, LettaOptions
from agents.letta.client import make_client, open_letta
from agents.roster import AgentRoster
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import Identity, Person, Sender, person_id_of
from gateway.errors import BadInput
from storage.memory import MemoryStore
from tests.contracts.store.words import ROUTE, at, message
from tests.fakes.virtual_time import LoopClock
from tests.unit.agents.letta.servers import SERVERS, serving

ACCOUNT = Identity("fake", "local", "ada")
ADA = person_id_of(ACCOUNT)
SPEC = AgentSpec(
    blocks=(
        BlockSpec("persona", "I am calm."),
        BlockSpec("human", "Their name is {name}.\nThey write from {identities}."),
        BlockSpec("notes", "Nothing yet.", limit=100),
    ),
    shared_blocks=(BlockSpec("current_state", "awake", limit=200),),
    system="Be brief.",
)


class Place:
    """A real server with the templates of one moment, over a store that stays."""

    def __init__(self, options: LettaOptions, store: MemoryStore) -> None:
        self.options = options
        self.store = store
        self.client: AsyncLetta

    @asynccontextmanager
    async def opened(self, spec: AgentSpec = SPEC) -> AsyncGenerator[AgentDesk]:
        """Be a new process with this template for the roles `postern` and `scribe`."""
        options = replace(self.options, roles={"postern": spec, "scribe": spec})
        async with open_letta(options) as letta, make_client(options) as self.client:
            self.constellation = AgentConstellation(
                self.store.people,
                letta.host,
                LoopClock(),
                ConstellationOptions(settle_seconds=0),
                letta.templates,
            )
            versions = dict.fromkeys(options.roles, spec.version)
            roster = AgentRoster(self.store.people, versions)
            yield AgentDesk(
                self.store.people, roster, self.constellation, letta.templates, LoopClock()
            )

    async def blocks(self, agent: AgentId) -> dict[str, str]:
        found = await self.client.agents.blocks.list(agent)
        return {str(block.label): block.value for block in found.items}


@pytest.fixture(params=SERVERS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Place]:
    store = MemoryStore()
    await store.turns.accept(message("hello"), ROUTE, at(0))
    async with serving(request.param, tmp_path) as options:
        yield Place(options, store)


async def test_an_agent_is_made_with_all_that_its_template_says(place: Place) -> None:
    async with place.opened() as desk:
        agent = await place.constellation.agent(ADA, "postern")

        assert await place.blocks(agent) == {
            "persona": "I am calm.",
            "human": "Their name is Ada.\nThey write from fake:local:ada.",
            "notes": "Nothing yet.",
            "current_state": "awake",
        }
        (row,) = await desk.roster.rows()
        assert row.template == "current"
        assert (await desk.look(row)).drift == ()


async def test_all_agents_of_a_person_share_one_block_and_others_have_their_own(
    place: Place,
) -> None:
    async with place.opened():
        agents = await place.constellation.prepare(ADA, ["postern", "scribe"])
        other = await place.constellation.agent(PersonId("person-bob"), "postern")
        await place.client.agents.blocks.update("current_state", agent_id=agents[0], value="busy")

        states = [(await place.blocks(agent))["current_state"] for agent in (*agents, other)]

    assert states == ["busy", "busy", "awake"]


async def test_a_new_template_writes_what_it_owns_and_leaves_what_the_agent_wrote(
    place: Place,
) -> None:
    async with place.opened():
        agent = await place.constellation.agent(ADA, "postern")
        await place.client.agents.blocks.update("notes", agent_id=agent, value="They like tea.")
    persona = BlockSpec("persona", "I am lively.")
    plan = BlockSpec("plan", "Think first.")
    newer = replace(SPEC, blocks=(persona, *SPEC.blocks[1:], plan), system="Be merry.")
    async with place.opened(newer) as desk:
        behind = [row.template for row in await desk.roster.rows()]
        await place.constellation.agent(ADA, "postern")

        blocks = await place.blocks(agent)
        system = (await place.client.agents.retrieve(agent)).system

    assert behind == ["behind"]
    assert (blocks["persona"], blocks["notes"]) == ("I am lively.", "They like tea.")
    assert (blocks["plan"], system) == ("Think first.", "Be merry.")


async def test_the_old_template_set_again_is_the_way_back(place: Place) -> None:
    async with place.opened():
        agent = await place.constellation.agent(ADA, "postern")
    async with place.opened(replace(SPEC, system="Be merry.")):
        await place.constellation.agent(ADA, "postern")
    async with place.opened():
        await place.constellation.agent(ADA, "postern")
        live = await place.client.agents.retrieve(agent)

    assert live.system == "Be brief."


async def test_drift_is_told_in_sentences_and_mended(place: Place) -> None:
    async with place.opened() as desk:
        agent = await place.constellation.agent(ADA, "postern")
        await place.client.agents.update(agent, system="Shout.", tags=["else"])
        await place.client.agents.blocks.update("persona", agent_id=agent, value="I am a duck.")
        (row,) = await desk.roster.rows("fake:local:ada")

        seen = await desk.look(row)
        mended = await desk.mend(row)

        assert seen.drift == mended.drift
        assert seen.drift == (
            'the block "persona" is not the template\'s',
            'the field "system" is not the template\'s',
            'the field "tags" is not the template\'s',
        )
        assert (await desk.look(row)).drift == ()
        live = await place.client.agents.retrieve(agent, include=["agent.tags"])
        assert "else" in live.tags


async def test_an_agent_that_is_gone_is_only_let_go_when_it_surely_is(place: Place) -> None:
    async with place.opened() as desk:
        agent = await place.constellation.agent(ADA, "postern")
        (row,) = await desk.roster.rows()
        assert not await desk.let_go(row)

        await place.client.agents.delete(agent)

        assert (await desk.mend(row)).error == GONE
        assert await desk.let_go(row)
        assert await desk.roster.rows() == []


async def test_an_adopted_agent_stays_as_it_is_until_it_is_repaired(place: Place) -> None:
    async with place.opened() as desk:
        block = {"label": "persona", "value": "I am old."}
        model, embedding = place.options.model, place.options.embedding
        made = await place.client.agents.create(
            name="mine",
            memory_blocks=[block],  # pyright: ignore[reportArgumentType] - a TypedDict of the SDK
            model=model or omit,
            embedding=embedding or omit,
        )
        agent = AgentId(made.id)

        before = await desk.adopt(agent, "fake:local:ada", "postern")
        used = await place.constellation.agent(ADA, "postern")

        assert (before, used) == (None, agent)
        assert (await place.blocks(agent))["persona"] == "I am old."
        (row,) = await desk.roster.rows()
        assert row.template == "own"
        await desk.mend(row)
        assert (await place.blocks(agent))["persona"] == "I am calm."


async def test_an_agent_of_somebody_else_is_not_adopted(place: Place) -> None:
    async with place.opened() as desk:
        bobs = await place.constellation.agent(PersonId("person-bob"), "postern")
        await place.store.people.unbind_agent(PersonId("person-bob"), "postern", bobs, at(0))

        with pytest.raises(BadInput, match="tagged as another person's"):
            await desk.adopt(bobs, "fake:local:ada", "postern")
        assert await desk.roster.rows() == []


async def test_adopting_refuses_what_can_not_be(place: Place) -> None:
    async with place.opened() as desk:
        own = await place.constellation.agent(ADA, "postern")
        unknown = AgentId("agent-00000000-0000-4000-8000-000000000001")

        with pytest.raises(BadInput, match="has the agent"):
            await desk.adopt(unknown, "fake:local:ada", "postern")
        with pytest.raises(BadInput, match="Letta has no agent"):
            await desk.adopt(unknown, "fake:local:ada", "postern", may_replace=True)
        with pytest.raises(BadInput, match="is the agent"):
            await desk.adopt(own, "fake:local:ada", "scribe")
        with pytest.raises(BadInput, match="no agent"):
            await desk.adopt(own, "fake:local:ada", "nobody")
        with pytest.raises(BadInput, match="Nobody is known"):
            await desk.adopt(own, "fake:local:eve", "postern")


async def test_an_agent_behind_its_template_still_answers(place: Place) -> None:
    async with place.opened():
        agent = await place.constellation.agent(ADA, "postern")
    async with place.opened(replace(SPEC, tools=("no_such_tool",))) as desk:
        assert await place.constellation.agent(ADA, "postern") == agent

        (row,) = await desk.roster.rows()
        assert row.template == "behind"
        assert "no tool" in (await desk.mend(row)).error


async def test_who_is_met_in_passing_is_brought_up_to_the_template_when_heard(
    place: Place,
) -> None:
    home = Conversation("fake", "local", "home")
    async with place.opened():
        await place.constellation.prepare(ADA, ["postern", "scribe"])
    async with place.opened(replace(SPEC, system="Be merry.")) as desk:
        await place.constellation.agent(ADA, "postern", home)
        after_one = {row.role: row.template for row in await desk.roster.rows()}
        scribe = await place.constellation.agent(ADA, "scribe", home)
        after_both = {row.role: row.template for row in await desk.roster.rows()}
        system = (await place.client.agents.retrieve(scribe)).system

    assert after_one == {"postern": "current", "scribe": "behind"}
    assert after_both == {"postern": "current", "scribe": "current"}
    assert system == "Be merry."


async def test_prewarming_makes_what_is_missing_for_everybody(place: Place) -> None:
    await place.store.turns.accept(message("hi", user="bob"), ROUTE, at(0))
    async with place.opened() as desk:
        first = await place.constellation.agent(ADA, "postern")
        people = await desk.known_people()

        results = [each async for each in desk.prewarm(people, ["postern", "scribe"], 1)]

        rows = await desk.roster.rows()
    assert [error for _, error in results] == ["", ""]
    assert len(rows) == 4
    assert first in {row.agent for row in rows}


def test_a_version_names_what_the_template_writes() -> None:
    renamed = replace(SPEC.blocks[2], value="Something else at first.")

    assert replace(SPEC, blocks=(*SPEC.blocks[:2], renamed)).version == SPEC.version
    assert replace(SPEC, system="Be merry.").version != SPEC.version
    assert replace(SPEC, shared_blocks=()).version != SPEC.version


def test_a_line_whose_word_is_not_known_is_left_out() -> None:
    human = BlockSpec("human", "Their name is {name}.\nThey write from {identities}.\nHello.")

    nameless = Person(ADA, "", (Sender(ACCOUNT, "").identity,))

    assert human.value_for(nameless) == "They write from fake:local:ada.\nHello."
