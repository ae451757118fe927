"""Commands about the moment: stop what runs, how things are, who one is."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.commands import CommandSpec
from gateway.domain.routing import Routing


async def _cancel(asked: Asked, reach: Reach) -> str:
    place = asked.turn.conversation
    identity, routing = asked.message.sender.identity, Routing.of(reach.routes)
    routes = [routing.decide(place, identity, role).route for role in routing]
    lanes = [route.lane(asked.person, place) for route in routes]
    stopped = [await reach.running.stop(lane) for lane in lanes]
    by = asked.message.sender
    withdrawn = await reach.approvals.withdraw(place, asked.person, by)
    return "Stopped." if any(stopped) or withdrawn else "Nothing is running for you right now."


async def _status(asked: Asked, reach: Reach) -> str:
    runtime = await reach.runtime.health()
    counts = await reach.store.history.counts()
    return (
        f"- Agents: {runtime.sentence}\n"
        f"- Turns: {counts.turns_running} running, {counts.lanes_ready} waiting\n"
        f"- Messages on their way out: {counts.deliveries_open}"
    )


async def _whoami(asked: Asked, reach: Reach) -> str:
    sender = asked.message.sender
    agents = ", ".join(reach.routes)
    return (
        f"You are {sender.name or 'somebody without a name'}, known here as "
        f"`{sender.identity.key}`. Your agents: {agents}."
    )


FAMILY = (
    Command(CommandSpec("cancel", "Stop what your agent is doing here"), _cancel),
    Command(CommandSpec("status", "How the gateway and your agent are"), _status),
    Command(CommandSpec("whoami", "Who you are to the gateway"), _whoami),
)
