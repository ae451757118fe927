"""Messages in, and the turns that answer them. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import TurnId, WorkerId
from gateway.domain.messages import Accepted, InboundMessage, Refusal
from gateway.domain.people import Route
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import (
    NO_LIMIT,
    Cancellation,
    Cancelled,
    Claim,
    RunId,
    TurnOutcome,
    TurnRef,
)


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

    async def claim(
        self,
        worker: WorkerId,
        limit: int,
        lease: timedelta,
        now: datetime,
        per_person: int = NO_LIMIT,
    ) -> Claim:
        """Take up to `limit` ready lanes, oldest first, as turns with new fences (T2).

        A lane with an open turn yields that turn again, unchanged but for
        attempt and fence. Else its oldest conversation's waiting messages become
        a new turn.

        Of one person at most `per_person` turns are in anybody's hands at once.
        Lanes beyond that are passed over, and are ready again, oldest first, as
        soon as one of these ends. A lane in which somebody else waits too is
        never passed over, nor is one of commands; their turns do not count.
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

    async def intend_tool_call(self, turn: TurnRef, call: ToolCall) -> None:
        """Note that a call is about to be made (T4). Idempotent.

        Until its result is recorded, a later claim has it among `tool_intents`.
        """
        ...

    async def record_tool_result(self, turn: TurnRef, call: ToolCall, result: ToolResult) -> None:
        """Journal the result of a call, so that it is never carried out again (T4)."""
        ...

    async def open_draft(self, turn: TurnRef, draft: NewDelivery, now: datetime) -> None:
        """Store a delivery that streaming will show before the turn ends (T4). Idempotent."""
        ...

    async def finish(self, turn: TurnRef, outcome: TurnOutcome, now: datetime) -> None:
        """End the turn: messages done, deliveries stored, lane idle or ready again (T5).

        What of `outdated` waits to be sent is dropped; what may have been sent already,
        and nobody has seen whether, gets an empty text.
        """
        ...

    async def postpone(
        self, turn: TurnRef, until: datetime, error: str, notice: NewDelivery | None, now: datetime
    ) -> None:
        """Give the turn back, to be claimed again at `until`, with at most one notice (T6)."""
        ...

    async def cancel(self, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
        """Cancel the open turns of its lanes, and withdraw what its person said and still waits.

        `turn` is the one that carries the command out; a repeat in it returns
        what the first time came to, and does nothing. Only what was accepted
        before the command is meant: turns that began with it, and plain
        messages of this person in the command's conversation. A cancelled turn
        that waits to be claimed again is made ready.
        """
        ...

    async def cancelled(self) -> Collection[TurnId]:
        """Return the cancelled turns that have not ended yet."""
        ...

    async def recover(self, now: datetime, predecessor: WorkerId | None = None) -> int:
        """Make lanes ready whose lease is over, or was held by `predecessor`; count them (T7)."""
        ...
