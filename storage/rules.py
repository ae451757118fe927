"""What every store decides alike, whatever it is made of: pure rules and the words for states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import assert_never

from gateway.domain.deliveries import (
    Delivery,
    DeliveryState,
    NewDelivery,
    SendFailed,
    SendLater,
    SendOutcome,
    SendUnknown,
    Sent,
)
from gateway.domain.errands import ErrandChange
from gateway.domain.ids import DeliveryId, LaneId, PersonId, PlatformMessageId, TurnId
from gateway.domain.links import MOST_TRIES, LinkOffer, LinkRefused, Unlinked, UnlinkRefused
from gateway.domain.messages import InboundMessage
from gateway.domain.people import AgentBinding, Identity, Route, person_id_of
from gateway.errors import StoreUnavailable

TURN_MESSAGES_LIMIT = 50
"""At most so many waiting messages become one turn."""

WAKEUP_PATIENCE = timedelta(minutes=15)
"""So long people go before a wakeup; one that waited longer is next once it is the oldest."""


class Standing(IntEnum):
    """Where a lane's mailbox or a conversation's outbox stands.

    PARKED lanes would be ready if their person had a seat (storage/seats.py).
    """

    IDLE = 0
    READY = 1
    BUSY = 2
    PARKED = 3


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that asks to be accepted."""

    message: InboundMessage
    route: Route
    now: datetime


def news_of(change: ErrandChange, now: datetime) -> list[Arrival]:
    """Return what is accepted with a change of an errand, if anything."""
    if change.news is None or change.route is None:
        return []
    return [Arrival(change.news, change.route, now)]


class MessageState(IntEnum):
    """Where a message stands. REFUSED ones never waited; WITHDRAWN ones were taken back."""

    WAITING = 0
    IN_TURN = 1
    DONE = 2
    REFUSED = 3
    WITHDRAWN = 4


IN_FLIGHT = (DeliveryState.SENDING, DeliveryState.UNKNOWN)
"""Perhaps shown: only a settlement may move these on."""
OPEN = (DeliveryState.PENDING, *IN_FLIGHT)
"""Still needs work, and holds up what follows in its conversation."""


def ripe_at(first_at: datetime, route: Route, now: datetime) -> datetime:
    """Return when a lane with waiting messages may start, as its newest one arrives."""
    quiet = now + timedelta(seconds=route.quiet_seconds)
    return min(quiet, first_at + timedelta(seconds=route.max_wait_seconds))


def turn_length(is_alone: Sequence[bool]) -> int:
    """Return how many of a conversation's waiting messages become one turn.

    A message that wants its own turn, as one with a handle does, is a turn by itself.
    """
    if is_alone[0]:
        return 1
    alone = next((place for place, has in enumerate(is_alone) if has), len(is_alone))
    return min(alone, TURN_MESSAGES_LIMIT)


def role_of(lane: LaneId) -> str:
    """Return the role that a lane is for."""
    return lane.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Standpoint:
    """What a settlement makes of a delivery."""

    state: DeliveryState
    next_at: datetime
    attempts: int
    receipt: PlatformMessageId | None
    error: str | None


def settled(
    delivery: Delivery, newest_revision: int, outcome: SendOutcome, now: datetime
) -> Standpoint:
    """Decide where a delivery stands after `outcome`; a newer text is sent at once."""
    is_newest = delivery.revision >= newest_revision
    match outcome:
        case Sent(receipt):
            state = DeliveryState.SENT if is_newest else DeliveryState.PENDING
            return Standpoint(state, now, 0, receipt, None)
        case SendLater(at, error):
            state = DeliveryState.PENDING
            return Standpoint(state, at, delivery.attempts, delivery.receipt, error)
        case SendUnknown(at, error):
            state = DeliveryState.UNKNOWN
            return Standpoint(state, at, delivery.attempts, delivery.receipt, error)
        case SendFailed(error):
            state = DeliveryState.FAILED if is_newest else _again(delivery)
            attempts = delivery.attempts if is_newest else 0
            return Standpoint(state, now, attempts, delivery.receipt, error)
        case _:
            assert_never(outcome)


def _again(delivery: Delivery) -> DeliveryState:
    """Return where a delivery stands whose newer text is still to be tried."""
    was_tried = delivery.state is DeliveryState.UNKNOWN
    return DeliveryState.UNKNOWN if was_tried else DeliveryState.PENDING


def reopened(
    state: DeliveryState, receipt: PlatformMessageId | None, attempts: int
) -> DeliveryState:
    """Return where a settled delivery stands that gets a new text.

    One that failed after several tries may be there by one of them.
    """
    may_be_there = state is DeliveryState.FAILED and receipt is None and attempts > 1
    return DeliveryState.UNKNOWN if may_be_there else DeliveryState.PENDING


def may_be_shown(state: DeliveryState, receipt: PlatformMessageId | None) -> bool:
    """Whether people may see an earlier text of it, so that it must be taken back."""
    return receipt is not None or state in IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Finals:
    """What the deliveries of an ended turn do to its drafts."""

    replaced: dict[DeliveryId, NewDelivery]
    """By the id of the draft that gets this text."""
    fresh: list[NewDelivery]
    """New ones, in order."""
    spare: list[DeliveryId]
    """Drafts that nothing replaces."""


def finals(
    turn: TurnId, drafts: Mapping[int, DeliveryId], deliveries: Sequence[NewDelivery]
) -> Finals:
    """Match a turn's deliveries with its drafts, by id, or by index where both are the turn's."""
    replaced: dict[DeliveryId, NewDelivery] = {}
    fresh: list[NewDelivery] = []
    for new in deliveries:
        draft = new.id if new.id in drafts.values() else None
        if draft is None and new.turn == turn:
            draft = drafts.get(new.index)
        if draft is None:
            fresh.append(new)
        else:
            replaced[draft] = new
    return Finals(replaced, fresh, [draft for draft in drafts.values() if draft not in replaced])


def last_older(dated: Iterable[tuple[int, datetime]], before: datetime) -> int:
    """Return the number of the last audit entry that all dated ones up to it are older; 0 for none.

    `dated` are the oldest entries that have a moment. An entry without one is as
    old as the next that has one.
    """
    last = 0
    for sequence, at in dated:
        if at >= before:
            break
        last = sequence
    return last


def unwritten(failure: StoreUnavailable) -> StoreUnavailable:
    """Return what `check` says while the newest write of all has failed."""
    return StoreUnavailable(f"It can be read, and the last write failed: {failure}")


@dataclass(frozen=True, slots=True)
class LinkStanding:
    """What a code that was typed meets."""

    offer: LinkOffer | None
    """The offer with this code; None when there is none, a newer one took its place, or who was
    shown it is banned."""
    taken_by: Identity | None
    """The account that typed the code before."""
    theirs: PersonId | None
    """Who the account belongs to that was shown the code."""
    mine: PersonId | None
    """Who the account belongs to that typed it."""
    mine_count: int
    """How many accounts that person has."""
    tries: int
    """Wrong codes that the account typed of late."""


def decide_link(
    standing: LinkStanding, typed_by: Identity, now: datetime
) -> PersonId | LinkRefused:
    """Decide whose account the one that typed the code becomes."""
    offer = standing.offer
    if offer is not None and standing.taken_by == typed_by and standing.mine == standing.theirs:
        return standing.theirs or LinkRefused.NO_SUCH_CODE
    if standing.tries >= MOST_TRIES:
        return LinkRefused.TOO_MANY_TRIES
    if offer is None or standing.taken_by is not None or offer.expires_at <= now:
        return LinkRefused.NO_SUCH_CODE
    if standing.theirs is None or standing.mine is None:
        return LinkRefused.NO_SUCH_CODE
    if offer.identity == typed_by:
        return LinkRefused.SAME_ACCOUNT
    if standing.mine == standing.theirs:
        return LinkRefused.LINKED_ALREADY
    return LinkRefused.HAS_OTHERS if standing.mine_count > 1 else standing.theirs


def decide_unlink(
    mine: PersonId | None, count: int, identity: Identity
) -> Unlinked | UnlinkRefused:
    """Decide which person an account becomes again."""
    own = person_id_of(identity)
    if mine is None or (mine == own and count == 1):
        return UnlinkRefused.NOT_LINKED
    return UnlinkRefused.IS_FIRST if mine == own else Unlinked(person=own, left=mine)


def linked_data(left: PersonId, resting: Sequence[AgentBinding]) -> dict[str, object]:
    """Return what the audit log says of a link: whom it left, and which agents rest."""
    return {"left": left, "resting": {each.role: each.agent_id for each in resting}}
