"""The only way in: checks the sender, stores every message once, and only then returns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.addressing import EVERYBODY, addressed
from gateway.again import asked_again
from gateway.backlog import Backlog
from gateway.choices import Choices, chosen_by
from gateway.commands import COMMANDS, as_typed
from gateway.domain.messages import (
    SAID,
    Accepted,
    InboundMessage,
    MessageKind,
    Refusal,
    for_one_of_all,
)
from gateway.domain.people import Route
from gateway.domain.routing import Decision, Routing
from gateway.errors import BadInput, RetryLater, StoreUnavailable
from gateway.pauses import Pauses
from gateway.ports import Clock, Store
from gateway.queue_modes import QueueModes
from gateway.rights.access import Access, circles_unknown, not_for_them
from gateway.rights.allowance import Allowance
from gateway.telemetry import Metrics, traced
from gateway.text.storable import storable

log = logging.getLogger(__name__)

_CHANGES = (MessageKind.EDIT, MessageKind.DELETE)
LONGEST_TEXT = 100_000
"""Characters. Beyond every platform's own limit, so that only a broken door meets it."""


class Inbox:
    """Accepts messages from every door. The first route is the default agent's."""

    def __init__(
        self,
        store: Store,
        access: Access,
        routes: Mapping[str, Route],
        clock: Clock,
        metrics: Metrics,
        backlog: Backlog | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self._store = store
        self._access = access
        self._routing = Routing.of(routes)
        self._by_circle = self._routing.circle_platforms
        self._choices = Choices(store.people, store.notes)
        self._pauses = Pauses(store.notes)
        self._queues = QueueModes(store.notes, store.people, store.fires)
        self._clock = clock
        self._metrics = metrics
        self._backlog = backlog
        """None where any number may wait."""
        self._allowance = allowance
        """None where people may write as fast as they like."""

    async def receive(self, message: InboundMessage) -> None:
        """Store the message; when this returns, the platform may be acknowledged.

        The same event again is stored no second time. Raises BadInput for what
        no agent can take, and StoreUnavailable when nothing was stored: also while
        too much waits, for all but commands.
        """
        if len(message.text) > LONGEST_TEXT:
            raise BadInput(
                f"This message has {len(message.text):,} characters; "
                f"{LONGEST_TEXT:,} is the most that an agent takes."
            )
        message, now = as_typed(_cleaned(message)), self._clock.now()
        message = await asked_again(message, self._store)
        refusal = await self._access.refusal(message, now)
        refusal = refusal or await self._pauses.refusal(message, now)
        if refusal is None:
            message, refusal = await self._recognised(message)
        if refusal is not None:
            await self._refuse(refusal, now)
            return
        for one in await self._addressed(message, now):
            await self._receive(one, now)

    async def _recognised(self, message: InboundMessage) -> tuple[InboundMessage, Refusal | None]:
        """Return the message with the circles of its sender, where these choose the agent.

        While nobody can tell, what is said is turned away: it would go to another agent.
        """
        if message.conversation.platform not in self._by_circle:
            return message, None
        try:
            circles = await self._access.circles_here(message)
        except StoreUnavailable:
            raise
        except RetryLater as error:
            refusal = circles_unknown(message, str(error)) if message.kind in SAID else None
            circles = frozenset[str]()
        else:
            refusal = None
        return replace(message, sender=replace(message.sender, circles=circles)), refusal

    async def _receive(self, message: InboundMessage, now: datetime) -> None:
        decided = self._decide(message)
        if not decided.is_allowed:
            await self._refuse(not_for_them(message, decided.route.role), now)
        elif not await self._changes_a_waiting_one(message, now):
            refusal = await self._queues.refusal(message, decided.route, now)
            if refusal is None and self._allowance is not None:
                refusal = await self._allowance.refusal(message, now)
            if refusal is None:
                route = await self._queues.applied(message, decided.route, now)
                await self._accept(message, route, now)
            else:
                await self._refuse(refusal, now)

    async def _accept(self, message: InboundMessage, route: Route, now: datetime) -> None:
        if self._backlog is not None and message.kind is not MessageKind.COMMAND:
            await self._backlog.make_room()
        await self._choose(message, now)
        accepted = await self._store.turns.accept(message, route, now)
        if self._allowance is not None:
            self._allowance.learn(message, accepted)
        self._count("accepted", message, accepted)

    async def _refuse(self, refusal: Refusal, now: datetime) -> None:
        accepted = await self._store.turns.refuse(refusal, now)
        self._count("refused", refusal.message, accepted)

    async def wake(self, message: InboundMessage) -> Accepted:
        """Store a wakeup that no schedule made; whose access allows it has been asked before.

        The same event again is stored no second time. Raises as `receive` does, and
        BadInput where agents are paused.
        """
        message = _cleaned(message)
        since = await self._pauses.since(message.conversation, self._clock.now())
        if since is not None:
            raise BadInput(f"{since}: no agent wakes in {message.conversation.id}.")
        route = self._decide(message).route
        accepted = await self._store.schedules.wake(message, route, self._clock.now())
        self._count("accepted", message, accepted)
        return accepted

    async def _addressed(self, message: InboundMessage, now: datetime) -> list[InboundMessage]:
        """Return the message with its agent named; one for each agent where all are meant.

        What its writer says counts first, then the door it came by, then what they chose.
        """
        if len(self._routing) == 1:
            return [message]
        if message.kind in _CHANGES and (for_all := await self._changes_for_all(message)):
            return for_all
        if message.kind not in SAID or message.is_again:
            return [message]
        said = addressed(message.text, self._routing)
        message = replace(message, text=said.text)
        if said.name == EVERYBODY and message.kind is MessageKind.TEXT:
            return [for_one_of_all(message, role) for role in self._everybody(message)]
        role = message.role if said.name in (None, EVERYBODY) else said.name
        if role is None:
            role = await self._chosen(message, now)
        return [replace(message, role=role)]

    async def _changes_for_all(self, message: InboundMessage) -> list[InboundMessage]:
        """Return an edit or a deletion for each agent that heard what was said to all; or none."""
        text = addressed(message.text, self._routing).text
        changes = [for_one_of_all(replace(message, text=text), r) for r in self._routing.agents]
        return [change for change in changes if await self._was_heard(change)]

    async def _was_heard(self, change: InboundMessage) -> bool:
        target = replace(change, event_id=change.target or "")
        return bool(await self._store.history.trail(target.idempotency_key, 0, 1))

    def _everybody(self, message: InboundMessage) -> list[str]:
        decided = [self._asked_of(message, role) for role in self._routing.agents]
        return [each.route.role for each in decided if each.is_allowed]

    async def _chosen(self, message: InboundMessage, now: datetime) -> str | None:
        role = await self._choices.of(message.sender.identity, message.conversation, now)
        return role if role in self._routing else None

    async def _choose(self, message: InboundMessage, now: datetime) -> None:
        """Take a choice before it is acknowledged, so that what is said next follows it."""
        place, identity = message.conversation, message.sender.identity
        name = chosen_by(message, self._routing)
        if name is not None and self._asked_of(message, name).is_allowed:
            await self._choices.choose(name, identity, place, now)

    async def _changes_a_waiting_one(self, message: InboundMessage, now: datetime) -> bool:
        """Edit or take back what still waits; a deletion that comes too late changes nothing."""
        match message.kind:
            case MessageKind.EDIT:
                return await self._store.turns.revise(message, now)
            case MessageKind.DELETE:
                await self._store.turns.withdraw(message, now)
                return True
            case _:
                return False

    def _decide(self, message: InboundMessage) -> Decision:
        if message.kind is MessageKind.COMMAND:
            return Decision(COMMANDS, None)
        try:
            return self._asked_of(message, message.role)
        except KeyError:
            known = ", ".join(f'"{role}"' for role in self._routing)
            raise BadInput(f'There is no agent "{message.role}" here. There is {known}.') from None

    def _asked_of(self, message: InboundMessage, role: str | None) -> Decision:
        place, sender = message.conversation, message.sender
        return self._routing.decide(place, sender.identity, role, sender.circles or ())

    def _count(self, result: str, message: InboundMessage, accepted: Accepted) -> None:
        outcome = result if accepted.is_new else "duplicate"
        platform = message.conversation.platform
        self._metrics.messages.labels(platform, outcome).inc()
        if log.isEnabledFor(logging.INFO):
            ids = {"event_id": message.event_id, "conversation": message.conversation.id}
            with traced(f"turn-{accepted.sequence}"):
                log.info("message_received", extra={"outcome": outcome, **ids})


def _cleaned(message: InboundMessage) -> InboundMessage:
    sender, text = message.sender, storable(message.text)
    name = storable(sender.name)
    if (name, text) == (sender.name, message.text):
        return message
    return replace(message, text=text, sender=replace(sender, name=name))
