"""Notices that another deployment speaks as our bot, from a database of its own."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import number_in
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.ports import Clock, DeliveryStore, LeaseStore

log = logging.getLogger(__name__)

REMEMBERED = timedelta(minutes=15)
"""How long it is told after the last sign of it."""
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
        number = number_in(nonce)
        if number is None or await self._is_ours(number, nonce):
            return
        log.warning("rival_heard", extra={"conversation": conversation.id})
        place = place_of(conversation.platform)
        await self._leases.take(place, _RIVAL, self._clock.now(), REMEMBERED)

    async def _is_ours(self, number: int, nonce: str) -> bool:
        """Look up the one delivery that it can be: it was stored before it was sent."""
        delivery = await self._deliveries.numbered(number)
        return delivery is not None and delivery.nonce == nonce


def place_of(platform: str) -> str:
    """Return the lease's name."""
    return f"{platform} rival"


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
