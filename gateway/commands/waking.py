"""The command by which people wake their agent now, without a schedule."""

from __future__ import annotations

import hashlib

from gateway.commands.command import ELSEWHERE, NOT_YOURS, Asked, Command, Reach, may_rule
from gateway.domain.commands import CommandArgument, CommandSpec, Tier
from gateway.domain.messages import BY_HAND_EVENTS, InboundMessage, MessageKind
from gateway.domain.people import Mode
from gateway.text.silence import SILENCE_NOTE

PROMPT = (
    "You were woken by hand. See whether a task or a reminder is due and whether something needs "
    "you, do what is needed, and note in your memory what you did."
)
AWAKE = "**{role}** is awake, and writes here if there is something to say."


async def _heartbeat(asked: Asked, reach: Reach) -> str:
    """Wake whoever answers here; a repeat after a crash is the same wakeup.

    What holds scheduled wakeups back does not hold, but for a pause and the budgets.
    """
    route, place, now = reach.route_of(asked), asked.turn.conversation, reach.clock.now()
    if route.mode is Mode.PERSON and not place.is_direct:
        return ELSEWHERE
    if not may_rule(asked, reach):
        return NOT_YOURS[Tier.RULER]
    if (since := await reach.pauses.since(place, now)) is not None:
        return f"{since}. `/resume` lets agents wake here again."
    await reach.store.schedules.wake(_wakeup(asked), route, now)
    return AWAKE.format(role=route.role)


def _wakeup(asked: Asked) -> InboundMessage:
    message = asked.message
    digest = hashlib.blake2b(message.idempotency_key.encode(), digest_size=12).hexdigest()
    return InboundMessage(
        event_id=f"{BY_HAND_EVENTS}{digest}",
        conversation=message.conversation,
        sender=message.sender,
        text="\n\n".join(filter(None, (PROMPT, asked.arguments, SILENCE_NOTE))),
        sent_at=message.sent_at,
        kind=MessageKind.WAKEUP,
    )


FAMILY = (
    Command(
        CommandSpec(
            "heartbeat",
            "Wake your agent now",
            (CommandArgument("text", "What it should look at"),),
        ),
        _heartbeat,
    ),
)
