from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agents.app_server.client import AppServer, open_app_server
from agents.letta import LettaOptions
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.turns import Session
from tests.fakes.app_server import FakeAppServer, serving_app_server

ADA = Person(PersonId("person-" + "a" * 32), "Ada")
PLACE = Conversation("discord", "dm", "99")


def options_for(fake: FakeAppServer) -> LettaOptions:
    return LettaOptions(
        base_url=fake.url, reconnect_first_seconds=0.01, reconnect_longest_seconds=0.05
    )


@pytest.fixture
async def fake() -> AsyncIterator[FakeAppServer]:
    async with serving_app_server() as fake:
        yield fake


@pytest.fixture
async def server(fake: FakeAppServer) -> AsyncIterator[AppServer]:
    async with open_app_server(options_for(fake)) as server:
        yield server


@pytest.fixture
async def session(server: AppServer) -> Session:
    agent = await server.host.create_agent(ADA, "postern")
    return Session(agent, await server.host.create_session(agent, PLACE))
