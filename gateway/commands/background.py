"""The command by which people have something done in the background."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec


async def _background(asked: Asked, reach: Reach) -> str:
    """Begin something, unless what was said is about what was begun before."""
    match asked.arguments.split():
        case [] | ["list"]:
            place = None if asked.is_private else asked.turn.conversation
            return await reach.background.list_for(asked.person, place)
        case ["status", errand]:
            return await reach.background.show(_bare(errand), asked.person)
        case ["cancel", errand]:
            name = _bare(errand)
            return await reach.background.cancel(name, asked.turn, asked.message, asked.person)
        case _:
            route = reach.route_of(asked)
            return await reach.background.begin(asked.arguments, asked.message, asked.person, route)


def _bare(errand: str) -> str:
    return errand.strip("`").lower()


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
