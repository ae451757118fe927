"""A Letta that can be broken, and the adapter on it, without pauses between its tries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agents.letta import LettaOptions
from agents.letta.client import Letta, open_letta
from tests.fakes.letta_wire import LettaWire, serving_letta


def options_for(url: str) -> LettaOptions:
    return LettaOptions(base_url=url, api_key="key-of-the-tests", reconnect_first_seconds=0.0)


@pytest.fixture
async def wire() -> AsyncIterator[LettaWire]:
    async with serving_letta() as wire:
        yield wire


@pytest.fixture
async def letta(wire: LettaWire) -> AsyncIterator[Letta]:
    async with open_letta(options_for(wire.url)) as letta:
        yield letta
