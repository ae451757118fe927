"""The command that chooses what becomes of messages while an agent answers."""

from __future__ import annotations

from gateway.commands.command import NOT_YOURS, Asked, Command, Reach, may_rule
from gateway.domain.commands import CommandArgument, CommandSpec, Tier
from gateway.queue_modes import MOST_SECONDS, QueueKind, QueueMode, read_mode

_HOW = (
    "`/queue queue`: it becomes the next turn. `/queue collect 20`: that too, and I wait until "
    f"nobody has written for so many seconds (1 to {MOST_SECONDS}). `/queue drop`: I do not hear "
    "it, and say so."
)


async def _queue(asked: Asked, reach: Reach) -> str:
    place, now = asked.turn.conversation, reach.clock.now()
    if not asked.arguments:
        return f"{told(await reach.queues.of(place, now))}\n{_HOW}"
    mode = read_mode(asked.arguments)
    if mode is None:
        return f"That is no way to queue. {_HOW}"
    if not may_rule(asked, reach):
        return NOT_YOURS[Tier.RULER]
    await reach.queues.choose(mode, place)
    return told(mode)


def told(mode: QueueMode) -> str:
    """Say what a mode does. Pure."""
    match mode.kind:
        case QueueKind.QUEUE:
            return "What is written here while I answer becomes the next turn (`queue`)."
        case QueueKind.COLLECT:
            silence = "1 second" if mode.seconds == 1 else f"{mode.seconds} seconds"
            return f"I answer here after {silence} of silence, all at once (`{mode}`)."
        case QueueKind.DROP:
            return "What is written here while I answer is not heard, and I say so (`drop`)."


FAMILY = (
    Command(
        CommandSpec(
            "queue",
            "What becomes of messages while your agent answers",
            (CommandArgument("mode", "queue, collect SECONDS or drop"),),
        ),
        _queue,
    ),
)
