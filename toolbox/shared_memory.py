"""Tools for the memory that the agents of one person share: no writer loses another's words.

Memory that is an agent's own is not here: its runtime has tools for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import lane_owner
from gateway.domain.tools import Effect
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import AgentMemory, Constellation
from toolbox.registry import Tool, tool_from

TRIES = 5
"""How often a change is made anew over what somebody else wrote meanwhile."""


def shared_memory_tools(
    memory: AgentMemory, constellation: Constellation, labels: Mapping[str, Collection[str]]
) -> list[Tool]:
    """Return the tools; `labels` names, by role, the blocks that its agents share.

    There are none where no role shares any.
    """
    if not any(labels.values()):
        return []
    shared = _Shared(memory, constellation, labels)

    async def read_shared_memory(turn: Turn) -> str:
        """Read what you and the other agents of this person keep in mind together, as it is now."""
        _, blocks = await shared.of(turn)
        return "\n\n".join(_shown(block) for block in blocks.values())

    async def change_shared_memory(turn: Turn, label: str, new: str, old: str = "") -> str:
        """Change one part of the memory that you share with the other agents of this person.

        Args:
            label: As read_shared_memory shows it.
            new: The text to put in; with `old` left out it is added as a line.
            old: The text to take out, word for word; it must be there exactly once.
        """
        for _ in range(TRIES):
            agent, blocks = await shared.of(turn)
            block = _named(blocks, label)
            value = changed(block, old, new)
            if await memory.write(agent, label, value, was=block.value):
                return f"{label} says now:\n{value}"
        raise BadInput(f"Others are changing {label} all the time. Read it, and try again.")

    # A repeat would add a line twice.
    return [tool_from(read_shared_memory), tool_from(change_shared_memory, effect=Effect.EXTERNAL)]


class _Shared:
    """Finds the blocks that the agent of a turn shares."""

    def __init__(
        self,
        memory: AgentMemory,
        constellation: Constellation,
        labels: Mapping[str, Collection[str]],
    ) -> None:
        self._memory = memory
        self._constellation = constellation
        self._labels = labels

    async def of(self, turn: Turn) -> tuple[AgentId, dict[str, MemoryBlock]]:
        """Return the agent and its shared blocks by label; raises BadInput without any."""
        labels = self._labels.get(turn.role, ())
        owner = lane_owner(turn.ref.lane, turn.person, turn.conversation)
        agent = await self._constellation.agent_of(owner, turn.role) if labels else None
        if agent is None:
            raise BadInput("You share no memory with other agents.")
        found = await self._memory.blocks(agent)
        return agent, {block.label: block for block in found if block.label in labels}


def changed(block: MemoryBlock, old: str, new: str) -> str:
    """Return the block's text after a change. Raises BadInput where it can not be made. Pure."""
    if block.is_read_only:
        raise BadInput(f"{block.label} can not be changed.")
    if old and block.value.count(old) != 1:
        raise BadInput(
            f"The old text is {block.value.count(old)} times in {block.label}, not once. "
            f"It says now:\n{block.value}"
        )
    value = block.value.replace(old, new) if old else "\n".join(filter(None, (block.value, new)))
    if len(value) > block.limit:
        raise BadInput(
            f"{block.label} would have {len(value):,} characters; {block.limit:,} is the most."
        )
    return value


def _named(blocks: Mapping[str, MemoryBlock], label: str) -> MemoryBlock:
    if label not in blocks:
        raise BadInput(f'You share no "{label}". There is {", ".join(blocks) or "nothing"}.')
    return blocks[label]


def _shown(block: MemoryBlock) -> str:
    return f"{block.label} ({len(block.value):,} of {block.limit:,} characters):\n{block.value}"
