"""Every scenario runs on a loop whose time jumps, over the store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub
from tests.fakes.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Make the tests of this folder run on virtual time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    """A running hub with default options."""
    hub = FakeHub(MemoryStore())
    async with hub.running():
        yield hub
