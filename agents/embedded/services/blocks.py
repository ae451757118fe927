"""Memory blocks as REST sees them: limits are enforced here as for the memory tools."""

import sqlite3
from dataclasses import dataclass, replace

from agents.embedded.errors import Conflict, NotFound, Refused
from agents.embedded.memory.edits import EditRefused, within_limit
from agents.embedded.records import Block, Json
from agents.embedded.store import agents, blocks
from agents.embedded.store.blocks import BlockFilter
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page


@dataclass(frozen=True, slots=True)
class BlockChange:
    """What is to be different; None leaves a thing as it is."""

    label: str | None = None
    value: str | None = None
    limit: int | None = None
    description: str | None = None
    read_only: bool | None = None
    metadata: Json | None = None
    tags: tuple[str, ...] | None = None


class BlockService:
    """Everything REST may do to a block. Unknown ids and labels raise NotFound."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, block: Block) -> Block:
        """Make a block that no agent sees yet; Refused when its text is over its limit."""
        checked_block(block)
        await self._database.write(lambda db: blocks.insert(db, block))
        return block

    async def get(self, block_id: str) -> Block:
        """One block."""
        return await self._database.read(lambda db: need_block(db, block_id))

    async def list_page(self, wanted: BlockFilter, page: Page) -> list[Block]:
        """A page of blocks."""
        return await self._database.read(lambda db: blocks.list_page(db, wanted, page))

    async def update(self, block_id: str, change: BlockChange) -> Block:
        """Change a block for all its agents, from their next step on."""
        return await self._database.write(lambda db: _update(db, need_block(db, block_id), change))

    async def delete(self, block_id: str) -> None:
        """Remove a block, from its agents too."""
        if not await self._database.write(lambda db: blocks.delete(db, block_id)):
            raise NotFound(f"Block with ID {block_id} not found")

    async def of_agent(self, agent_id: str) -> list[Block]:
        """The blocks an agent sees."""

        def read(db: sqlite3.Connection) -> list[Block]:
            _need_agent(db, agent_id)
            return blocks.of_agent(db, agent_id)

        return await self._database.read(read)

    async def labelled(self, agent_id: str, label: str) -> Block:
        """The agent's block with this label."""
        return await self._database.read(lambda db: _need_labelled(db, agent_id, label))

    async def update_labelled(self, agent_id: str, label: str, change: BlockChange) -> Block:
        """Change the agent's block with this label."""
        return await self._database.write(
            lambda db: _update(db, _need_labelled(db, agent_id, label), change)
        )

    async def attach(self, agent_id: str, block_id: str) -> None:
        """Let an agent see a block; Conflict when it has one with this label."""

        def attach(db: sqlite3.Connection) -> None:
            _need_agent(db, agent_id)
            block = need_block(db, block_id)
            if not blocks.attach(db, agent_id, block):
                raise Conflict(f'CONFLICT: The agent already has a block labelled "{block.label}".')

        await self._database.write(attach)

    async def detach(self, agent_id: str, block_id: str) -> None:
        """Take a block from an agent."""
        if not await self._database.write(lambda db: blocks.detach(db, agent_id, block_id)):
            raise NotFound(f"Block with ID {block_id} is not attached to agent {agent_id}")

    async def agents_of(self, block_id: str) -> list[str]:
        """The ids of the agents that see a block."""

        def read(db: sqlite3.Connection) -> list[str]:
            need_block(db, block_id)
            return blocks.agents_of(db, block_id)

        return await self._database.read(read)


def checked_block(block: Block) -> Block:
    """The block, if its text is within its limit; raises Refused."""
    try:
        within_limit(block, block.value)
    except EditRefused as refusal:
        raise Refused(str(refusal)) from refusal
    return block


def need_block(db: sqlite3.Connection, block_id: str) -> Block:
    """The block; raises NotFound."""
    block = blocks.get(db, block_id)
    if block is None:
        raise NotFound(f"Block with ID {block_id} not found")
    return block


def _need_agent(db: sqlite3.Connection, agent_id: str) -> None:
    if agents.get(db, agent_id) is None:
        raise NotFound(f"Agent with ID {agent_id} not found")


def _need_labelled(db: sqlite3.Connection, agent_id: str, label: str) -> Block:
    _need_agent(db, agent_id)
    block = blocks.labelled(db, agent_id, label)
    if block is None:
        raise NotFound(f'Agent {agent_id} has no block labelled "{label}"')
    return block


def _update(db: sqlite3.Connection, block: Block, change: BlockChange) -> Block:
    given = {
        name: value
        for name in BlockChange.__dataclass_fields__
        if (value := getattr(change, name)) is not None
    }
    changed = checked_block(replace(block, **given))
    try:
        blocks.update(db, changed)
    except sqlite3.IntegrityError as error:
        raise Conflict(
            f'CONFLICT: An agent of this block already has one labelled "{changed.label}".'
        ) from error
    return changed
