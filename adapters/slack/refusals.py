"""What is turned away at Slack's door: a line in the audit log for the operator, in bounds."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.oddities import Oddities
from gateway.domain.strangers import Strangers
from gateway.errors import StoreUnavailable
from gateway.ports import Clock, TurnStore

REASON = "not_acceptable"
"""What the audit log says of a message that no agent can take."""

log = logging.getLogger(__name__)


class Refusals:
    """Has the audit log tell what was not taken in."""

    def __init__(self, turns: TurnStore, clock: Clock) -> None:
        self._turns = turns
        self._clock = clock
        self._strangers = Strangers("slack", "events")
        self._oddities = Oddities("slack", "events")

    async def note_message(self, message: InboundMessage) -> None:
        """Note somebody's message. Raises StoreUnavailable."""
        await self._turns.refuse(Refusal(message, REASON), self._clock.now())

    async def note_stranger(self, reason: str) -> None:
        """Note a request that is not Slack's: a line for each reason and minute."""
        await self._try_to_note(self._strangers.noted(reason, self._clock.now()))

    async def note_odd(self, body: Mapping[str, object], kind: object) -> None:
        """Note what Slack sent and nobody here reads: a line for each workspace, kind and day."""
        log.warning("event_not_understood", extra={"event_id": body.get("event_id")})
        workspace = _workspace_of(body)
        await self._try_to_note(self._oddities.noted(workspace, kind, self._clock.now()))

    async def _try_to_note(self, refusal: Refusal | None) -> None:
        if refusal is None:
            return
        try:
            await self._turns.refuse(refusal, self._clock.now())
        except StoreUnavailable:
            log.warning("refusal_not_noted", extra={"event": refusal.message.event_id})


def _workspace_of(body: Mapping[str, object]) -> object:
    """Return what a body calls its workspace: events and commands do it otherwise than buttons."""
    match body:
        case {"team_id": str(team)} | {"team": {"id": str(team)}}:
            return team
        case _:
            return None
