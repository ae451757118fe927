"""Notices that another deployment speaks as our bot, from a database of its own."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import nonce_of
from gateway.domain.ids import ConversationId, WorkerId
from gateway.domain.leases import Lease
from gateway.ports import Clock, DeliveryStore, LeaseStore

log = logging.getLogger(__name__)

REMEMBERED = timedelta(minutes=15)
"""How long it is told after the last sign of it."""
_NONCE_CHARACTERS = 22
_NEWEST_THERE, _NEWEST = 50, 200
_RIVAL = WorkerId("another deployment")


class Rivals:
    """Asks of each message that our bot is seen to post whether it was ours.

    What was found is kept as a lease, so that every process of this deployment can tell.
    """

    def __init__(self, deliveries: DeliveryStore, leases: LeaseStore, clock: Clock) -> None:
        self._deliveries = deliveries
        self._leases = leases
        self._clock = clock

    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Take note of a message of our bot. May raise StoreUnavailable."""
        if not is_delivery_nonce(nonce) or await self._is_ours(conversation, nonce):
            return
        log.warning("rival_heard", extra={"conversation": conversation.id})
        place = place_of(conversation.platform)
        await self._leases.take(place, _RIVAL, self._clock.now(), REMEMBERED)

    async def _is_ours(self, conversation: Conversation, nonce: str) -> bool:
        """Look there first, then everywhere: a post may name its place in another way."""
        searched: tuple[tuple[ConversationId | None, int], ...]
        searched = ((conversation.id, _NEWEST_THERE), (None, _NEWEST))
        for where, limit in searched:
            newest = await self._deliveries.newest(where, limit)
            if any(nonce_of(name, created_at) == nonce for name, created_at in newest):
                return True
        return False


def place_of(platform: str) -> str:
    """Return the lease's name."""
    return f"{platform} rival"


def is_delivery_nonce(nonce: str) -> bool:
    """Whether a Postern made it: other programs' nonces are numbers."""
    return len(nonce) == _NONCE_CHARACTERS and not nonce.isdecimal()


def rival_sentence(lease: Lease | None, now: datetime) -> str | None:
    """Return what the operator has to know; None while there is no rival."""
    if lease is None or lease.is_over(now):
        return None
    seen = lease.until - REMEMBERED
    return (
        f"Another deployment answers as this bot, from a database of its own (last seen at "
        f"{seen:%H:%M} UTC): people are answered twice. Stop one of the two, or give it a bot of "
        "its own."
    )
