"""Tool calls that wait for somebody's yes, in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.domain.approvals import Approval, ApprovalState, Decision
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import ConversationId
from gateway.domain.people import Identity
from storage.audit_data import approval_asked, approval_decided
from storage.memory.deliveries import add_delivery, revise
from storage.memory.tables import Tables
from storage.memory.turns import accept_message


class MemoryApprovals:
    """The ApprovalStore in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def ask(
        self, approval: Approval, questions: Sequence[NewDelivery], now: datetime
    ) -> Approval:
        """Store the approval and what asks; one that is known is left alone and returned."""
        known = self._tables.approvals.get(approval.id)
        if known is not None:
            return known
        self._tables.approvals[approval.id] = approval
        data = approval_asked(approval)
        place = approval.conversation.id
        self._tables.log(AuditKind.APPROVAL_ASKED, now, place, approval.id, data)
        for question in questions:
            add_delivery(self._tables, question, now)
        return approval

    async def get(self, approval: str) -> Approval | None:
        """Return it as it stands; None when there is none of this id."""
        return self._tables.approvals.get(approval)

    async def decide(self, decision: Decision, now: datetime) -> bool:
        """Decide it, edit what asked and accept the news, all or nothing."""
        tables = self._tables
        known = tables.approvals.get(decision.approval.id)
        if known is None or known.state is not ApprovalState.WAITING:
            return False
        decided = replace(known, state=decision.state, decided_by=decision.by, decided_at=now)
        tables.approvals[known.id] = decided
        data = approval_decided(decision)
        tables.log(AuditKind.APPROVAL_DECIDED, now, known.conversation.id, known.id, data)
        for name, text in decision.shown:
            question = tables.deliveries.get(name)
            if question is not None:
                revise(tables, question, replace(question.new, text=text, buttons=()), now)
        accept_message(tables, decision.news, decision.route, now)
        return True

    async def turn_away(self, approval: str, identity: Identity, now: datetime) -> None:
        """Write into the audit log that somebody tried to decide who may not."""
        self._tables.log(AuditKind.APPROVAL_REFUSED, now, identity.key, approval, {})

    async def waiting(self, conversation: ConversationId) -> list[Approval]:
        """List what waits in a conversation, oldest first."""
        here = [each for each in self._waiting() if each.conversation.id == conversation]
        return sorted(here, key=lambda each: (each.asked_at, each.id))

    async def due(self, by: datetime, limit: int) -> list[Approval]:
        """List what waits and whose time is over by then, the soonest over first."""
        over = [each for each in self._waiting() if each.expires_at <= by]
        return sorted(over, key=lambda each: (each.expires_at, each.id))[:limit]

    def _waiting(self) -> list[Approval]:
        approvals = self._tables.approvals.values()
        return [each for each in approvals if each.state is ApprovalState.WAITING]
