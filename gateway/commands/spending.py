"""What people ask about what their agents cost."""

from __future__ import annotations

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach
from gateway.domain.commands import CommandSpec


async def _usage(asked: Asked, reach: Reach) -> str:
    if not asked.is_private:
        return ELSEWHERE
    spent = await reach.store.usage.of_person(asked.person, reach.clock.now().date())
    return (
        f"Today (UTC) your agents have run {spent.turns:,} turns and used {spent.tokens:,} tokens."
    )


FAMILY = (Command(CommandSpec("usage", "What your agents have used today"), _usage),)
