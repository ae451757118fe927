"""What is answered to `/retry` where no question can be asked again."""

from __future__ import annotations

from gateway.again import VERB, last_question
from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandSpec

NOTHING = "There is nothing that you said here to ask again."
STILL = "Your last question is not answered yet. Wait for the answer, or `/cancel` it."
SAY_IT_AGAIN = "Your last question has just been answered. `/retry` asks it again now."


async def _retry(asked: Asked, reach: Reach) -> str:
    """Say why nothing was asked: the inbox has looked before it acknowledged the command."""
    last = await last_question(asked.message, reach.store)
    if last is None:
        return NOTHING
    return STILL if last.is_open else SAY_IT_AGAIN


FAMILY = (Command(CommandSpec(VERB, "Ask your last question again", is_private=False), _retry),)
