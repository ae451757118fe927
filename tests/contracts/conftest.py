"""Minds that show what their agents keep: what is kept has contracts of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from gateway.domain.ids import AgentId
from tests.contracts.minds import IMPLEMENTATIONS, SHOWING, Minds


@pytest_asyncio.fixture(params=SHOWING, scope="module", loop_scope="module")
async def minds(request: pytest.FixtureRequest) -> AsyncGenerator[Minds]:
    """Open one implementation for all tests of a file."""
    async with IMPLEMENTATIONS[request.param]() as minds:
        yield minds


@pytest_asyncio.fixture(loop_scope="module")
async def agent(minds: Minds) -> AgentId:
    """Make an agent of somebody new."""
    return await minds.new_agent()
