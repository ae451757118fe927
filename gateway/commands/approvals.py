"""Commands about an agent's wishes: say yes or no to a tool call."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec

_ID = CommandArgument("id", "The approval's id, as its question shows it", is_required=True)


async def _approve(asked: Asked, reach: Reach) -> str:
    return await _decide(asked, reach, is_yes=True)


async def _deny(asked: Asked, reach: Reach) -> str:
    return await _decide(asked, reach, is_yes=False)


async def _decide(asked: Asked, reach: Reach, *, is_yes: bool) -> str:
    approval = asked.arguments.strip("`").lower()
    if not approval:
        return "Which one? Its question shows the id."
    return await reach.approvals.decide(approval, asked.message.sender, is_yes=is_yes)


FAMILY = (
    Command(CommandSpec("approve", "Let your agent make a tool call", (_ID,)), _approve),
    Command(CommandSpec("deny", "Keep your agent from making a tool call", (_ID,)), _deny),
)
