"""Strangers at the web page: its admins see who waits, and let in who was shown a code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.web.guard import TurnedAway
from adapters.web.sessions import Visitor
from gateway.domain.people import Identity, Pairing, pairing_json


class Strangers(Protocol):
    """Whoever lets strangers in. What is refused is a BadInput."""

    async def waiting(self) -> Sequence[Pairing]:
        """List who waits for an answer, oldest first."""
        ...

    async def decide(self, typed: str, *, is_allowed: bool, by: str) -> Pairing:
        """Let the stranger with this code talk, or turn them away."""
        ...

    async def is_banned(self, identity: Identity) -> bool:
        """Whether nothing is heard of this account."""
        ...


@dataclass(frozen=True, slots=True)
class PairingDoor:
    """Where strangers wait, and who decides about them."""

    strangers: Strangers
    admins: Collection[str] = ()
    """Identity keys (`access.admins`)."""

    async def is_admin(self, visitor: Visitor | None) -> bool:
        """Whether this visitor decides about strangers; who is banned decides nothing."""
        if visitor is None or visitor.sender.identity.key not in self.admins:
            return False
        return not await self.strangers.is_banned(visitor.sender.identity)

    async def waiting(self, visitor: Visitor | None) -> dict[str, object]:
        """List who waits; raises TurnedAway for who is no admin."""
        await self._admin(visitor)
        return {"pairings": [pairing_json(each) for each in await self.strangers.waiting()]}

    async def decide(
        self, visitor: Visitor | None, code: str, *, is_allowed: bool
    ) -> dict[str, object]:
        """Decide about the stranger with this code; raises TurnedAway, and BadInput."""
        by = await self._admin(visitor)
        who = await self.strangers.decide(code, is_allowed=is_allowed, by=by)
        return {**pairing_json(who), "allowed": is_allowed}

    async def _admin(self, visitor: Visitor | None) -> str:
        if visitor is None or not await self.is_admin(visitor):
            raise TurnedAway(403, "This is for admins: the operator names them in access.admins.")
        return visitor.sender.identity.key
