"""Every part that the hub asks of the spokes. A spoke implements one; bootstrap plugs it in.

Moments are aware UTC and are passed in: only `Clock` knows what time it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.domain.artifacts import Artifact, Contents
from gateway.domain.audit import AuditEntry
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryClaim, NewDelivery, SendOutcome
from gateway.domain.ids import (
    AgentId,
    ConversationId,
    PersonId,
    PlatformMessageId,
    SessionId,
    WorkerId,
)
from gateway.domain.messages import Accepted, HistoryEntry, InboundMessage, Refusal
from gateway.domain.people import AgentBinding, Identity, Pairing, Person, Route, Sender
from gateway.domain.schedules import Fire, PastSlot, Schedule
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import (
    Claim,
    RunId,
    RunRequest,
    Session,
    Turn,
    TurnEvent,
    TurnOutcome,
    TurnRef,
)


class Clock(Protocol):
    """The only source of time. Waiting is the event loop's, so that a virtual loop can rule it."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        ...


# -- platforms ---------------------------------------------------------------------------------

Accept = Callable[[InboundMessage], Awaitable[None]]
"""The inbox. Returns when the message is in the store: acknowledge the platform after it.

Raises StoreUnavailable (let the platform deliver again) or BadInput (tell the person).
"""


@dataclass(frozen=True, slots=True)
class Health:
    """How a part is, for `/ready`, `status` and the presence that people see."""

    is_ready: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Streaming:
    """The pace at which a platform lets an answer grow."""

    interval_seconds: float
    """At least this long between two drafts of one message."""
    hold_seconds: float = 0.0
    """Text younger than this is not shown as a draft: a quick answer is one post, no edit."""
    shows_private: bool = True
    """Whether what only one person may see can grow too."""


class Adapter(Protocol):
    """One platform: its events in, its messages out."""

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        ...

    @property
    def streaming(self) -> Streaming | None:
        """How people there can watch an answer grow; None when they can not."""
        ...

    async def run(self, accept: Accept) -> None:
        """Bring every event to `accept`, in order, until cancelled; reconnect as needed.

        Returns only where the input itself has ended. Raises SettingsWrong when it
        can never connect as it is configured.
        """
        ...

    def split(self, text: str) -> list[str]:
        """Cut an answer into the texts of its messages, none over the platform's limit. Pure.

        Growing the text leaves every part but the last as it was, so that a
        stream never has to rewrite what it has shown.
        """
        ...

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Post it, edit it (a receipt is known) or take it back (its text is empty).

        Raises RetryLater (surely not shown), OutcomeUnknown (perhaps shown) or
        DeliveryRefused (never will be). Everything else is a bug.
        """
        ...

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Look whether an earlier try of this post is there; None when it surely is not.

        Raises RetryLater when the platform can not be asked now, and
        OutcomeUnknown when it can never tell.
        """
        ...

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Edit a sent draft to show how far the answer has come.

        A hint: best effort, never raises. The outbox paces the calls, makes one
        at a time for a delivery, and none once the final text is being sent.
        """
        ...

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show that the agent is at work, for as long as the context is open. Never raises."""
        ...

    def health(self) -> Health:
        """Say how the connection is."""
        ...


# -- minds -------------------------------------------------------------------------------------


class AgentRuntime(Protocol):
    """Where agents think."""

    def run(self, request: RunRequest) -> AsyncIterator[TurnEvent]:
        """Start the round, or re-attach to it, and yield all its events from the beginning.

        Calling it again with the same `otid` never starts a second run: the
        events of the first come again. Raises RuntimeUnavailable (call again
        later), RunFailed (the run is over) or Fenced.
        """
        ...

    async def cancel(self, request: RunRequest) -> None:
        """Stop the round; a wedged approval is answered, so that the session is usable."""
        ...

    async def health(self) -> Health:
        """Ask the runtime's server whether it serves."""
        ...


class AgentHost(Protocol):
    """Where agents are made and found. Only a look-up that succeeded may say "none"."""

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        """Return the person's agent; None only when the host surely has none.

        Raises RuntimeUnavailable for anything that leaves it open.
        """
        ...

    async def create_agent(self, person: Person, role: str) -> AgentId:
        """Make the agent. Called under a stored intent, after a look-up that found none."""
        ...

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        """Return the agent's thread for this conversation; None when it surely has none."""
        ...

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        """Make the thread."""
        ...


class Constellation(Protocol):
    """Every person's own agents."""

    async def session_for(self, turn: Turn) -> Session:
        """Return where this turn runs, making agent and thread on first contact.

        One creation per person and role, whatever happens at once or crashes in
        between. Raises RuntimeUnavailable when the host can not be asked.
        """
        ...


# -- hands -------------------------------------------------------------------------------------


class Toolbox(Protocol):
    """Tools that run in the gateway."""

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Return the tools that the agent may use in this turn."""
        ...

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Carry it out, within its time and size limits; a failure is a result, not an error."""
        ...


# -- memory ------------------------------------------------------------------------------------


class TurnStore(Protocol):
    """Messages in, and the turns that answer them. Each method is one commit.

    Every method may raise StoreUnavailable: then nothing of it happened.
    Methods that take a TurnRef raise Fenced when its fence is not the newest.
    """

    async def accept(self, message: InboundMessage, route: Route, now: datetime) -> Accepted:
        """Store the message once and make its lane ready (T1).

        Meets the sender's identity: a new one becomes a person of its own. While
        the lane is ready, each new message moves its moment to
        min(now + quiet, first message + max_wait).
        """
        ...

    async def revise(self, edit: InboundMessage, now: datetime) -> bool:
        """Replace the text of the message `edit.target` while it waits.

        False when its turn has begun, or when it is unknown or another sender's:
        then nothing happened. Repeating it is harmless.
        """
        ...

    async def withdraw(self, deletion: InboundMessage, now: datetime) -> bool:
        """Drop the message `deletion.target` while it waits; False as for `revise`."""
        ...

    async def refuse(self, refusal: Refusal, now: datetime) -> Accepted:
        """Store that a message was turned away, with its wish to pair and the reply to it.

        When the event was stored before, or `pairing_limit` live wishes of its
        identity wait already, neither wish nor reply is stored.
        """
        ...

    async def claim(self, worker: WorkerId, limit: int, lease: timedelta, now: datetime) -> Claim:
        """Take up to `limit` ready lanes, oldest first, as turns with new fences (T2).

        A lane with an open turn yields that turn again, unchanged but for
        attempt and fence. Else its oldest conversation's waiting messages become
        a new turn.
        """
        ...

    async def extend(
        self, turns: Collection[TurnRef], lease: timedelta, now: datetime
    ) -> Collection[TurnRef]:
        """Prolong the leases (T3); return those that are lost, whose work must stop."""
        ...

    async def record_run(self, turn: TurnRef, round_index: int, run: RunId) -> None:
        """Remember which run answers this round, so that it can be re-attached (T4)."""
        ...

    async def record_tool_result(self, turn: TurnRef, call: ToolCall, result: ToolResult) -> None:
        """Journal the result of a call, so that it is never carried out again (T4)."""
        ...

    async def open_draft(self, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
        """Store a delivery that streaming will show before the turn ends (T4). Idempotent."""
        ...

    async def finish(self, turn: TurnRef, outcome: TurnOutcome, now: datetime) -> None:
        """End the turn: messages done, deliveries stored, lane idle or ready again (T5)."""
        ...

    async def postpone(
        self, turn: TurnRef, until: datetime, error: str, notice: NewDelivery | None, now: datetime
    ) -> None:
        """Give the turn back, to be claimed again at `until`, with at most one notice (T6)."""
        ...

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Make lanes ready whose lease is over, or was held by `predecessor`; count them (T7)."""
        ...


class DeliveryStore(Protocol):
    """Messages out. Each method is one commit; StoreUnavailable means nothing happened."""

    async def enqueue(self, deliveries: Sequence[NewDelivery], now: datetime) -> int:
        """Store proactive posts; an id that exists already is left alone. Counts the new."""
        ...

    async def claim(
        self,
        worker: WorkerId,
        platforms: Collection[str],
        limit: int,
        lease: timedelta,
        now: datetime,
    ) -> DeliveryClaim:
        """Take the first open delivery of up to `limit` conversations and mark it (T8).

        A pending one is returned as SENDING, one whose outcome was not seen as
        UNKNOWN. No other delivery of that conversation is claimed until it is settled.
        """
        ...

    async def extend(
        self, deliveries: Collection[Delivery], lease: timedelta, now: datetime
    ) -> None:
        """Prolong the leases of deliveries that are still being sent."""
        ...

    async def settle(self, delivery: Delivery, outcome: SendOutcome, now: datetime) -> None:
        """Record what became of a claimed delivery (T9).

        When its text changed meanwhile, or nothing was settled for good, the
        conversation becomes ready again. Raises Fenced.
        """
        ...

    async def get(self, delivery: str) -> Delivery | None:
        """Read one delivery as it stands."""
        ...

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Turn SENDING into UNKNOWN where the lease is over or was `predecessor`'s (T7)."""
        ...


class PeopleStore(Protocol):
    """Who may talk, and which agents are theirs."""

    async def find_person(self, identity: Identity) -> Person | None:
        """Return the person that this identity belongs to."""
        ...

    async def get_person(self, person: PersonId) -> Person | None:
        """Return the person by id."""
        ...

    async def is_paired(self, identity: Identity) -> bool:
        """Whether the operator said yes to this identity."""
        ...

    async def pairings(self, now: datetime) -> list[Pairing]:
        """List the live wishes, oldest first."""
        ...

    async def decide_pairing(
        self, code_hash: str, *, is_allowed: bool, now: datetime
    ) -> Pairing | None:
        """Approve or deny a live wish, once; None when there is no such wish."""
        ...

    async def binding(self, person: PersonId, role: str) -> AgentBinding | None:
        """Return the person's agent in this role, or the intent to make it."""
        ...

    async def intend_agent(self, person: PersonId, role: str, now: datetime) -> AgentBinding:
        """Store the intent to make an agent, or return what is there already."""
        ...

    async def bind_agent(self, person: PersonId, role: str, agent: AgentId) -> AgentBinding:
        """Remember the agent's id. The first id stays; the binding that holds is returned."""
        ...

    async def bindings(self) -> list[AgentBinding]:
        """List all bindings and open intents."""
        ...

    async def session(self, agent: AgentId, conversation: ConversationId) -> SessionId | None:
        """Return the agent's thread for the conversation."""
        ...

    async def bind_session(
        self, agent: AgentId, conversation: ConversationId, thread: SessionId
    ) -> SessionId:
        """Remember the thread. The first one stays and is returned."""
        ...

    async def last_sender(self, conversation: ConversationId) -> Sender | None:
        """Return who wrote last in the conversation and was heard; None when nobody did."""
        ...


class ScheduleStore(Protocol):
    """Schedules, and the slots in which they fired."""

    changed: asyncio.Event
    """Set when a schedule was put or removed through this store; a poll finds the others'."""

    async def put(self, schedule: Schedule) -> None:
        """Add it, or replace the one with its id; the revision goes up."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Schedule]:
        """List schedules that are due and not paused, oldest slot first."""
        ...

    async def fire(self, fires: Sequence[Fire], now: datetime) -> int:
        """Record slots, advance schedules and accept their messages in one commit (T10).

        A slot that fired before, or a schedule that changed, does nothing.
        """
        ...

    async def next_due(self) -> datetime | None:
        """Return the earliest `next_at` of all that are not paused."""
        ...

    async def get(self, schedule: str) -> Schedule | None:
        """Read one."""
        ...

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id; pass the last one's id as `after` for more, "" to begin."""
        ...

    async def in_conversation(self, conversation: ConversationId, limit: int) -> list[Schedule]:
        """List those that wake somebody there, by id."""
        ...

    async def remove(self, schedule: str) -> bool:
        """Drop it; its slots stay known. False when there is none."""
        ...

    async def past_slots(self, schedule: str, limit: int) -> list[PastSlot]:
        """List its newest slots that fired or were missed, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How much of everything waits; for `/metrics` and `status`."""

    lanes_ready: int
    turns_running: int
    deliveries_open: int
    turns_failed: int
    deliveries_failed: int


class HistoryStore(Protocol):
    """Reading what was. Never in the way of writers."""

    async def history(
        self, conversation: ConversationId, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return the newest `limit` entries before the cursor, oldest first.

        An answer is in it from the commit that ended its turn, sent or not; a draft is not.
        """
        ...

    async def answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return what the turn of this message answered, or the reply to its refusal.

        Found by (platform, workspace, event id), so that a door can wait for its
        own answer and give it again to a repeated request. Empty when there was
        nothing to say; None while the turn is not over, and for an unknown message.
        """
        ...

    async def newest_events(self, platform: str) -> list[tuple[Conversation, str]]:
        """Return the newest plain message id of every conversation of a platform.

        Only ids that are digits throughout count, as Discord's are: what was
        sent after one is what a restart has missed. Refused messages count too.
        """
        ...

    async def counts(self) -> StoreCounts:
        """Count what waits."""
        ...

    async def audit(self, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries of the audit log after the cursor, in order."""
        ...

    async def retain(self, before: datetime, limit: int) -> int:
        """Drop the contents of what ended before; the ids stay, so that repeats stay known (T11).

        At most `limit` rows in one commit; returns how many, 0 when none is left.
        """
        ...


class Store(Protocol):
    """The durable core. One contract suite runs over every implementation."""

    turns: TurnStore
    deliveries: DeliveryStore
    people: PeopleStore
    schedules: ScheduleStore
    history: HistoryStore

    turn_ready: asyncio.Event
    """Set after a commit that made a lane ready; clear it before claiming, not after."""
    delivery_ready: asyncio.Event
    """Set after a commit that gave a conversation something to send."""

    async def open(self) -> None:
        """Open and migrate. Raises SettingsWrong when it can not be used as it is."""
        ...

    async def close(self) -> None:
        """Finish what was begun and close."""
        ...

    async def check(self) -> None:
        """Do one real read; raises StoreUnavailable."""
        ...


class ArtifactStore(Protocol):
    """Files of agents and people. A key's first part is its owner, whose quota it counts in.

    Every method raises BadInput for a key that could lead out of its owner's
    folder, and StoreUnavailable when the files can not be read or written.
    """

    async def save(
        self, key: str, data: bytes, media_type: str | None = None, *, replaces: str | None = None
    ) -> Artifact:
        """Store it whole or not at all; readers see the old contents or the new ones.

        Saving the same bytes again makes no new version. Without a media type it
        is guessed from the name. With `replaces`, raises BadInput unless the
        contents there have this ETag. Raises BadInput over a limit or a folder.
        """
        ...

    async def load(self, key: str, version: int | None = None) -> Contents | None:
        """Return the newest contents, or an older version of which few are kept; None if gone."""
        ...

    async def list(self, folder: str, after: str | None = None, limit: int = 100) -> list[Artifact]:
        """Return what is in the folder and below it, by key; `after` is a page's last key.

        A folder is whole parts of keys: "a" holds "a/x", and never "a2/x".
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove it with all its versions; False when it was not there."""
        ...
