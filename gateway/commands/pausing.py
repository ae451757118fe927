"""Commands that keep agents silent in a conversation, and let them answer again."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandSpec, Tier


async def _pause(asked: Asked, reach: Reach) -> str:
    sender, place = asked.message.sender, asked.turn.conversation
    since = await reach.pauses.since(place, reach.clock.now())
    if since is not None:
        return f"{since}. `/resume` ends it."
    await reach.pauses.pause(place, sender.name or "an admin", reach.clock.now())
    return (
        "Paused. Until `/resume` no agent hears what is written here, and none wakes here. "
        "What was written before is still answered; `/cancel` stops that."
    )


async def _resume(asked: Asked, reach: Reach) -> str:
    place, now = asked.turn.conversation, reach.clock.now()
    if await reach.pauses.since(place, now) is None:
        return "Nothing is paused here."
    await reach.pauses.resume(place)
    if (since := await reach.pauses.since(place, now)) is not None:
        return f"{since}, in the whole channel. `/resume` there ends it."
    return "I answer here again."


FAMILY = (
    Command(CommandSpec("pause", "Let no agent answer here for now", tier=Tier.RULER), _pause),
    Command(CommandSpec("resume", "Let agents answer here again", tier=Tier.RULER), _resume),
)
