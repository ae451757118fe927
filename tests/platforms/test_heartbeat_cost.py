"""What a heartbeat costs, counted where it would be paid: at the model's own door."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.bootstrap.entry import opened_around
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Rules, Schedule, Wakeup
from gateway.ports import Store
from gateway.settings import load_settings
from scheduler.misfires import first_fire
from storage.memory.store import MemoryStore
from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving

ADA = Sender(Identity("web", "local", "ada"), "Ada")
HERE = Conversation("web", "postern", "ada")


async def _until_ended(store: Store, turns: int) -> None:
    """Return when so many turns have ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            log = await store.history.audit(0, 1_000)
            if sum(entry.kind is AuditKind.TURN_ENDED for entry in log) >= turns:
                return
            await asyncio.sleep(0.02)


async def test_an_empty_heartbeat_asks_no_model_and_a_person_does(tmp_path: Path) -> None:
    endpoint, store, stop = ChatEndpoint(), MemoryStore(), asyncio.Event()
    endpoint.answers.append([delta(content="Yes."), delta(finish_reason="stop")])
    wakeup = Wakeup(HERE, ADA, "Look around.")
    hourly = Schedule(
        "hourly", "every:3600", "UTC", None, wakeup=wakeup, rules=Rules(heartbeat=True)
    )
    now = datetime.now(UTC)
    await store.open()
    await store.schedules.put(first_fire(hourly, now - timedelta(hours=1)))

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(endpoint))
        environ = {"POSTERN_DATA_DIR": str(tmp_path), "OPENAI_BASE_URL": endpoint.url}
        plugged = await stack.enter_async_context(opened_around(load_settings(environ), store))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(plugged.gateway.run(stop))
        await _until_ended(store, 1)
        asked_by_heartbeat = len(endpoint.requests)
        await plugged.inbox.receive(InboundMessage("e1", HERE, ADA, "Did you see this?", now))
        await _until_ended(store, 2)
        stop.set()

    assert asked_by_heartbeat == 0
    assert len(endpoint.requests) == 1
