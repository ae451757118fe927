"""The only way in: checks the sender, stores every message once, and only then returns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.access import Access, not_for_them
from gateway.backlog import Backlog
from gateway.commands import COMMANDS, as_typed
from gateway.domain.messages import Accepted, InboundMessage, MessageKind
from gateway.domain.people import Route
from gateway.domain.routing import Decision, Routing
from gateway.errors import BadInput
from gateway.ports import Clock, Store
from gateway.telemetry import Metrics, traced
from gateway.text.storable import storable

log = logging.getLogger(__name__)

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
    ) -> None:
        self._store = store
        self._access = access
        self._routing = Routing.of(routes)
        self._clock = clock
        self._metrics = metrics
        self._backlog = backlog
        """None where any number may wait."""

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
        message = as_typed(_cleaned(message))
        decided, now = self._decide(message), self._clock.now()
        refusal = await self._access.refusal(message, now)
        if refusal is None and not decided.is_allowed:
            refusal = not_for_them(message, decided.route.role)
        if refusal is not None:
            accepted = await self._store.turns.refuse(refusal, now)
            self._count("refused", message, accepted)
        elif not await self._changes_a_waiting_one(message, now):
            if self._backlog is not None and message.kind is not MessageKind.COMMAND:
                await self._backlog.make_room()
            accepted = await self._store.turns.accept(message, decided.route, now)
            self._count("accepted", message, accepted)

    async def wake(self, message: InboundMessage) -> Accepted:
        """Store a wakeup that no schedule made; whose access allows it has been asked before.

        The same event again is stored no second time. Raises as `receive` does.
        """
        message = _cleaned(message)
        route = self._decide(message).route
        accepted = await self._store.schedules.wake(message, route, self._clock.now())
        self._count("accepted", message, accepted)
        return accepted

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
        identity = message.sender.identity
        try:
            return self._routing.decide(message.conversation, identity, message.role)
        except KeyError:
            known = ", ".join(f'"{role}"' for role in self._routing)
            raise BadInput(f'There is no agent "{message.role}" here. There is {known}.') from None

    def _count(self, result: str, message: InboundMessage, accepted: Accepted) -> None:
        outcome = result if accepted.is_new else "duplicate"
        platform = message.conversation.platform
        self._metrics.messages.labels(platform=platform, outcome=outcome).inc()
        ids = {"event_id": message.event_id, "conversation": message.conversation.id}
        with traced(f"turn-{accepted.sequence}"):
            log.info("message_received", extra={"outcome": outcome, **ids})


def _cleaned(message: InboundMessage) -> InboundMessage:
    sender = replace(message.sender, name=storable(message.sender.name))
    return replace(message, text=storable(message.text), sender=sender)
