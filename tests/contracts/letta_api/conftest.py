"""An embedded server on a free loopback port, and the real client speaking to it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from letta_client import AsyncLetta
from letta_client.types import AgentState

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve

TOKEN = "token-of-the-tests"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedOptions:
    """A scripted server without delays, on a database of its own."""
    database = tmp_path_factory.mktemp("letta") / "letta.db"
    return EmbeddedOptions(database, token=TOKEN, scripted=True, word_delay_seconds=0)


@asynccontextmanager
async def connected(options: EmbeddedOptions) -> AsyncGenerator[AsyncLetta]:
    """Serve, and speak to it as the gateway does: no retries by the SDK."""
    async with (
        serve(options) as url,
        AsyncLetta(base_url=url, api_key=options.token, max_retries=0) as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(options: EmbeddedOptions) -> AsyncGenerator[AsyncLetta]:
    """The client of a server that all tests of a module share; agents are each test's own."""
    async with connected(options) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def agent(client: AsyncLetta) -> AgentState:
    """An agent with a small human block."""
    return await client.agents.create(
        name="ada", memory_blocks=[{"label": "human", "value": "", "limit": 200}]
    )


@pytest_asyncio.fixture(loop_scope="module")
async def conversation(client: AsyncLetta, agent: AgentState) -> str:
    """A thread of that agent."""
    return (await client.conversations.create(agent_id=agent.id, summary="test")).id
