"""Messages taken back while they wait, and turns that people cancel, in dictionaries."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.ids import LaneId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import Cancellation, Cancelled, TurnRef
from storage.cancelling import SAID, call_of, read_cancelled, write_cancelled
from storage.memory.tables import MessageRow, Tables
from storage.rules import MessageState, Standing


def withdraw_row(tables: Tables, row: MessageRow) -> None:
    """Take a waiting message out of its lane."""
    assert row.lane is not None, "what waits has a lane"  # noqa: S101 - invariant
    row.state = MessageState.WITHDRAWN
    waiting = tables.waiting[row.lane]
    waiting.remove(row)
    mailbox = tables.mailboxes[row.lane]
    mailbox.first_at = waiting[0].received_at if waiting else None
    if mailbox.standing is Standing.PARKED:
        mailbox.standing = Standing.READY
    if not waiting and mailbox.turn is None:
        mailbox.standing, mailbox.ready_at = Standing.IDLE, None


def cancel(tables: Tables, turn: TurnRef, cancellation: Cancellation, now: datetime) -> Cancelled:
    """Cancel what was begun before the command, and withdraw what was said before it."""
    tables.held(turn)
    journal, call = tables.turns[turn.id].tool_results, call_of(cancellation.command)
    if call in journal:
        return read_cancelled(journal[call].text)
    before = tables.messages[cancellation.command.idempotency_key].sequence
    lanes = sorted(set(cancellation.lanes))
    turns = sum(_cancel_turn(tables, lane, before, turn, now) for lane in lanes)
    withdrawn = [row for lane in lanes for row in _said(tables, lane, before, cancellation)]
    for row in withdrawn:
        _withdraw(tables, row, now)
    cancelled = Cancelled(turns, len(withdrawn))
    journal[call] = ToolResult(call, write_cancelled(cancelled))
    return cancelled


def _cancel_turn(tables: Tables, lane: LaneId, before: int, by: TurnRef, now: datetime) -> bool:
    mailbox = tables.mailboxes.get(lane)
    if mailbox is None or mailbox.turn is None:
        return False
    if tables.turn_messages[mailbox.turn][0].sequence > before:
        return False
    row = tables.turns[mailbox.turn]
    if not row.is_cancelled:
        row.is_cancelled = True
        tables.log(AuditKind.TURN_CANCELLED, now, lane, row.id, {"by": by.id})
    if mailbox.standing in (Standing.READY, Standing.PARKED):
        mailbox.standing, mailbox.ready_at = Standing.READY, now
        tables.signals.turn_ready.set()
    tables.signals.turn_cancelled.set()
    return True


def _said(
    tables: Tables, lane: LaneId, before: int, cancellation: Cancellation
) -> list[MessageRow]:
    place = cancellation.command.conversation
    return [
        row
        for row in tables.waiting.get(lane, ())
        if row.sequence < before
        and row.message.conversation == place
        and row.person == cancellation.person
        and row.message.kind in SAID
    ]


def _withdraw(tables: Tables, row: MessageRow, now: datetime) -> None:
    key = row.message.idempotency_key
    tables.log(AuditKind.MESSAGE_WITHDRAWN, now, str(row.lane), key, {})
    withdraw_row(tables, row)
