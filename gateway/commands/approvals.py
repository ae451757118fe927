"""Commands about an agent's wishes: look at a tool call, and say yes or no to it."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec, Tier

_ID = CommandArgument("id", "The approval's id, as its question shows it", is_required=True)
_ANY = CommandArgument("id", "The approval's id; without it, all that waits for you")
_ELSEWHERE = "Others read along here: press the button, or ask me in a direct message."
_WHICH = "Which one? Its question shows the id."


async def _approve(asked: Asked, reach: Reach) -> str:
    return await _decide(asked, reach, is_yes=True)


async def _deny(asked: Asked, reach: Reach) -> str:
    return await _decide(asked, reach, is_yes=False)


async def _show(asked: Asked, reach: Reach) -> str:
    approval = _named(asked)
    if not asked.is_private:
        return _ELSEWHERE
    if not approval:
        return await reach.approvals.list_for(asked.message.sender, asked.turn.conversation)
    return await reach.approvals.show(approval, asked.message.sender)


async def _decide(asked: Asked, reach: Reach, *, is_yes: bool) -> str:
    approval = _named(asked)
    if not approval:
        return _WHICH
    return await reach.approvals.decide(approval, asked.message.sender, is_yes=is_yes)


def _named(asked: Asked) -> str:
    return asked.arguments.strip("`").lower()


FAMILY = (
    Command(
        CommandSpec("approve", "Let your agent make a tool call", (_ID,), tier=Tier.APPROVER),
        _approve,
    ),
    Command(CommandSpec("approval", "See what waits for a yes, or one tool call", (_ANY,)), _show),
    Command(CommandSpec("deny", "Keep your agent from making a tool call", (_ID,)), _deny),
)
