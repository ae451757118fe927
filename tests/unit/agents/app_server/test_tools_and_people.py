"""Which hands an agent has on the App Server, and how agents and threads are found there."""

from __future__ import annotations

import uuid

import pytest

from agents.app_server.client import AppServer
from agents.letta import AgentSpec, BlockSpec
from gateway.domain.ids import AgentId, SessionId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Image, InputMessage, RunEnded, RunRequest, Session, ToolsAsked
from gateway.errors import RunFailed, RuntimeUnavailable
from tests.fakes.app_server import FakeAppServer
from tests.fakes.rounds import DICE, answers, calls_of, follow, says, text_of
from tests.unit.agents.app_server.conftest import ADA


async def test_every_input_names_the_tools_it_may_use_and_no_other(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    await follow(server.runtime, says(session, "say plain"))
    request = says(session, "call roll_dice {}", tools=(DICE,))
    calls = calls_of(await follow(server.runtime, request))
    await follow(server.runtime, answers(request, [ToolResult(calls[0].id, "a one")]))
    await follow(server.runtime, says(session, "say plain again"))

    assert [heard.allowed for heard in fake.heard] == [[], ["roll_dice"], []]


async def test_a_tool_of_the_server_is_not_there_for_the_model(
    server: AppServer, session: Session
) -> None:
    events = await follow(
        server.runtime, says(session, 'call Bash {"command": "id"}', tools=(DICE,))
    )

    assert text_of(events) == "tool said: Tool not found: Bash. Available tools: roll_dice"


async def test_parallel_calls_are_asked_together_and_answered_one_by_one(
    server: AppServer, session: Session
) -> None:
    request = says(session, "call roll_dice {}\ncall roll_dice {}", tools=(DICE,))
    one, two = calls_of(await follow(server.runtime, request))

    results = [ToolResult(two.id, "a two"), ToolResult(one.id, "a one")]
    events = await follow(server.runtime, answers(request, results))

    assert text_of(events) == "tool said: a one | a two"


async def test_a_round_says_what_it_used(server: AppServer, session: Session) -> None:
    request = says(session, "call roll_dice {}", tools=(DICE,))
    asked = (await follow(server.runtime, request))[-1]
    assert isinstance(asked, ToolsAsked)

    result = ToolResult(asked.calls[0].id, "a one")
    ended = (await follow(server.runtime, answers(request, [result])))[-1]

    assert isinstance(ended, RunEnded)
    assert (asked.tokens, ended.tokens) == (107, 107)


async def test_pictures_are_shown_as_parts_of_the_message(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    otid = str(uuid.uuid4())
    said = InputMessage("say seen", otid, (Image("image/png", b"png"),))

    await follow(server.runtime, RunRequest(session, (said,), otid))

    source = {"type": "base64", "media_type": "image/png", "data": "cG5n"}
    assert fake.heard[0].contents == [
        [{"type": "text", "text": "say seen"}, {"type": "image", "source": source}]
    ]


async def test_an_agent_or_conversation_that_is_gone_is_told_and_not_made_anew(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    agents = dict(fake.agents)
    for gone in (
        Session(AgentId("agent-local-x"), session.thread),
        Session(session.agent, SessionId("local-conv-9999")),
    ):
        with pytest.raises(RunFailed) as caught:
            await follow(server.runtime, says(gone, "say hello"))
        assert caught.value.kind == "not_found"

    assert fake.agents == agents
    assert fake.heard == []


async def test_agents_of_others_are_never_taken_for_ours(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    for agent in fake.agents.values():
        agent["tags"] = ["postern"]
    fake.ignores_tags = True

    with pytest.raises(RuntimeUnavailable, match="not asked for"):
        await server.host.find_agent(ADA, "postern")


async def test_an_agent_is_made_with_the_blocks_of_its_role(
    fake: FakeAppServer, server: AppServer
) -> None:
    agent = await server.host.create_agent(ADA, "postern")

    blocks = {block["label"]: block["value"] for block in fake.agents[agent]["memory_blocks"]}
    assert blocks["human"] == "Their name is Ada."
    assert blocks["persona"] == AgentSpec().blocks[0].value
    assert isinstance(AgentSpec().blocks[0], BlockSpec)
