"""A process that accepts, claims, finishes and sends, and says what was acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from gateway.domain.deliveries import Delivery
from gateway.domain.turns import Turn
from gateway.ports import Store
from storage.sqlite import SqliteStore
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_posts,
    claim_turns,
    done,
    message,
    part,
    sent_as,
)


def say(kind: str, name: str) -> None:
    """Tell the parent, in one write, what the store has promised to keep."""
    os.write(1, f"{kind} {name}\n".encode())


async def write(path: Path, prefix: str) -> None:
    """Write as fast as possible until killed."""
    store = SqliteStore(path)
    await store.open()
    numbers = itertools.count()
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(_accept(store, prefix, numbers))
        group.create_task(_dispatch(store, group))
        group.create_task(_send(store, group))


async def _accept(store: Store, prefix: str, numbers: itertools.count[int]) -> None:
    for number in numbers:
        event = f"{prefix}-{number}"
        await store.turns.accept(message(event, user=f"u{number % 20}"), ROUTE, at(0))
        say("accepted", event)


async def _dispatch(store: Store, group: asyncio.TaskGroup) -> None:
    while True:
        store.turn_ready.clear()
        for turn in await claim_turns(store):
            group.create_task(_finish(store, turn))
        await store.turn_ready.wait()


async def _finish(store: Store, turn: Turn) -> None:
    await store.turns.finish(turn.ref, done(part(turn, 0)), at(0))
    say("finished", turn.ref.id)


async def _send(store: Store, group: asyncio.TaskGroup) -> None:
    while True:
        store.delivery_ready.clear()
        for delivery in await claim_posts(store):
            group.create_task(_settle(store, delivery))
        await store.delivery_ready.wait()


async def _settle(store: Store, delivery: Delivery) -> None:
    await store.deliveries.settle(delivery, sent_as(f"p-{delivery.id}"), at(0))
    say("sent", delivery.id)


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2]))
