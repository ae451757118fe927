"""Commands about the moment: stop what runs, how things are, who one is."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.background import line_of
from gateway.commands.command import Asked, Command, Reach
from gateway.commands.queueing import told
from gateway.domain.commands import CommandSpec
from gateway.domain.errands import Errand
from gateway.domain.ids import DeliveryId
from gateway.domain.routing import Routing
from gateway.domain.turns import Cancellation

NOTHING_RUNS = "Nothing is running for you right now."
LOOKED_THROUGH = 200
"""Your last failure is looked for among so many of your newest messages."""


async def _cancel(asked: Asked, reach: Reach) -> str:
    place = asked.turn.conversation
    identity, circles = asked.message.sender.identity, asked.message.sender.circles or ()
    routing = Routing.of(reach.routes)
    routes = [routing.decide(place, identity, role, circles).route for role in routing]
    lanes = [route.lane(asked.person, place) for route in routes]
    errands: Sequence[Errand] = ()
    if reach.errands is not None:
        errands = await reach.errands.cancel(asked.person)
    cancellation = Cancellation(asked.message, asked.person, tuple(lanes))
    stopped = await reach.store.turns.cancel(asked.turn.ref, cancellation, reach.clock.now())
    by = asked.message.sender
    withdrawn = await reach.approvals.withdraw(place, asked.person, by)
    is_any = stopped.turns or stopped.messages or withdrawn or errands
    return f"Stopped.{_dropped(stopped.messages)}" if is_any else NOTHING_RUNS


def _dropped(messages: int) -> str:
    match messages:
        case 0:
            return ""
        case 1:
            return " A message of yours that waited is dropped."
        case _:
            return f" {messages} messages of yours that waited are dropped."


async def _status(asked: Asked, reach: Reach) -> str:
    runtime = await reach.runtime.health()
    counts = await reach.store.history.counts()
    lines = [
        f"- Agents: {runtime.sentence}",
        f"- Turns: {counts.turns_running} running, {counts.lanes_ready} waiting",
        f"- Messages on their way out: {counts.deliveries_open}",
        f"- {told(await reach.queues.of(asked.turn.conversation, reach.clock.now()))}",
    ]
    return "\n".join([*lines, *(await _own_status(asked, reach) if asked.is_private else ())])


async def _own_status(asked: Asked, reach: Reach) -> list[str]:
    """Return what is nobody else's: the person's budget, and what went wrong for them last."""
    budgets, identity = reach.budgets, asked.message.sender.identity
    left = await budgets.left(asked.person, identity) if budgets else None
    failure = await reach.store.personal.last_failure(asked.person, LOOKED_THROUGH)
    lines = [f"- Your budget today: {left}"] if left else []
    if failure is not None:
        sorry = await reach.store.deliveries.get(DeliveryId(f"{failure.turn}.sorry"))
        said = f": {sorry.text}" if sorry is not None and sorry.text else "."
        lines.append(f"- Your last failed turn: {failure.at:%Y-%m-%d %H:%M} UTC{said}")
    errands = await reach.errands.open_of(asked.person) if reach.errands else ()
    lines += [_asked_line(errand) for errand in errands if len(errand.chain) > 1]
    begun = await reach.background.open_of(asked.person)
    return [*lines, *(f"- In the background: {line_of(errand)}" for errand in begun)]


def _asked_line(errand: Errand) -> str:
    asked = " ".join(errand.question.split())
    return f"- {errand.role} is asked by {errand.chain[-2]}: {asked[:80]}"


async def who_asks(asked: Asked, reach: Reach) -> str:
    """Tell who somebody is, and which agents are theirs; their other accounts to them alone."""
    sender, routing = asked.message.sender, Routing.of(reach.routes)
    identity, here = sender.identity, reach.route_of(asked).role
    yours = routing.open_to(identity, sender.circles or ())
    text = (
        f"You are {sender.name or 'somebody without a name'}, known here as `{identity.key}`. "
        f"Your agents: {', '.join(yours) or 'none'}. Here answers {here}."
    )
    accounts = await reach.store.people.identities(asked.person) if asked.is_private else []
    others = ", ".join(f"`{each.key}`" for each in accounts if each != identity)
    return f"{text}\nYou are also {others}; `/unlink` separates accounts." if others else text


def rights_of(asked: Asked, reach: Reach) -> str:
    """Tell what somebody may do beyond what everybody may. Pure."""
    account = asked.message.sender.identity
    rights = ["an admin"] if account.key in reach.admins else []
    rights += ["an approver"] if reach.approvals.is_approver(account) else []
    return (
        f"You are {' and '.join(rights)}."
        if rights
        else "You are neither an admin nor an approver."
    )


FAMILY = (
    Command(CommandSpec("cancel", "Stop what your agent is doing here"), _cancel),
    Command(CommandSpec("status", "How the gateway and your agent are"), _status),
)
