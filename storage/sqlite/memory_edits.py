"""What people changed of their agents' memory: the table memory_edit."""

from __future__ import annotations

from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryEdit
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

ADD_EDIT = """
INSERT INTO memory_edit (agent, label, at, before, after, person) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (agent, label, at) DO NOTHING
"""
NEWEST_EDIT = """
SELECT agent, label, before, after, person, at FROM memory_edit
WHERE agent = ? AND label = ? ORDER BY at DESC LIMIT 1
"""
DROP_EDIT = "DELETE FROM memory_edit WHERE agent = ? AND label = ? AND at = ?"


class SqliteMemoryEdits:
    """The MemoryEditStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def add(self, edit: MemoryEdit) -> None:
        """Keep an edit. The same one again is kept once."""
        await self._write(_add, edit)

    async def newest(self, agent: AgentId, label: str) -> MemoryEdit | None:
        """Return the last edit of this block."""
        rows = await self._read(NEWEST_EDIT, (agent, label))
        return _to_edit(rows[0]) if rows else None

    async def drop(self, edit: MemoryEdit) -> None:
        """Forget an edit that was never made."""
        await self._write(_drop, edit)


def _add(tx: Transaction, edit: MemoryEdit) -> None:
    row = (edit.agent, edit.label, to_micros(edit.at), edit.before, edit.after, edit.person)
    if tx.execute(ADD_EDIT, row).rowcount == 1:
        tx.log(AuditKind.MEMORY_EDITED, edit.at, edit.person, edit.agent, {"label": edit.label})


def _to_edit(row: tuple[Any, ...]) -> MemoryEdit:
    agent, label, before, after, person, at = row
    return MemoryEdit(agent, label, before, after, person, from_micros(at))


def _drop(tx: Transaction, edit: MemoryEdit) -> None:
    if tx.execute(DROP_EDIT, (edit.agent, edit.label, to_micros(edit.at))).rowcount == 1:
        tx.log(AuditKind.MEMORY_EDIT_DROPPED, None, edit.person, edit.agent, {"label": edit.label})
