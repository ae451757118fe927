"""A store under watch: every claim and every accepted write is compared with the newest fence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from gateway.domain.deliveries import Delivery, DeliveryClaim
from gateway.domain.turns import Claim, TurnRef
from gateway.ports import DeliveryStore, TurnStore

_BY_FENCE = {"record_run", "record_tool_result", "open_draft", "finish", "postpone"}


class WatchedTurns:
    """Reports a write that a fenced turn could make, and a fence that was given twice."""

    def __init__(self, turns: TurnStore, broken: Callable[[str, str], None]) -> None:
        self._turns = turns
        self._broken = broken
        self._newest: dict[str, int] = {}

    async def claim(self, *args: Any) -> Claim:  # passed on as it is
        """Note the fences that are given."""
        claim = await self._turns.claim(*args)
        for turn in claim.turns:
            if turn.ref.fence <= self._newest.get(turn.ref.lane, 0):
                self._broken("fence", f"{turn.ref} was claimed with an old fence")
            self._newest[turn.ref.lane] = turn.ref.fence
        return claim

    def __getattr__(self, name: str) -> Any:  # whatever the port has
        call = getattr(self._turns, name)
        if name not in _BY_FENCE:
            return call

        async def watched(turn: TurnRef, *args: object, **kwargs: object) -> object:
            result = await call(turn, *args, **kwargs)
            if turn.fence < self._newest.get(turn.lane, 0):
                self._broken("fence", f"{name} was accepted from {turn}")
            return result

        return watched


class WatchedDeliveries:
    """Reports a settlement that a fenced claim could make."""

    def __init__(self, deliveries: DeliveryStore, broken: Callable[[str, str], None]) -> None:
        self._deliveries = deliveries
        self._broken = broken
        self._newest: dict[str, int] = {}

    async def claim(self, *args: Any) -> DeliveryClaim:  # passed on as it is
        """Note the fences that are given."""
        claim = await self._deliveries.claim(*args)
        for delivery in claim.deliveries:
            self._newest[delivery.conversation.id] = delivery.fence
        return claim

    async def settle(self, delivery: Delivery, *args: Any) -> None:  # passed on as it is
        """Compare the fence."""
        await self._deliveries.settle(delivery, *args)
        if delivery.fence < self._newest.get(delivery.conversation.id, 0):
            self._broken("fence", f"{delivery.id} was settled with the old fence {delivery.fence}")

    def __getattr__(self, name: str) -> Any:  # whatever the port has
        return getattr(self._deliveries, name)


def watched_turns(turns: TurnStore, broken: Callable[[str, str], None]) -> TurnStore:
    """Return the port under watch."""
    return cast("TurnStore", WatchedTurns(turns, broken))  # a proxy has the port's shape


def watched_deliveries(
    deliveries: DeliveryStore, broken: Callable[[str, str], None]
) -> DeliveryStore:
    """Return the port under watch."""
    return cast("DeliveryStore", WatchedDeliveries(deliveries, broken))  # as above
