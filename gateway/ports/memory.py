"""The core memory of agents, and what people changed of it."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.artifacts import Attachment
from gateway.domain.ids import AgentId
from gateway.domain.memory import KnownFile, MemoryBlock, MemoryEdit, Passage


class AgentMemory(Protocol):
    """The core memory of agents, where they live. Every method may raise RuntimeUnavailable."""

    async def blocks(self, agent: AgentId) -> list[MemoryBlock]:
        """Return the agent's blocks, by label. Raises RunFailed when there is no such agent."""
        ...

    async def write(self, agent: AgentId, label: str, value: str, *, was: str) -> bool:
        """Replace a block's value if it is still `was`; False when somebody was faster.

        Where the server has no compare of its own, it is made by reading just
        before the write: only a writer within that moment can be overlooked.
        """
        ...

    async def delete(self, agent: AgentId) -> None:
        """Delete the agent with all that it remembers, its files too.

        One that is gone already is no error.
        """
        ...


class AgentArchive(Protocol):
    """The archival memory of agents, where they live.

    Every method may raise RuntimeUnavailable, and RunFailed when there is no such
    agent or its server keeps no such memory for it.
    """

    async def passages(self, agent: AgentId, limit: int, after: str | None = None) -> list[Passage]:
        """Return the oldest entries behind the one with this id, oldest first."""
        ...

    async def newest(self, agent: AgentId, limit: int) -> list[Passage]:
        """Return the newest entries, newest first."""
        ...

    async def search(self, agent: AgentId, words: str, limit: int) -> list[Passage]:
        """Return the entries that belong to the words, best first, as the server finds them."""
        ...

    async def add(self, agent: AgentId, text: str) -> bool:
        """Add an entry; False when the newest ones have one of just this text.

        So that a repeat adds nothing. Letta has no key for it: the look and the
        addition are two calls.
        """
        ...


class AgentFiles(Protocol):
    """The files that agents look things up in, where they live: each agent has its own.

    Every method may raise RuntimeUnavailable, and RunFailed for what its server refuses.
    """

    async def files(self, agent: AgentId) -> list[KnownFile]:
        """Return all of them, by name; none of an agent that is not there."""
        ...

    async def add(self, agent: AgentId, file: Attachment, data: bytes) -> KnownFile:
        """Let the agent's server read a file, in the place of one of the same name.

        It may still be at it when this returns. Repeating it does no harm.
        """
        ...

    async def remove(self, agent: AgentId, name: str) -> bool:
        """Take the file from the agent; False when it had none of this name."""
        ...


class MemoryEditStore(Protocol):
    """What people changed, so that it can be undone."""

    async def add(self, edit: MemoryEdit) -> None:
        """Keep an edit. The same one again is kept once."""
        ...

    async def newest(self, agent: AgentId, label: str) -> MemoryEdit | None:
        """Return the last edit of this block."""
        ...

    async def drop(self, edit: MemoryEdit) -> None:
        """Forget an edit that was never made."""
        ...
