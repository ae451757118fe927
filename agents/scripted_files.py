"""The files of scripted agents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from gateway.domain.artifacts import Attachment
from gateway.domain.ids import AgentId
from gateway.domain.memory import Ingestion, KnownFile


class ScriptedFiles:
    """Implements `AgentFiles` in a dictionary."""

    def __init__(self, check: Callable[[AgentId], None]) -> None:
        """Take what raises where the agent is gone, or nothing can be asked now."""
        self._check = check
        self.kept: defaultdict[AgentId, dict[str, tuple[KnownFile, bytes]]] = defaultdict(dict)
        """By agent and name."""
        self.ingestion = Ingestion.READY
        """How far the next files come; what is unreadable fails."""

    async def files(self, agent: AgentId) -> list[KnownFile]:
        """Return all of them, by name."""
        return [known for _, (known, _) in sorted(self.kept[agent].items())]

    async def add(self, agent: AgentId, file: Attachment, data: bytes) -> KnownFile:
        """Keep a file, in the place of one of the same name."""
        self._check(agent)
        known = KnownFile(file.name, len(data), self.ingestion)
        if not data.isascii():
            known = KnownFile(file.name, len(data), Ingestion.FAILED, "It is no plain text.")
        self.kept[agent][file.name] = known, data
        return known

    async def remove(self, agent: AgentId, name: str) -> bool:
        """Take the file from the agent; False when it had none of this name."""
        return self.kept[agent].pop(name, None) is not None
