"""Commands about what an agent keeps in mind: look at its memory, and change it."""

from __future__ import annotations

from gateway.commands.command import Asked, Command, Reach, first_word
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock, MemoryEdit
from gateway.domain.people import Mode
from gateway.ports import AgentMemory

ELSEWHERE = "This is between you and your agent: ask me in a direct message."
NOT_YET = "You have no agent here yet. Say something first, and it will be there."
NO_MEMORY = "The memory of agents can not be looked at here."
NOT_YOURS = "This agent is shared with others, so its memory is the operator's."
CHANGED = "Your agent has just changed this itself, so nothing was done. Look again."
HOW = (
    "`/memory LABEL` shows one whole, `/memory LABEL set TEXT` replaces it, "
    "`/memory LABEL add TEXT` appends a line, `/memory LABEL undo` takes your last change back."
)
_SHOWN = 300
"""Characters of each block in the overview."""


async def own_agent(asked: Asked, reach: Reach) -> tuple[AgentId | None, str]:
    """Return the agent that is here the asker's alone, or why there is none to be asked about."""
    if not asked.is_private:
        return None, ELSEWHERE
    if reach.route_of(asked).mode is not Mode.PERSON:
        return None, NOT_YOURS
    return await reach.agent_of(asked), NOT_YET


async def _memory(asked: Asked, reach: Reach) -> str:
    agent, why_not = await own_agent(asked, reach)
    if agent is None:
        return why_not
    if reach.memory is None:
        return NO_MEMORY
    label, rest = first_word(asked.arguments)
    blocks = {block.label: block for block in await reach.memory.blocks(agent)}
    if not label:
        return _overview(list(blocks.values()))
    if label not in blocks:
        known = ", ".join(f"`{name}`" for name in blocks)
        return f'There is no part "{label[:40]}" in its memory. There is {known}.'
    if not rest:
        return f"**{label}**\n{blocks[label].value}"
    return await _Change(asked, reach, reach.memory, agent, blocks[label]).make(rest)


def _overview(blocks: list[MemoryBlock]) -> str:
    parts = [_summary(block) for block in blocks]
    return "\n\n".join([*parts, HOW]) if parts else "Its memory is empty."


def _summary(block: MemoryBlock) -> str:
    shown = block.value if len(block.value) <= _SHOWN else f"{block.value[:_SHOWN]}…"
    note = ", can not be changed" if block.is_read_only else ""
    return f"**{block.label}** ({len(block.value):,} of {block.limit:,} characters{note})\n{shown}"


class _Change:
    """One change to one block, which a repeat after a crash does not make twice."""

    def __init__(
        self, asked: Asked, reach: Reach, memory: AgentMemory, agent: AgentId, block: MemoryBlock
    ) -> None:
        self._asked = asked
        self._edits = reach.store.memory_edits
        self._memory = memory
        self._agent = agent
        self._block = block

    async def make(self, words: str) -> str:
        """Do what the words behind the label say."""
        verb, text = first_word(words)
        match verb.lower(), text:
            case "undo", "":
                return await self._undo()
            case "set", text if text:
                return await self._write(text)
            case "add", text if text:
                return await self._write("\n".join(filter(None, (self._block.value, text))))
            case _:
                return HOW

    async def _write(self, value: str) -> str:
        block = self._block
        if block.is_read_only:
            return f"**{block.label}** can not be changed."
        if len(value) > block.limit:
            return (
                f"**{block.label}** would have {len(value):,} characters; {block.limit:,} is the "
                "most. Nothing was changed."
            )
        last = await self._edits.newest(self._agent, block.label)
        if last is not None and last.at == self._asked.message.sent_at:
            value = last.after  # this very command, before a crash
        elif value != block.value:
            last = self._edit(value)
            await self._edits.add(last)
        if value == block.value:
            return f"**{block.label}** says so now."
        if await self._memory.write(self._agent, block.label, value, was=block.value):
            return f"**{block.label}** was changed. `/memory {block.label} undo` takes it back."
        if last is not None:
            await self._edits.drop(last)
        return CHANGED

    async def _undo(self) -> str:
        """Take the last change back, which is a change too: undone twice, it is there again."""
        last = await self._newest_made()
        if last is None:
            return f"There is no change of yours to **{self._block.label}** to take back."
        is_repeat = last.at == self._asked.message.sent_at
        if self._block.value != last.after and not is_repeat:
            label = self._block.label
            return f"Your agent has changed **{label}** since, so nothing was taken back."
        return await self._write(last.before)

    async def _newest_made(self) -> MemoryEdit | None:
        """Return the last change; one whose write nobody saw, and that is not there, is dropped."""
        while last := await self._edits.newest(self._agent, self._block.label):
            if self._block.value != last.before or last.at == self._asked.message.sent_at:
                break
            await self._edits.drop(last)
        return last

    def _edit(self, value: str) -> MemoryEdit:
        asked, block = self._asked, self._block
        return MemoryEdit(
            agent=self._agent,
            label=block.label,
            before=block.value,
            after=value,
            person=asked.person,
            at=asked.message.sent_at,
        )


FAMILY = (
    Command(
        CommandSpec(
            "memory",
            "What your agent keeps in mind about you; see and change it",
            (CommandArgument("what", "LABEL, LABEL set TEXT, LABEL add TEXT, or LABEL undo"),),
        ),
        _memory,
    ),
)
