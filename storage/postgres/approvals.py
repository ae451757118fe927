"""Tool calls that wait for somebody's yes: the table approval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.approvals import Approval, Decision
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import ConversationId
from gateway.domain.people import Identity
from storage.approval_details import read_approval, write_approval
from storage.audit_data import approval_asked, approval_decided
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.inbox import accept
from storage.postgres.posts import Posting, enqueue, revise_stored
from storage.postgres.values import storable
from storage.rules import Arrival

_COLUMNS = "details, state, decided_by, decided_at"
ADD = """
INSERT INTO approval (id, conversation, asked_at, expires_at, state, decided_by, details)
VALUES ($1, $2, $3, $4, 'waiting', '', $5) ON CONFLICT (id) DO NOTHING
"""
GET = f"SELECT {_COLUMNS} FROM approval WHERE id = $1"  # noqa: S608 - constants
DECIDE = """
UPDATE approval SET state = $1, decided_by = $2, decided_at = $3
WHERE id = $4 AND state = 'waiting'
"""
WAITING = f"""
SELECT {_COLUMNS} FROM approval WHERE conversation = $1 AND state = 'waiting'
ORDER BY asked_at, id
"""  # noqa: S608 - constants
DUE = f"""
SELECT {_COLUMNS} FROM approval WHERE state = 'waiting' AND expires_at <= $1
ORDER BY expires_at, id LIMIT $2
"""  # noqa: S608 - constants


class PostgresApprovals:
    """The ApprovalStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def ask(
        self, approval: Approval, questions: Sequence[NewDelivery], now: datetime
    ) -> Approval:
        """Store the approval and what asks; one that is known is left alone and returned."""
        return await self._write(_ask, approval, questions, now)

    async def get(self, approval: str) -> Approval | None:
        """Return it as it stands; None when there is none of this id."""
        rows = await self._read(GET, storable(approval))
        return _to_approval(rows[0]) if rows else None

    async def decide(self, decision: Decision, now: datetime) -> bool:
        """Decide it, edit what asked and accept the news, all or nothing."""
        return await self._write(_decide, decision, now)

    async def turn_away(self, approval: str, identity: Identity, now: datetime) -> None:
        """Write into the audit log that somebody tried to decide who may not."""
        await self._write(_turn_away, approval, identity, now)

    async def waiting(self, conversation: ConversationId) -> list[Approval]:
        """List what waits in a conversation, oldest first."""
        return [_to_approval(row) for row in await self._read(WAITING, conversation)]

    async def due(self, by: datetime, limit: int) -> list[Approval]:
        """List what waits and whose time is over by then, the soonest over first."""
        return [_to_approval(row) for row in await self._read(DUE, by, limit)]


async def _ask(
    tx: Transaction, approval: Approval, questions: Sequence[NewDelivery], now: datetime
) -> Approval:
    place = approval.conversation.id
    details = storable(write_approval(approval))
    row = (approval.id, place, approval.asked_at, approval.expires_at, details)
    if await tx.count(ADD, *row) == 0:
        (known,) = await tx.fetch(GET, approval.id)
        return _to_approval(known)
    data = approval_asked(approval)
    tx.log(AuditKind.APPROVAL_ASKED, now, place, approval.id, data)
    await enqueue(tx, [Posting(questions, now)])
    return approval


async def _decide(tx: Transaction, decision: Decision, now: datetime) -> bool:
    approval = decision.approval
    row = (decision.state.value, storable(decision.by), now, approval.id)
    if await tx.count(DECIDE, *row) == 0:
        return False
    data = approval_decided(decision)
    tx.log(AuditKind.APPROVAL_DECIDED, now, approval.conversation.id, approval.id, data)
    # Lanes are locked before outboxes, as everywhere.
    await accept(tx, [Arrival(decision.news, decision.route, now)])
    for question, text in decision.shown:
        await revise_stored(tx, question, (text, (), None), now)
    return True


async def _turn_away(tx: Transaction, approval: str, identity: Identity, now: datetime) -> None:
    tx.log(AuditKind.APPROVAL_REFUSED, now, identity.key, storable(approval), {})


def _to_approval(row: Row) -> Approval:
    return read_approval(row["details"], row["state"], row["decided_by"], row["decided_at"])
