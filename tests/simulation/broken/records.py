"""Fires and the log, each broken in one way."""

# pyright: reportPrivateUsage=false
# What is broken here is broken from inside.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.messages import InboundMessage
from gateway.domain.schedules import Fire
from gateway.ports import Store
from storage.memory.schedules import MemorySchedules
from tests.simulation.broken.inside import tables_of
from tests.simulation.worker import Build


class FiresWithoutSlots(Build):
    """A schedule is fired by whoever finds it due, without a key for the slot."""

    def base_store(self, store: Store) -> Store:
        tables = tables_of(store)

        class Keyless(MemorySchedules):
            async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
                fresh = [replace(f, message=f.message and _another(f.message)) for f in fires]
                stored = self._tables.schedules
                for fire in fires:
                    self._tables.fires.pop((fire.schedule.id, fire.due_at), None)
                    if fire.schedule.id in stored:
                        stored[fire.schedule.id] = fire.schedule
                return await super().fire(fresh, now)

        def _another(message: InboundMessage) -> InboundMessage:
            return replace(message, event_id=f"{message.event_id}/{len(tables.messages)}")

        store.schedules = Keyless(tables)
        return store


class LogsTooLittle(Build):
    """A settled delivery is not written into the audit log."""

    def base_store(self, store: Store) -> Store:
        tables = tables_of(store)
        log = tables.log

        def quiet(
            kind: AuditKind,
            at: datetime | None,
            subject: str,
            ref: str,
            data: Mapping[str, object],
        ) -> None:
            if kind is not AuditKind.DELIVERY_SETTLED:
                log(kind, at, subject, ref, data)

        tables.log = quiet
        return store
