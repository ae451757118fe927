"""What Letta's agents keep before their eyes: read, and changed with a compare step."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress

from letta_client import AsyncLetta

from agents.letta.api import LettaApi
from agents.letta.faults import Json, NotThere
from agents.letta.files import LettaFiles
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock
from gateway.errors import RunFailed

_DEFAULT_LIMIT = 20_000
"""Letta's own, for a block that does not tell."""


class LettaMemory:
    """Implements `AgentMemory`.

    Letta has no conditional update (seen on 0.16.8), so the compare is made by
    reading the block just before it is written, by its id.
    """

    def __init__(self, client: AsyncLetta, files: LettaFiles) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaApi(client)
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

        Blocks and folders are things of their own in Letta, and outlive the agent. They go
        first, so that a repeat finds what is left; a block that another agent has too stays.
        """
        await self._files.remove_all(agent)
        with suppress(NotThere):
            for block in await self._api.blocks(agent):
                with suppress(NotThere):
                    await self._delete_block(str(block.get("id")), agent)
            await self._api.delete_agent(agent)

    async def _delete_block(self, block: str, agent: AgentId) -> None:
        owners = {str(each.get("id")) for each in await self._api.agents_with(block)}
        if owners <= {agent}:
            await self._api.delete_block(block)


@contextmanager
def agent_exists() -> Generator[None]:
    """Turn Letta's word that it has no such agent into one for the person."""
    try:
        yield
    except NotThere as error:
        raise RunFailed("your agent can not be found.", kind="not_found") from error


def _to_block(block: Json) -> MemoryBlock:
    limit = block.get("limit")
    return MemoryBlock(
        label=str(block.get("label")),
        value=str(block.get("value") or ""),
        limit=limit if isinstance(limit, int) else _DEFAULT_LIMIT,
        description=str(block.get("description") or ""),
        is_read_only=block.get("read_only") is True,
    )
