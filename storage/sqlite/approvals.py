"""Tool calls that wait for somebody's yes: the table approval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.domain.approvals import Approval, Decision
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import ConversationId
from gateway.domain.people import Identity
from storage.approval_details import read_approval, write_approval
from storage.audit_data import approval_asked, approval_decided
from storage.rules import Arrival
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.deliveries import add_delivery, revise_stored
from storage.sqlite.inbox import accept
from storage.sqlite.reader import Reader
from storage.sqlite.values import maybe_moment, to_micros

_COLUMNS = "details, state, decided_by, decided_at"
ADD = """
INSERT INTO approval (id, conversation, asked_at, expires_at, state, decided_by, details)
VALUES (?, ?, ?, ?, 'waiting', '', ?) ON CONFLICT (id) DO NOTHING
"""
GET = f"SELECT {_COLUMNS} FROM approval WHERE id = ?"  # noqa: S608 - constants
DECIDE = """
UPDATE approval SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND state = 'waiting'
"""
WAITING = f"""
SELECT {_COLUMNS} FROM approval WHERE conversation = ? AND state = 'waiting' ORDER BY asked_at, id
"""  # noqa: S608 - constants
DUE = f"""
SELECT {_COLUMNS} FROM approval WHERE state = 'waiting' AND expires_at <= ?
ORDER BY expires_at, id LIMIT ?
"""  # noqa: S608 - constants


class SqliteApprovals:
    """The ApprovalStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def ask(
        self, approval: Approval, questions: Sequence[NewDelivery], now: datetime
    ) -> Approval:
        """Store the approval and what asks; one that is known is left alone and returned."""
        return await self._write(_ask, approval, questions, now)

    async def get(self, approval: str) -> Approval | None:
        """Return it as it stands; None when there is none of this id."""
        rows = await self._read(GET, (approval,))
        return _to_approval(rows[0]) if rows else None

    async def decide(self, decision: Decision, now: datetime) -> bool:
        """Decide it, edit what asked and accept the news, all or nothing."""
        return await self._write(_decide, decision, now)

    async def turn_away(self, approval: str, identity: Identity, now: datetime) -> None:
        """Write into the audit log that somebody tried to decide who may not."""
        await self._write(_turn_away, approval, identity, now)

    async def waiting(self, conversation: ConversationId) -> list[Approval]:
        """List what waits in a conversation, oldest first."""
        return [_to_approval(row) for row in await self._read(WAITING, (conversation,))]

    async def due(self, by: datetime, limit: int) -> list[Approval]:
        """List what waits and whose time is over by then, the soonest over first."""
        return [_to_approval(row) for row in await self._read(DUE, (to_micros(by), limit))]


def _ask(
    tx: Transaction, approval: Approval, questions: Sequence[NewDelivery], now: datetime
) -> Approval:
    place = approval.conversation.id
    row = (
        approval.id,
        place,
        to_micros(approval.asked_at),
        to_micros(approval.expires_at),
        write_approval(approval),
    )
    if tx.execute(ADD, row).rowcount == 0:
        return _to_approval(tx.execute(GET, (approval.id,)).fetchone())
    data = approval_asked(approval)
    tx.log(AuditKind.APPROVAL_ASKED, now, place, approval.id, data)
    for question in questions:
        add_delivery(tx, question, now)
    return approval


def _decide(tx: Transaction, decision: Decision, now: datetime) -> bool:
    approval = decision.approval
    row = (decision.state.value, decision.by, to_micros(now), approval.id)
    if tx.execute(DECIDE, row).rowcount == 0:
        return False
    data = approval_decided(decision)
    tx.log(AuditKind.APPROVAL_DECIDED, now, approval.conversation.id, approval.id, data)
    for question, text in decision.shown:
        revise_stored(tx, question, (text, (), None), now)
    accept(tx, [Arrival(decision.news, decision.route, now)])
    return True


def _turn_away(tx: Transaction, approval: str, identity: Identity, now: datetime) -> None:
    tx.log(AuditKind.APPROVAL_REFUSED, now, identity.key, approval, {})


def _to_approval(row: tuple[Any, ...]) -> Approval:
    details, state, decided_by, decided_at = row
    return read_approval(details, state, decided_by, maybe_moment(decided_at))
