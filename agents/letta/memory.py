"""What Letta's agents keep before their eyes: read, and changed with a compare step."""

from __future__ import annotations

from contextlib import suppress

from letta_client import AsyncLetta

from agents.letta.api import LettaApi
from agents.letta.archive import LettaArchive
from agents.letta.faults import Json, NotThere, agent_exists
from agents.letta.files import LettaFiles
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock

_DEFAULT_LIMIT = 20_000
"""Letta's own, for a block that does not tell."""


class LettaMemory:
    """Implements `AgentMemory`.

    Letta has no conditional update (seen on 0.16.8), so the compare is made by
    reading the block just before it is written, by its id.
    """

    def __init__(self, client: AsyncLetta, archive: LettaArchive, files: LettaFiles) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaApi(client)
        self._archive = archive
        self._files = files

    async def blocks(self, agent: AgentId) -> list[MemoryBlock]:
        """Return the agent's blocks, by label. Raises RunFailed when there is no such agent."""
        with agent_exists():
            found = await self._api.blocks(agent)
        return sorted((_to_block(block) for block in found), key=lambda block: block.label)

    async def write(self, agent: AgentId, label: str, value: str, *, was: str) -> bool:
        """Replace a block's value if it is still `was`; False when somebody was faster."""
        with agent_exists():
            found = await self._api.blocks(agent)
            block = next((block for block in found if block.get("label") == label), None)
            if block is None or block.get("value") != was:
                return False
            await self._api.write_block(str(block.get("id")), value)
        return True

    async def delete(self, agent: AgentId) -> None:
        """Delete the agent with all that it remembers; one that is gone already is no error.

        Blocks, archives and folders are things of their own in Letta, and outlive the agent.
        They go first, so that a repeat finds what is left; what another agent has too stays.
        """
        await self._files.remove_all(agent)
        await self._archive.remove_all(agent)
        with suppress(NotThere):
            for block in await self._api.blocks(agent):
                with suppress(NotThere):
                    await self._delete_block(str(block.get("id")), agent)
            await self._api.delete_agent(agent)

    async def _delete_block(self, block: str, agent: AgentId) -> None:
        owners = {str(each.get("id")) for each in await self._api.agents_with(block)}
        if owners <= {agent}:
            await self._api.delete_block(block)


def _to_block(block: Json) -> MemoryBlock:
    limit = block.get("limit")
    return MemoryBlock(
        label=str(block.get("label")),
        value=str(block.get("value") or ""),
        limit=limit if isinstance(limit, int) else _DEFAULT_LIMIT,
        description=str(block.get("description") or ""),
        is_read_only=block.get("read_only") is True,
    )
