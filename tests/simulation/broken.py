"""The real parts, each broken in one way that somebody might well write."""

# pyright: reportPrivateUsage=false
# What is broken here is broken from inside.

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from agents.constellation import AgentConstellation
from gateway.access import Access, AccessMode, AccessPolicy
from gateway.doing import Doing
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import (
    Delivery,
    DeliveryClaim,
    DeliveryState,
    NewDelivery,
)
from gateway.domain.ids import AgentId, DeliveryId, PersonId, TurnId, WorkerId
from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Person, Route
from gateway.domain.schedules import Fire
from gateway.domain.tools import ToolCall
from gateway.domain.turns import (
    NO_LIMIT,
    Cancellation,
    Cancelled,
    Claim,
    RunRequest,
    Session,
    Turn,
    TurnOutcome,
    TurnRef,
)
from gateway.drafts import Drafts
from gateway.errors import Fenced, RuntimeUnavailable, StoreUnavailable
from gateway.inbox import Inbox
from gateway.ports import Adapter, Constellation, Store, TurnStore
from gateway.rounds import Rounds
from gateway.turn_runner import TurnRunner
from storage.memory.deliveries import MemoryDeliveries
from storage.memory.schedules import MemorySchedules
from storage.memory.tables import DeliveryRow, MailboxRow, OutboxRow, Tables
from storage.memory.turns import MemoryTurns
from tests.simulation.minds import SimMinds
from tests.simulation.platforms import Kind
from tests.simulation.worker import APPROVALS, ROUTES, Build, Ports, WorkerStore


def tables_of(store: Store) -> Tables:
    """Return the rows of a store in memory, to break them from inside."""
    turns = store.turns
    assert isinstance(turns, MemoryTurns)
    return turns._tables


class Passing:
    """Passes on whatever it does not break itself."""

    def __init__(self, port: object) -> None:
        self.port = cast("Any", port)  # whatever the port has

    def __getattr__(self, name: str) -> Any:  # as above
        return getattr(self.port, name)


# -- the way in ----------------------------------------------------------------------------------


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


# -- turns ---------------------------------------------------------------------------------------


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


# -- the way out ---------------------------------------------------------------------------------


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


# -- tools ---------------------------------------------------------------------------------------


class AsksNobody(Build):
    """What needs a yes is carried out at once."""

    approvals = replace(APPROVALS, tools=frozenset[str]())


class ForgetsWhatItBegan(Build):
    """That a call was begun is not written down before it is made."""

    def worker_store(self, store: WorkerStore) -> Store:
        class Careless(Passing):
            async def intend_tool_call(self, turn: TurnRef, call: ToolCall) -> None:
                """Do nothing."""

        store.turns = cast("TurnStore", Careless(store.turns))
        return store


# -- agents --------------------------------------------------------------------------------------


class MakesAgentsWithoutIntent(Build):
    """An agent is made as soon as a look-up finds none."""

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        class Careless(AgentConstellation):
            async def session_for(self, turn: Turn) -> Session:
                person = Person(turn.person, "")
                agent = await minds.find_agent(person, turn.role)
                agent = agent or await minds.create_agent(person, turn.role)
                thread = await minds.find_session(agent, turn.conversation)
                thread = thread or await minds.create_session(agent, turn.conversation)
                return Session(agent, thread)

        return Careless(store.people, minds, ports.clock)


class TakesNoAnswerForNo(Build):
    """A look-up that failed counts as one that found nothing."""

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        class Deaf(Passing):
            async def find_agent(self, person: Person, role: str) -> AgentId | None:
                try:
                    return await self.port.find_agent(person, role)
                except RuntimeUnavailable:
                    return None

        return super().constellation(store, cast("SimMinds", Deaf(minds)), ports)


class OneMindForAll(Build):
    """People's own agents are one and the same."""

    def constellation(self, store: Store, minds: SimMinds, ports: Ports) -> Constellation:
        class Mixed(AgentConstellation):
            async def session_for(self, turn: Turn) -> Session:
                everyone = PersonId("person-" + "e" * 32)
                return await super().session_for(replace(turn, person=everyone))

        return Mixed(store.people, minds, ports.clock)


# -- time, and the log ---------------------------------------------------------------------------


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
