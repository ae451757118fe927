"""Tool calls that wait for somebody's yes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.approvals import Approval, Decision
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import ConversationId
from gateway.domain.people import Identity


class ApprovalStore(Protocol):
    """Tool calls that wait for somebody's yes. Each method is one commit."""

    async def ask(
        self, approval: Approval, questions: Sequence[NewDelivery], now: datetime
    ) -> Approval:
        """Store the approval and what asks; one that is known is left alone and returned."""
        ...

    async def get(self, approval: str) -> Approval | None:
        """Return it as it stands; None when there is none of this id."""
        ...

    async def decide(self, decision: Decision, now: datetime) -> bool:
        """Decide it, edit what asked and accept the news, all or nothing.

        False when it does not wait any more: then nothing happened.
        """
        ...

    async def turn_away(self, approval: str, identity: Identity, now: datetime) -> None:
        """Write into the audit log that somebody tried to decide who may not."""
        ...

    async def waiting(self, conversation: ConversationId) -> list[Approval]:
        """List what waits in a conversation, oldest first."""
        ...

    async def due(self, by: datetime, limit: int) -> list[Approval]:
        """List what waits and whose time is over by then, the soonest over first."""
        ...
