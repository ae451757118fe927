"""Short words for what the contract tests say and do again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, NewDelivery, SendOutcome, Sent
from gateway.domain.ids import DeliveryId, PlatformMessageId, TurnId, WorkerId
from gateway.domain.messages import Accepted, InboundMessage, MessageKind, Refusal
from gateway.domain.people import Identity, Mode, Pairing, Route, Sender
from gateway.domain.turns import Turn, TurnOutcome, TurnRef, TurnState
from gateway.ports import Store

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LEASE = timedelta(seconds=30)
WORKER = WorkerId("local")
ROUTE = Route("postern")
QUIET = Route("postern", quiet_seconds=2, max_wait_seconds=5)
SHARED = Route("helpdesk", Mode.SHARED)
PLATFORM = "fake"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def place(channel: str = "c1", platform: str = PLATFORM) -> Conversation:
    return Conversation(platform, "local", channel)


def identity(user: str = "ada") -> Identity:
    return Identity(PLATFORM, "local", user)


def message(
    event: str, *, user: str = "ada", channel: str = "c1", text: str = ""
) -> InboundMessage:
    return InboundMessage(
        event_id=event,
        conversation=place(channel),
        sender=Sender(identity(user), user.title()),
        text=text or f"text of {event}",
        sent_at=NOW,
    )


def wakeup(event: str, *, user: str = "ada") -> InboundMessage:
    plain = message(event, user=user)
    return InboundMessage(
        event_id=event,
        conversation=plain.conversation,
        sender=plain.sender,
        text="time to look",
        sent_at=NOW,
        kind=MessageKind.WAKEUP,
    )


def wish(code: str, *, user: str = "ada", asked: float = 0, lasts: float = 600) -> Pairing:
    return Pairing(identity(user), user.title(), code, at(asked), at(asked + lasts))


def refusal(event: str, *, user: str = "ada", code: str | None = None, limit: int = 3) -> Refusal:
    return Refusal(
        message(event, user=user),
        reason="not_allowed",
        reply=post(f"reply-{event}"),
        pairing=None if code is None else wish(code, user=user),
        pairing_limit=limit,
    )


def post(
    delivery: str, *, text: str = "", channel: str = "c1", platform: str = PLATFORM
) -> NewDelivery:
    return NewDelivery(
        DeliveryId(delivery), place(channel, platform), text or f"text of {delivery}"
    )


def part(turn: Turn, index: int, text: str = "answer", *, is_draft: bool = False) -> NewDelivery:
    return NewDelivery(
        id=DeliveryId(f"{turn.ref.id}.{index}"),
        conversation=turn.conversation,
        text=text,
        turn=turn.ref.id,
        index=index,
        is_draft=is_draft,
    )


def done(*deliveries: NewDelivery) -> TurnOutcome:
    return TurnOutcome(TurnState.DONE, deliveries)


def stale(turn: Turn) -> TurnRef:
    return TurnRef(turn.ref.id, turn.ref.lane, turn.ref.fence - 1)


async def say(store: Store, event: str, *, now: float = 0, route: Route = ROUTE) -> Accepted:
    return await store.turns.accept(message(event), route, at(now))


async def claim_turns(store: Store, now: float = 0, limit: int = 100) -> tuple[Turn, ...]:
    return (await store.turns.claim(WORKER, limit, LEASE, at(now))).turns


async def claim_turn(store: Store, now: float = 0) -> Turn:
    (turn,) = await claim_turns(store, now)
    return turn


async def start_turn(store: Store, event: str = "e1") -> Turn:
    await say(store, event)
    return await claim_turn(store)


async def finish(store: Store, turn: Turn, *deliveries: NewDelivery, now: float = 0) -> None:
    await store.turns.finish(turn.ref, done(*deliveries), at(now))


async def claim_posts(
    store: Store, now: float = 0, limit: int = 100, platforms: Sequence[str] = (PLATFORM,)
) -> tuple[Delivery, ...]:
    claim = await store.deliveries.claim(WORKER, platforms, limit, LEASE, at(now))
    return claim.deliveries


async def claim_post(store: Store, now: float = 0) -> Delivery:
    (delivery,) = await claim_posts(store, now)
    return delivery


async def settle(store: Store, delivery: Delivery, outcome: SendOutcome, now: float = 0) -> None:
    await store.deliveries.settle(delivery, outcome, at(now))


async def send_all(store: Store, now: float = 0) -> list[tuple[str, str]]:
    """Send what can be sent; return id and text in the order in which it went out."""
    sent: list[tuple[str, str]] = []
    while claimed := await claim_posts(store, now):
        for delivery in claimed:
            await settle(store, delivery, sent_as(f"p-{delivery.id}"), now)
            sent.append((delivery.id, delivery.text))
    return sent


def sent_as(receipt: str) -> Sent:
    return Sent(PlatformMessageId(receipt))


def events(turn: Turn) -> list[str]:
    return [message.event_id for message in turn.messages]


def first_turn_id(accepted: Accepted) -> TurnId:
    return TurnId(f"turn-{accepted.sequence}")
