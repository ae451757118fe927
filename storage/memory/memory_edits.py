"""What people changed of their agents' memory, in dictionaries."""

from __future__ import annotations

from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryEdit
from storage.memory.tables import Tables


class MemoryMemoryEdits:
    """The MemoryEditStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, edit: MemoryEdit) -> None:
        """Keep an edit. The same one again is kept once."""
        edits = self._tables.memory_edits[edit.agent, edit.label]
        if edit not in edits:
            edits.append(edit)
            data = {"label": edit.label}
            self._tables.log(AuditKind.MEMORY_EDITED, edit.at, edit.person, edit.agent, data)

    async def newest(self, agent: AgentId, label: str) -> MemoryEdit | None:
        """Return the last edit of this block."""
        edits = self._tables.memory_edits[agent, label]
        return max(edits, key=lambda edit: edit.at, default=None)

    async def drop(self, edit: MemoryEdit) -> None:
        """Forget an edit that was never made."""
        edits = self._tables.memory_edits[edit.agent, edit.label]
        if edit in edits:
            edits.remove(edit)
            data = {"label": edit.label}
            self._tables.log(AuditKind.MEMORY_EDIT_DROPPED, None, edit.person, edit.agent, data)
