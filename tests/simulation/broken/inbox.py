"""What comes in, broken in ways that somebody might well write."""

# pyright: reportPrivateUsage=false
# What is broken here is broken from inside.

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Route
from gateway.errors import StoreUnavailable
from gateway.inbox import Inbox
from gateway.ports import Store
from gateway.rights.access import Access
from gateway.rights.policy import AccessMode, AccessPolicy
from storage.memory.turns import MemoryTurns
from tests.simulation.broken.inside import tables_of
from tests.simulation.platforms import Kind
from tests.simulation.worker import ROUTES, Build, Ports


class AcksBeforeItStores(Build):
    """The platform is acknowledged whether the store has the message or not."""

    def inbox(self, store: Store, ports: Ports) -> Inbox:
        inbox = super().inbox(store, ports)

        class Hasty(Inbox):
            async def receive(self, message: InboundMessage) -> None:
                try:
                    await inbox.receive(message)
                except StoreUnavailable:
                    return

        access = Access(AccessPolicy({}), store.people, ports.clock)
        return Hasty(store, access, ROUTES, ports.clock, ports.metrics)


class LetsStrangersIn(Build):
    """The list of who may talk is not looked at."""

    def inbox(self, store: Store, ports: Ports) -> Inbox:
        policy = AccessPolicy({str(kind): AccessMode.OPEN for kind in Kind})
        access = Access(policy, store.people, ports.clock)
        return Inbox(store, access, ROUTES, ports.clock, ports.metrics)


class KnowsNoDuplicates(Build):
    """Each delivery of an event is taken for a new one."""

    def base_store(self, store: Store) -> Store:
        class Forgetful(MemoryTurns):
            async def accept(
                self, message: InboundMessage, route: Route, now: datetime
            ) -> Accepted:
                again = 0
                known, event = self._tables.messages, message
                while event.idempotency_key in known:
                    again += 1
                    event = replace(message, event_id=f"{message.event_id}-{again}")
                return await super().accept(event, route, now)

        store.turns = Forgetful(tables_of(store))
        return store
