"""Two gateways, each with a Postgres store of its own on one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from agents.scripted import Say, Wait
from gateway.domain.ids import WorkerId
from gateway.domain.messages import MessageKind
from storage.postgres import PoolOptions, PostgresStore
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema


@asynccontextmanager
async def _two_gateways(*, is_listening: bool) -> AsyncGenerator[FakeHub]:
    """Run two that do one turn each at a time: one has the turn, the other is free."""
    async with postgres_schema() as url, AsyncExitStack() as stack:
        hubs: list[FakeHub] = []
        for name in ("one", "two"):
            store = PostgresStore(url, PoolOptions(4), is_listening=is_listening)
            await store.open()
            stack.push_async_callback(store.close)
            if is_listening:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await store.is_listening.wait()
            options = HubOptions(worker=WorkerId(name), max_in_flight=1)
            hubs.append(FakeHub(store, options=options))
        one, two = hubs
        two.agents, two.platform = one.agents, one.platform
        for hub in hubs:
            await stack.enter_async_context(hub.running())
        yield one


@pytest.mark.parametrize("is_listening", [True, False])
async def test_cancel_stops_a_turn_in_another_gateway(is_listening: bool) -> None:
    async with _two_gateways(is_listening=is_listening) as hub:
        ada = hub.person("ada")
        hub.agents.will(Say("Thinking about it."), Wait(100_000), Say("Too late."))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ada.says("work hard")
            while not hub.agents.runs_started:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.02)
            command = replace(hub.message(ada, "cancel"), kind=MessageKind.COMMAND)

            await hub.inbox.receive(command)
            seen = await ada.reads(2)

    assert set(seen) == {"Thinking about it.", "Stopped."}
    assert hub.agents.runs_started == 1
