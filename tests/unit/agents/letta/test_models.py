"""Another model than the agent's own, over the real client: named, thinking, and not there."""

from __future__ import annotations

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
from gateway.domain.turns import Session
from gateway.errors import RunFailed
from tests.fakes.letta_wire import Instead, LettaWire
from tests.fakes.rounds import follow, says, text_of
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving

ADA = Person(PersonId("person-ada"), "Ada")
HERE = Session(AgentId("agent-1"), SessionId("conv-1"))


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
    async with serving(endpoint):
        model = ModelOptions("small", base_url=endpoint.url)
        options = EmbeddedOptions(tmp_path / "letta.db", model=model)
        async with serve(options) as url, open_letta(LettaOptions(base_url=url)) as letta:
            agent = await letta.host.create_agent(ADA, "postern")
            place = Conversation("console", "local", "a")
            session = Session(agent, await letta.host.create_session(agent, place))

            own = await letta.models.own(agent)
            first = await follow(letta.runtime, replace(says(session, "x"), model=None))
            asked = replace(says(session, "y"), model="openai-proxy/large")
            second = await follow(letta.runtime, asked)

    assert own == "openai-proxy/small"
    assert (text_of(first), text_of(second)) == ("small", "large")
    assert [request["model"] for request in endpoint.requests] == ["small", "large"]


async def test_an_agent_that_is_gone_has_no_model(tmp_path: Path) -> None:
    nobody = AgentId("agent-00000000-0000-4000-8000-000000000000")
    async with (
        serve(EmbeddedOptions(tmp_path / "letta.db")) as url,
        open_letta(LettaOptions(base_url=url)) as letta,
    ):
        with pytest.raises(RunFailed, match="can not be found"):
            await letta.models.own(nobody)
