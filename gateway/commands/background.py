"""The command by which people have something done in the background."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec

WHICH = "Say which one: `/bg {verb} ID`. `/bg` lists them."


async def _background(asked: Asked, reach: Reach) -> str:
    """Begin something, unless what was said is about what was begun before."""
    place = None if asked.is_private else asked.turn.conversation
    match asked.arguments.lower().replace("`", "").split():
        case [] | ["list"]:
            return await reach.background.list_for(asked.person, place)
        case ["status", errand]:
            return await reach.background.show(errand, asked.person, place)
        case ["cancel", errand]:
            return await reach.background.cancel(errand, asked.turn, asked.message, asked.person)
        case ["status" | "cancel" as verb]:
            return WHICH.format(verb=verb)
        case _:
            return await _begin(asked, reach)


async def _begin(asked: Asked, reach: Reach) -> str:
    place, now = asked.turn.conversation, reach.clock.now()
    if (since := await reach.pauses.since(place, now)) is not None:
        return f"{since}. `/resume` lets agents work here again."
    route = reach.route_of(asked)
    return await reach.background.begin(asked.arguments, asked.message, asked.person, route)


FAMILY = (
    Command(
        CommandSpec(
            "bg",
            "Have your agent do something in the background",
            (CommandArgument("task", "What to do; list, status ID or cancel ID"),),
            is_private=False,
        ),
        _background,
    ),
)
