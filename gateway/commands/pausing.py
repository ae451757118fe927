"""Commands that keep agents silent in a conversation, and let them answer again."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandSpec

NOT_YOURS = (
    "Only an admin can do that where others read too. The operator names admins in `access.admins`."
)


async def _pause(asked: Asked, reach: Reach) -> str:
    if not may_rule(asked, reach):
        return NOT_YOURS
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
    if not may_rule(asked, reach):
        return NOT_YOURS
    place, now = asked.turn.conversation, reach.clock.now()
    if await reach.pauses.since(place, now) is None:
        return "Nothing is paused here."
    await reach.pauses.resume(place)
    if (since := await reach.pauses.since(place, now)) is not None:
        return f"{since}, in the whole channel. `/resume` there ends it."
    return "I answer here again."


def may_rule(asked: Asked, reach: Reach) -> bool:
    """Whether who asks decides here: in a direct conversation both do, elsewhere admins."""
    is_admin = asked.message.sender.identity.key in reach.admins
    return is_admin or asked.turn.conversation.is_direct


FAMILY = (
    Command(CommandSpec("pause", "Let no agent answer here for now"), _pause),
    Command(CommandSpec("resume", "Let agents answer here again"), _resume),
)
