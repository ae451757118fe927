"""A picture reaches the model: through the client, a Letta server and its OpenAI request."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

from agents.embedded import EmbeddedOptions, ModelOptions
from agents.embedded.server import serve
from agents.letta import AgentSpec
from agents.letta.client import open_letta
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.turns import Image, InputMessage, RunRequest, Session
from tests.fakes.rounds import follow, text_of
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving
from tests.unit.agents.letta.conftest import options_for

CAT = Image("image/png", b"\x89PNG cat")


async def test_a_picture_reaches_the_model(tmp_path: Path) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content="A cat.")]]
    said = InputMessage("what is it?", "2f1c4f9e-0a5d-4c5c-9b35-5a4c51f0a7b1", (CAT,))

    async with serving(endpoint):
        model = ModelOptions("gpt-test", "key", endpoint.url, 5)
        server = EmbeddedOptions(tmp_path / "letta.db", token=None, model=model)
        async with serve(server) as url:
            options = replace(options_for(url), roles={"postern": AgentSpec()}, silence_seconds=5.0)
            async with open_letta(options) as letta:
                agent = await letta.host.create_agent(Person(PersonId("p"), "Ada"), "postern")
                place = Conversation("discord", "dm", "99")
                session = Session(agent, await letta.host.create_session(agent, place))
                events = await follow(letta.runtime, RunRequest(session, (said,), said.otid))

    assert text_of(events) == "A cat."
    shown = endpoint.requests[0]["messages"][-1]["content"]
    url = f"data:image/png;base64,{base64.b64encode(CAT.data).decode()}"
    assert shown == [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
