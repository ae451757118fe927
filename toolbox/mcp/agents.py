"""A person's other agents: talk to one, read and change what one keeps in mind."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock, MemoryEdit
from gateway.domain.messages import Accepted, InboundMessage
from gateway.domain.people import Sender
from gateway.domain.tools import Caller, Effect, ToolCall
from gateway.errors import BadInput
from gateway.ports import AgentMemory, Clock, Store
from toolbox.registry import Tool, tool_from

WAIT_SECONDS = 45.0
LONGEST_MESSAGE = 20_000
_LONGEST_ID = 100


@dataclass(frozen=True, slots=True)
class AgentParts:
    """What other agents are reached by."""

    store: Store
    roles: Collection[str]
    """The agents that people can have."""
    memory: AgentMemory | None
    """None where agents keep no memory that could be looked at."""
    wake: Callable[[InboundMessage], Awaitable[Accepted]]
    """The inbox."""
    sender: Callable[[Caller, Conversation, str], Awaitable[Sender | None]]
    """In whose name an agent of this role is written to; None when that is not allowed."""
    clock: Clock


def agent_tools(parts: AgentParts) -> list[Tool]:
    """Return the tools. An agent that is not its person's own does not exist for them."""

    async def list_agents(caller: Caller) -> str:
        """List the agents of your person, you among them."""
        people = parts.store.people
        bindings = [await people.binding(caller.person, role) for role in parts.roles]
        return "\n".join(each.role for each in bindings if each is not None and each.agent_id)

    async def chat_with_agent(
        caller: Caller, call: ToolCall, agent: str, message: str, id: str | None = None
    ) -> str:
        """Write to another agent of your person and read its answer.

        Args:
            agent: Its name, as list_agents shows it.
            message: What you want to say.
            id: A name of your own for this message; the same one again asks for its answer.
        """
        await _own(parts, caller, agent)
        if not message.strip() or len(message) > LONGEST_MESSAGE:
            raise BadInput(f"A message has 1 to {LONGEST_MESSAGE:,} characters.")
        name = call.id if id is None else id
        if not (0 < len(name) <= _LONGEST_ID and name.isprintable()):
            raise BadInput(f"An id has 1 to {_LONGEST_ID} printable characters.")
        return await _talk(parts, caller, agent, message, name)

    async def get_agent_memory(caller: Caller, agent: str, label: str | None = None) -> str:
        """Read what an agent of your person keeps in mind.

        Args:
            agent: Its name, as list_agents shows it.
            label: One part alone; left out, all parts.
        """
        blocks = await _memory(parts).blocks(await _own(parts, caller, agent))
        shown = [block for block in blocks if label in (None, block.label)]
        return "\n\n".join(f"[{each.label}]\n{each.value}" for each in shown) or "There is nothing."

    async def update_agent_memory(caller: Caller, agent: str, label: str, value: str) -> str:
        """Replace one part of what an agent of your person keeps in mind.

        Args:
            agent: Its name, as list_agents shows it.
            label: The part, as get_agent_memory shows it.
            value: All that stands there from now on.
        """
        await _rewrite(parts, caller, await _own(parts, caller, agent), label, value)
        return f"[{label}] was changed."

    return [
        tool_from(list_agents),
        tool_from(chat_with_agent, effect=Effect.IDEMPOTENT, timeout_seconds=WAIT_SECONDS + 10),
        tool_from(get_agent_memory),
        tool_from(update_agent_memory, effect=Effect.IDEMPOTENT),
    ]


async def _own(parts: AgentParts, caller: Caller, role: str) -> AgentId:
    """Return the agent of the caller's person; raises BadInput when there is none."""
    binding = await parts.store.people.binding(caller.person, role) if "#" not in role else None
    if binding is None or binding.agent_id is None:
        raise BadInput(f'Your person has no agent "{role}" yet.')
    return binding.agent_id


async def _talk(parts: AgentParts, caller: Caller, role: str, text: str, name: str) -> str:
    """Store the message once and wait for what its turn answers."""
    digest = hashlib.blake2b(caller.person.encode(), digest_size=8).hexdigest()
    place = Conversation("web", role, f"mcp-{digest}")
    sender = await parts.sender(caller, place, role)
    if sender is None:
        raise BadInput(f'You may not write to "{role}".')
    message = InboundMessage(
        event_id=f"mcp:{caller.agent}:{name}",
        conversation=place,
        sender=sender,
        text=f'[From the agent "{caller.role}", not from your person.]\n{text}',
        sent_at=parts.clock.now(),
        role=role,
    )
    await parts.wake(message)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await _answer(parts.store, message)
    except TimeoutError:
        return f'"{role}" is not done yet. Ask again with the id "{name}" to read its answer.'


async def _answer(store: Store, message: InboundMessage) -> str:
    pause = 0.05
    while (entries := await store.history.answer(message)) is None:
        await asyncio.sleep(pause)
        pause = min(1.0, pause * 1.5)
    return "\n\n".join(entry.text for entry in entries) or "It had nothing to say."


async def _rewrite(
    parts: AgentParts, caller: Caller, agent: AgentId, label: str, value: str
) -> None:
    """Replace a block, with a note of what stood there. Raises BadInput."""
    memory, edits = _memory(parts), parts.store.memory_edits
    block = _writable(await memory.blocks(agent), label, value)
    edit = MemoryEdit(agent, label, block.value, value, caller.person, parts.clock.now())
    await edits.add(edit)
    if not await memory.write(agent, label, value, was=block.value):
        await edits.drop(edit)
        raise BadInput("Somebody changed it at the same moment. Read it again first.")


def _memory(parts: AgentParts) -> AgentMemory:
    if parts.memory is None:
        raise BadInput("Agents here keep no memory that could be read.")
    return parts.memory


def _writable(blocks: list[MemoryBlock], label: str, value: str) -> MemoryBlock:
    block = next((each for each in blocks if each.label == label), None)
    if block is None:
        known = ", ".join(each.label for each in blocks)
        raise BadInput(f'There is no part "{label}" in its memory. There is {known}.')
    if block.is_read_only:
        raise BadInput(f"[{label}] can not be changed.")
    if len(value) > block.limit:
        raise BadInput(f"[{label}] has up to {block.limit:,} characters.")
    return block
