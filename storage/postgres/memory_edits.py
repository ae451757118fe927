"""What people changed of their agents' memory: the table memory_edit."""

from __future__ import annotations

from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryEdit
from storage.postgres.database import Database, Transaction
from storage.postgres.values import storable

ADD_EDIT = """
INSERT INTO memory_edit (agent, label, at, before, after, person) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (agent, label, at) DO NOTHING
"""
NEWEST_EDIT = """
SELECT agent, label, before, after, person, at FROM memory_edit
WHERE agent = $1 AND label = $2 ORDER BY at DESC LIMIT 1
"""
DROP_EDIT = "DELETE FROM memory_edit WHERE agent = $1 AND label = $2 AND at = $3"


class PostgresMemoryEdits:
    """The MemoryEditStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def add(self, edit: MemoryEdit) -> None:
        """Keep an edit. The same one again is kept once."""
        await self._write(_add, edit)

    async def newest(self, agent: AgentId, label: str) -> MemoryEdit | None:
        """Return the last edit of this block."""
        rows = await self._read(NEWEST_EDIT, agent, label)
        return MemoryEdit(*rows[0]) if rows else None

    async def drop(self, edit: MemoryEdit) -> None:
        """Forget an edit that was never made."""
        await self._write(_drop, edit)


async def _add(tx: Transaction, edit: MemoryEdit) -> None:
    texts = storable(edit.before), storable(edit.after)
    if await tx.count(ADD_EDIT, edit.agent, edit.label, edit.at, *texts, edit.person) == 1:
        tx.log(AuditKind.MEMORY_EDITED, edit.at, edit.person, edit.agent, {"label": edit.label})


async def _drop(tx: Transaction, edit: MemoryEdit) -> None:
    if await tx.count(DROP_EDIT, edit.agent, edit.label, edit.at) == 1:
        tx.log(AuditKind.MEMORY_EDIT_DROPPED, None, edit.person, edit.agent, {"label": edit.label})
