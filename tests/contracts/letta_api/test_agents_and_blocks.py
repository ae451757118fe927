"""Agents and memory blocks, as the gateway's look-up before create needs them."""

import uuid

import pytest
from letta_client import (
    APIStatusError,
    AsyncLetta,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnprocessableEntityError,
)
from letta_client.types import AgentState

from tests.contracts.letta_api.heard import body_of, say

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_health_answers_without_a_token(client: AsyncLetta) -> None:
    stranger = client.with_options(api_key="wrong")

    assert (await stranger.health()).status == "ok"


async def test_a_wrong_token_reaches_nothing(client: AsyncLetta) -> None:
    stranger = client.with_options(api_key="wrong")

    with pytest.raises(AuthenticationError):
        await stranger.agents.list()


async def test_an_agent_is_what_it_was_made(client: AsyncLetta) -> None:
    made = await client.agents.create(
        name="u-1",
        tags=["gateway", "user:discord:42"],
        metadata={"platform": "discord"},
        memory_blocks=[{"label": "human", "value": "h", "limit": 5000}],
        description="one",
    )

    got = await client.agents.retrieve(
        made.id, include=["agent.blocks", "agent.tools", "agent.tags"]
    )

    assert (got.name, got.agent_type, got.description) == ("u-1", "letta_v1_agent", "one")
    assert got.tags == ["gateway", "user:discord:42"]
    assert got.metadata == {"platform": "discord"}
    assert [(block.label, block.value, block.limit) for block in got.blocks] == [
        ("human", "h", 5000)
    ]
    assert {"memory_insert", "memory_replace", "conversation_search"} <= {
        tool.name for tool in got.tools
    }


async def test_belongings_are_shown_only_when_asked_for(
    client: AsyncLetta, agent: AgentState
) -> None:
    got = await client.agents.retrieve(agent.id)

    assert (got.blocks, got.tools, got.tags) == ([], [], [])


async def test_all_tags_must_match_when_asked(client: AsyncLetta) -> None:
    both = await client.agents.create(name="both", tags=["gateway", "user:1"])
    await client.agents.create(name="one", tags=["gateway", "user:2"])

    page = await client.agents.list(tags=["gateway", "user:1"], match_all_tags=True, limit=50)

    assert [found.id for found in page.items] == [both.id]


async def test_any_tag_matches_by_default(client: AsyncLetta) -> None:
    await client.agents.create(name="a", tags=["x"])
    await client.agents.create(name="b", tags=["y"])
    await client.agents.create(name="c", tags=["z"])

    page = await client.agents.list(tags=["x", "y"])

    assert sorted(str(found.name) for found in page.items) == ["a", "b"]


async def test_a_search_that_finds_nothing_is_empty(client: AsyncLetta, agent: AgentState) -> None:
    page = await client.agents.list(tags=["user:nobody"], match_all_tags=True)

    assert page.items == []


async def test_names_are_not_unique_and_are_found(client: AsyncLetta) -> None:
    first = await client.agents.create(name="same")
    second = await client.agents.create(name="same")

    page = await client.agents.list(name="same")

    assert {found.id for found in page.items} == {first.id, second.id}


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_listing_pages_by_itself_without_gap_or_repeat(
    client: AsyncLetta, order: str
) -> None:
    made = [(await client.agents.create(name=f"n{n}", tags=[f"page-{order}"])).id for n in range(7)]

    seen = [
        found.id
        async for found in client.agents.list(
            tags=[f"page-{order}"], limit=3, order="asc" if order == "asc" else "desc"
        )
    ]

    assert seen == (made if order == "asc" else made[::-1])


async def test_update_replaces_tags_and_metadata(client: AsyncLetta) -> None:
    made = await client.agents.create(name="a", tags=["old"], metadata={"old": 1})

    changed = await client.agents.update(made.id, name="b", tags=["new"], metadata={"new": 2})

    assert (changed.name, changed.tags, changed.metadata) == ("b", ["new"], {"new": 2})


async def test_a_deleted_agent_is_gone(client: AsyncLetta, agent: AgentState) -> None:
    await client.agents.delete(agent.id)

    with pytest.raises(NotFoundError):
        await client.agents.retrieve(agent.id)
    with pytest.raises(NotFoundError):
        await client.agents.delete(agent.id)


async def test_unknown_ids_are_404_with_a_sentence(client: AsyncLetta) -> None:
    with pytest.raises(NotFoundError) as caught:
        await client.agents.retrieve(f"agent-{uuid.uuid4()}")

    assert "not found" in body_of(caught.value)["detail"]


async def test_malformed_ids_are_422(client: AsyncLetta) -> None:
    with pytest.raises(UnprocessableEntityError):
        await client.agents.retrieve("agent-42")


async def test_a_handle_that_cannot_be_one_is_404(client: AsyncLetta) -> None:
    with pytest.raises(NotFoundError, match="Handle nonsense not found"):
        await client.agents.create(name="a", model="nonsense")


async def test_a_block_lives_on_its_own(client: AsyncLetta) -> None:
    made = await client.blocks.create(label="team", value="v", limit=50, description="d")

    changed = await client.blocks.update(made.id, value="w")

    assert (changed.value, changed.limit, changed.description) == ("w", 50, "d")
    assert [block.id for block in (await client.blocks.list(label="team")).items] == [made.id]
    await client.blocks.delete(made.id)
    with pytest.raises(NotFoundError):
        await client.blocks.retrieve(made.id)


async def test_a_shared_block_is_seen_by_all_its_agents(client: AsyncLetta) -> None:
    shared = await client.blocks.create(label="team", value="v")
    one = await client.agents.create(name="one", block_ids=[shared.id])
    two = await client.agents.create(name="two")
    await client.agents.blocks.attach(shared.id, agent_id=two.id)

    await client.agents.blocks.update("team", agent_id=one.id, value="news")

    assert (await client.agents.blocks.retrieve("team", agent_id=two.id)).value == "news"
    holders = (await client.blocks.agents.list(shared.id)).items
    assert {holder.id for holder in holders} == {one.id, two.id}


async def test_one_label_once_per_agent(client: AsyncLetta, agent: AgentState) -> None:
    other = await client.blocks.create(label="human", value="")

    with pytest.raises(ConflictError):
        await client.agents.blocks.attach(other.id, agent_id=agent.id)


async def test_a_detached_block_is_gone_and_cannot_be_detached_again(
    client: AsyncLetta, agent: AgentState
) -> None:
    (block,) = (await client.agents.blocks.list(agent.id)).items
    assert block.id
    await client.agents.blocks.detach(block.id, agent_id=agent.id)

    assert (await client.agents.blocks.list(agent.id)).items == []
    with pytest.raises(NotFoundError):
        await client.agents.blocks.detach(block.id, agent_id=agent.id)


async def test_block_limits_are_enforced_everywhere(
    client: AsyncLetta, agent: AgentState, conversation: str
) -> None:
    with pytest.raises(BadRequestError, match="at most 3 characters"):
        await client.blocks.create(label="x", value="four", limit=3)
    with pytest.raises(BadRequestError, match="at most 200 characters"):
        await client.agents.blocks.update("human", agent_id=agent.id, value="x" * 201)

    call = f'call memory_insert {{"label":"human","new_string":"{"x" * 201}"}}'
    heard = await say(client, conversation, call)

    assert "holds at most 200 characters" in heard.returns[0]
    assert (await client.agents.blocks.retrieve("human", agent_id=agent.id)).value == ""


async def test_what_is_missing_says_so(client: AsyncLetta) -> None:
    with pytest.raises(APIStatusError) as caught:
        await client.mcp_servers.list()

    assert caught.value.status_code == 501
    assert "LETTA_BASE_URL" in str(caught.value.body)


async def test_the_lists_of_an_agent_end(client: AsyncLetta, agent: AgentState) -> None:
    tools = [tool.name async for tool in client.agents.tools.list(agent.id, limit=2)]
    blocks = [block.label async for block in client.agents.blocks.list(agent.id)]

    assert len(tools) == len(set(tools)) == 5
    assert blocks == ["human"]
