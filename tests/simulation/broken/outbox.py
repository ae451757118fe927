"""What goes out, its order and its drafts, each broken in one way."""

# pyright: reportPrivateUsage=false
# What is broken here is broken from inside.

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from gateway.domain.deliveries import (
    Delivery,
    DeliveryClaim,
    DeliveryState,
    NewDelivery,
)
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.domain.turns import (
    TurnRef,
)
from gateway.drafts import Drafts
from gateway.ports import Adapter, Store
from gateway.turn_runner import TurnRunner
from storage.memory.deliveries import MemoryDeliveries
from storage.memory.tables import DeliveryRow, OutboxRow
from tests.simulation.broken.inside import Passing, tables_of
from tests.simulation.worker import Build, Ports, WorkerStore


class SendsBeforeItSaysSo(Build):
    """A delivery is not marked as being sent, so a crash leaves no trace of the try."""

    def base_store(self, store: Store) -> Store:
        class Silent(MemoryDeliveries):
            async def claim(
                self,
                worker: WorkerId,
                platforms: Collection[str],
                limit: int,
                lease: timedelta,
                now: datetime,
            ) -> DeliveryClaim:
                claim = await super().claim(worker, platforms, limit, lease, now)
                for delivery in claim.deliveries:
                    self._tables.deliveries[delivery.id].state = DeliveryState.PENDING
                return claim

        store.deliveries = Silent(tables_of(store))
        return store


class RepeatsBlindly(Build):
    """What may be there already is sent again without asking."""

    def worker_store(self, store: WorkerStore) -> Store:
        class Blind(Passing):
            async def claim(self, *args: Any) -> DeliveryClaim:  # passed on as it is
                claim = await self.port.claim(*args)
                sure = [replace(d, state=DeliveryState.SENDING) for d in claim.deliveries]
                return replace(claim, deliveries=tuple(sure))

        store.deliveries = cast("Any", Blind(store.deliveries))  # has the port's shape
        return cast("Store", store)


class SettlesWithoutFences(Build):
    """Whoever claimed a delivery once may say what became of it."""

    def base_store(self, store: Store) -> Store:
        tables = tables_of(store)

        def held_outbox(delivery: Delivery) -> OutboxRow:
            return tables.outboxes[delivery.conversation.id]

        tables.held_outbox = held_outbox
        return store


class IgnoresOrder(Build):
    """The newest delivery of a conversation is sent first."""

    def base_store(self, store: Store) -> Store:
        tables = tables_of(store)
        in_order = tables.head

        def head(conversation: Any) -> DeliveryRow | None:  # as the method that it replaces
            busy = in_order(conversation)
            if busy is None or busy.state is not DeliveryState.PENDING:
                return busy
            waiting = [r for r in tables.posts[conversation] if r.state is DeliveryState.PENDING]
            return waiting[-1]

        tables.head = head
        return store


class PostsDraftsBeforeTheyAreStored(Build):
    """People see a draft of which the store knows nothing yet."""

    def runner(
        self, store: Store, adapters: Mapping[str, Adapter], drafts: Drafts, ports: Ports
    ) -> TurnRunner:
        class Eager(Passing):
            async def open_draft(self, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
                adapter = adapters[draft.conversation.platform]
                await adapter.send(_sending(draft, now))
                await self.port.open_draft(turn, draft, now)

        eager = Passing(store)
        eager.turns = Eager(store.turns)  # pyright: ignore[reportAttributeAccessIssue] - a proxy
        return super().runner(cast("Store", eager), adapters, drafts, ports)


class DraftsNeverClose(Build):
    """A draft goes on growing after the final text was stored, and without a lease."""

    def runner(
        self, store: Store, adapters: Mapping[str, Adapter], drafts: Drafts, ports: Ports
    ) -> TurnRunner:
        async def leave_open(delivery: DeliveryId) -> None:
            """Do nothing."""

        drafts.close = leave_open
        drafts._is_held = lambda delivery: True
        return super().runner(store, adapters, drafts, ports)


def _sending(draft: NewDelivery, now: datetime) -> Delivery:
    state = DeliveryState.SENDING
    return Delivery(draft.id, draft.conversation, draft.text, 1, state, 1, 0, now)
