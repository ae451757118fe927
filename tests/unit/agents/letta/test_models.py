"""Another model than the agent's own, over the real client: named, thinking, and not there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.embedded import EmbeddedOptions, ModelOptions
from agents.embedded.server import serve
from agents.letta import LettaOptions
from agents.letta.client import Letta, open_letta
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId, SessionId
from gateway.domain.people import Person
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Session
from gateway.errors import RunFailed
from tests.fakes.letta_wire import Instead, LettaWire
from tests.fakes.rounds import DICE, answers, calls_of, follow, says, text_of
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta
from tests.unit.agents.embedded.chat_endpoint import serving as serving_endpoint
from tests.unit.agents.letta.servers import OTHER_MODEL, SERVERS, serving

ADA = Person(PersonId("person-ada"), "Ada")
HERE = Session(AgentId("agent-1"), SessionId("conv-1"))


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[LettaOptions]:
    async with serving(request.param, tmp_path) as options:
        yield options


@pytest.fixture
async def mind(server: LettaOptions) -> AsyncGenerator[Letta]:
    async with open_letta(server) as opened:
        yield opened


async def new_session(letta: Letta) -> Session:
    agent = await letta.host.create_agent(ADA, "postern")
    place = Conversation("console", "local", "a")
    return Session(agent, await letta.host.create_session(agent, place))


async def test_the_handle_is_sent_and_nothing_where_there_is_none(
    wire: LettaWire, letta: Letta
) -> None:
    await follow(letta.runtime, replace(says(HERE, "x"), model="openai/large"))
    await follow(letta.runtime, says(HERE, "y"))

    chosen, own = (request.body for request in wire.paths("POST", "conv-1/messages"))
    assert chosen["override_model"] == "openai/large"
    assert "override_model" not in own


async def test_a_model_that_letta_does_not_have_fails_the_run_with_a_sentence(
    wire: LettaWire, letta: Letta
) -> None:
    detail = "NOT_FOUND: Handle openai/gone not found, must be one of ['openai/small']"
    wire.stream_faults.append(Instead(404, {"detail": detail}))

    with pytest.raises(RunFailed, match="`/model` may choose another") as caught:
        await follow(letta.runtime, replace(says(HERE, "x"), model="openai/gone"))

    assert caught.value.kind == "unknown_model"


async def test_the_embedded_server_thinks_with_the_model_that_is_named(tmp_path: Path) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content="small")], [delta(content="large")]]
    async with serving_endpoint(endpoint):
        model = ModelOptions("small", base_url=endpoint.url)
        options = EmbeddedOptions(tmp_path / "letta.db", model=model)
        async with serve(options) as url, open_letta(LettaOptions(base_url=url)) as letta:
            session = await new_session(letta)

            own = await letta.models.own(session.agent)
            first = await follow(letta.runtime, replace(says(session, "x"), model=None))
            asked = replace(says(session, "y"), model="openai-proxy/large")
            second = await follow(letta.runtime, asked)

    assert own == "openai-proxy/small"
    assert (text_of(first), text_of(second)) == ("small", "large")
    assert [request["model"] for request in endpoint.requests] == ["small", "large"]


async def test_a_model_that_the_endpoint_does_not_have_is_said_so(tmp_path: Path) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [404]
    async with serving_endpoint(endpoint):
        model = ModelOptions("small", base_url=endpoint.url)
        options = EmbeddedOptions(tmp_path / "letta.db", model=model)
        async with serve(options) as url, open_letta(LettaOptions(base_url=url)) as letta:
            session = await new_session(letta)

            with pytest.raises(RunFailed, match="`/model` may choose another"):
                await follow(letta.runtime, replace(says(session, "x"), model="openai-proxy/gone"))


async def test_a_handle_that_is_none_fails_the_run_and_nothing_else(mind: Letta) -> None:
    session = await new_session(mind)

    with pytest.raises(RunFailed, match="`/model` may choose another") as caught:
        await follow(mind.runtime, replace(says(session, "x"), model="gone"))

    assert caught.value.kind == "unknown_model"
    assert text_of(await follow(mind.runtime, says(session, "say well"))) == "well"


async def test_another_model_has_its_tools_answered_and_the_agent_keeps_its_own(
    mind: Letta,
) -> None:
    session = await new_session(mind)
    own = await mind.models.own(session.agent)
    request = replace(says(session, "call roll_dice {}", tools=(DICE,)), model=OTHER_MODEL)

    calls = calls_of(await follow(mind.runtime, request))
    told = await follow(mind.runtime, answers(request, [ToolResult(calls[0].id, "a four")]))

    assert "a four" in text_of(told)
    assert await mind.models.own(session.agent) == own != OTHER_MODEL


async def test_a_model_that_goes_while_tools_are_at_work_wedges_nothing(mind: Letta) -> None:
    session = await new_session(mind)
    request = replace(says(session, "call roll_dice {}", tools=(DICE,)), model=OTHER_MODEL)
    calls = calls_of(await follow(mind.runtime, request))
    returned = answers(request, [ToolResult(calls[0].id, "a four")])

    with pytest.raises(RunFailed, match="`/model` may choose another"):
        await follow(mind.runtime, replace(returned, model="gone"))

    assert text_of(await follow(mind.runtime, says(session, "say well"))) == "well"


@pytest.mark.parametrize("model", [None, "", 7])
async def test_a_model_may_go_by_no_handle(
    wire: LettaWire, letta: Letta, model: str | int | None
) -> None:
    wire.call_faults.append(Instead(200, {"id": HERE.agent, "model": model}))

    assert await letta.models.own(HERE.agent) is None


async def test_an_agent_that_is_gone_has_no_model(mind: Letta) -> None:
    nobody = AgentId("agent-00000000-0000-4000-8000-000000000000")

    with pytest.raises(RunFailed, match="can not be found"):
        await mind.models.own(nobody)
