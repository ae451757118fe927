"""Turns: their claims, leases, keys and ends, each broken in one way."""

# pyright: reportPrivateUsage=false
# What is broken here is broken from inside.

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from gateway.doing import Doing
from gateway.domain.ids import TurnId, WorkerId
from gateway.domain.turns import (
    NO_LIMIT,
    Cancellation,
    Cancelled,
    Claim,
    RunRequest,
    Session,
    TurnOutcome,
    TurnRef,
)
from gateway.drafts import Drafts
from gateway.errors import Fenced
from gateway.ports import Adapter, Store, TurnStore
from gateway.rounds import Rounds
from gateway.turn_runner import TurnRunner
from storage.memory.tables import MailboxRow
from storage.memory.turns import MemoryTurns
from tests.simulation.broken.inside import Passing, tables_of
from tests.simulation.worker import Build, Ports, WorkerStore


class CountsNobody(Build):
    """Lanes are claimed whoever else's they are, as many as there are."""

    def base_store(self, store: Store) -> Store:
        class Careless(MemoryTurns):
            async def claim(
                self,
                worker: WorkerId,
                limit: int,
                lease: timedelta,
                now: datetime,
                per_person: int = NO_LIMIT,
            ) -> Claim:
                return await super().claim(worker, limit, lease, now)

        store.turns = Careless(tables_of(store))
        return store


class LeasesWithoutFences(Build):
    """Whoever had the turn once may write to it for as long as it is open."""

    def base_store(self, store: Store) -> Store:
        tables = tables_of(store)

        def held(turn: TurnRef) -> MailboxRow:
            mailbox = tables.mailboxes[turn.lane]
            if mailbox.turn != turn.id:
                raise Fenced("It is over.")
            return mailbox

        tables.held = held
        return store


class ForgetsOpenTurns(Build):
    """A lane whose lease is over is claimed as if nothing had been begun in it."""

    def base_store(self, store: Store) -> Store:
        class Amnesiac(MemoryTurns):
            async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
                lost = await super().recover(now, predecessor)
                for mailbox in self._tables.mailboxes.values() if lost else ():
                    if mailbox.lease_until is None and self._tables.waiting[mailbox.lane]:
                        mailbox.turn = None
                return lost

        store.turns = Amnesiac(tables_of(store))
        return store


class LeavesTheDeadAlone(Build):
    """What another worker left behind is never taken over."""

    def worker_store(self, store: WorkerStore) -> Store:
        class Shy(Passing):
            async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
                return 0

        store.turns = cast("TurnStore", Shy(store.turns))
        return cast("Store", store)


class CancelsNothing(Build):
    """A command looks for turns where none are, as one that asks its own process alone."""

    def base_store(self, store: Store) -> Store:
        class Blind(MemoryTurns):
            async def cancel(
                self, turn: TurnRef, cancellation: Cancellation, now: datetime
            ) -> Cancelled:
                return Cancelled(0, 0)

        store.turns = Blind(tables_of(store))
        return store


class ForgetsWhatWasCancelled(Build):
    """Whoever claims a cancelled turn again takes it for any other, and hears of no wish."""

    def base_store(self, store: Store) -> Store:
        class Forgetful(MemoryTurns):
            async def claim(
                self,
                worker: WorkerId,
                limit: int,
                lease: timedelta,
                now: datetime,
                per_person: int = NO_LIMIT,
            ) -> Claim:
                claim = await super().claim(worker, limit, lease, now, per_person)
                turns = tuple(replace(turn, is_cancelled=False) for turn in claim.turns)
                return replace(claim, turns=turns)

            async def cancelled(self) -> Collection[TurnId]:
                return ()

        store.turns = Forgetful(tables_of(store))
        return store


class AsksUnderNewKeys(Build):
    """Each attempt at a turn has an otid of its own."""

    def runner(
        self, store: Store, adapters: Mapping[str, Adapter], drafts: Drafts, ports: Ports
    ) -> TurnRunner:
        runner = super().runner(store, adapters, drafts, ports)

        async def first_request(doing: Doing, session: Session) -> RunRequest:
            request = await Rounds._first_request(runner._rounds, doing, session)
            otid = uuid.uuid5(uuid.UUID(request.otid), str(doing.turn.attempt))
            return replace(request, otid=str(otid), run=None)

        runner._rounds._first_request = first_request
        return runner


class DropsTheTail(Build):
    """Only the first part of an answer is stored with the turn's end; the rest comes after it."""

    def worker_store(self, store: WorkerStore) -> Store:
        deliveries = store.deliveries

        class InTwoCommits(Passing):
            async def finish(self, turn: TurnRef, outcome: TurnOutcome, now: datetime) -> None:
                first, rest = outcome.deliveries[:1], outcome.deliveries[1:]
                await self.port.finish(turn, replace(outcome, deliveries=first), now)
                await deliveries.enqueue(rest, now)

        store.turns = cast("TurnStore", InTwoCommits(store.turns))
        return cast("Store", store)
