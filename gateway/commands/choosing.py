"""The command that chooses which agent one talks to."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.choices import VERB
from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.routing import Routing


async def _agent(asked: Asked, reach: Reach) -> str:
    """Say what was chosen: the inbox has taken the choice before it acknowledged the command."""
    routing, name = Routing.of(reach.routes), asked.arguments
    sender = asked.message.sender
    yours = routing.open_to(sender.identity, sender.circles or ())
    if not name:
        return _all(reach.route_of(asked).role, yours)
    if name not in routing:
        return f'There is no agent "{name[:40]}". {_all(reach.route_of(asked).role, yours)}'
    if name not in yours:
        return f'The agent "{name}" is not for you. Ask the operator of this bot.'
    return f"From now on **{name}** answers you here. `@NAME …` asks another one, once."


def _all(now: str, yours: Iterable[str]) -> str:
    every = ", ".join(f"`{role}`" for role in yours)
    return (
        f"**{now}** answers you here. There is {every}. `/agent NAME` changes it, and a message "
        "that begins with `@NAME` goes to that one alone."
    )


FAMILY = (
    Command(
        CommandSpec(
            VERB,
            "Which agent answers you here; choose another",
            (CommandArgument("name", "The agent from now on"),),
        ),
        _agent,
    ),
)
