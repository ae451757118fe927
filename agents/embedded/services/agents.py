"""Agents: made with their blocks, tools and default thread, changed, found, removed."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from agents.embedded.errors import Conflict, NotFound
from agents.embedded.ids import new_id
from agents.embedded.memory.rendering import DEFAULT_SYSTEM
from agents.embedded.records import Agent, Block, Conversation, Json, Message, Tool
from agents.embedded.services.blocks import checked_block, need_block
from agents.embedded.services.runs import RunService
from agents.embedded.steps.core_tools import base_tools
from agents.embedded.store import agents, blocks, conversations, messages, tools
from agents.embedded.store.agents import AgentFilter
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page
from agents.embedded.wire import AgentView


@dataclass(frozen=True, slots=True)
class NewAgent:
    """How an agent is to be made."""

    name: str
    agent_type: str
    system: str | None
    model: str
    tags: tuple[str, ...]
    settings: Json
    blocks: tuple[Block, ...] = ()
    block_ids: tuple[str, ...] = ()
    tool_ids: tuple[str, ...] = ()
    tool_names: tuple[str, ...] = ()
    include_base_tools: bool = True


@dataclass(frozen=True, slots=True)
class AgentChange:
    """What is to be different; None leaves a thing as it is."""

    name: str | None = None
    system: str | None = None
    model: str | None = None
    tags: tuple[str, ...] | None = None
    settings: Json | None = None
    block_ids: tuple[str, ...] | None = None
    tool_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Included:
    """Which belongings an answer shows; Letta shows none unless asked."""

    blocks: bool = False
    tools: bool = False
    tags: bool = False
    pending: bool = False


EVERYTHING = Included(blocks=True, tools=True, tags=True, pending=True)


class AgentService:
    """Everything REST may do to an agent. Unknown ids raise NotFound."""

    def __init__(self, database: Database, runs: RunService, context_window: int) -> None:
        self._database = database
        self._runs = runs
        self._context_window = context_window

    async def create(self, new: NewAgent) -> AgentView:
        """Make an agent with everything that belongs to it, or nothing at all."""
        moment = _now()
        agent_id = await self._database.write(lambda db: insert_agent(db, new, moment))
        return await self.view(agent_id, EVERYTHING)

    async def view(self, agent_id: str, included: Included) -> AgentView:
        """One agent."""
        return await self._database.read(
            lambda db: self._view(db, need_agent(db, agent_id), included)
        )

    async def list_page(
        self, wanted: AgentFilter, page: Page, included: Included
    ) -> list[AgentView]:
        """A page of agents."""
        return await self._database.read(
            lambda db: [
                self._view(db, agent, included) for agent in agents.list_page(db, wanted, page)
            ]
        )

    async def update(self, agent_id: str, change: AgentChange) -> AgentView:
        """Change an agent."""
        moment = _now()
        await self._database.write(lambda db: _update(db, agent_id, change, moment))
        return await self.view(agent_id, EVERYTHING)

    async def delete(self, agent_id: str) -> None:
        """Stop an agent's turns and remove it with all that is only its own."""
        await self._runs.stop_agent(agent_id)
        if not await self._database.write(lambda db: agents.delete(db, agent_id)):
            raise NotFound(f"Agent with ID {agent_id} not found")

    async def tools(self, agent_id: str) -> list[Tool]:
        """The tools an agent has."""
        return list((await self.view(agent_id, Included(tools=True))).tools)

    async def attach_tool(self, agent_id: str, tool_id: str) -> AgentView:
        """Give a stored tool to an agent."""

        def attach(db: sqlite3.Connection) -> None:
            need_agent(db, agent_id)
            tools.attach(db, agent_id, need_tool(db, tool_id).id)

        await self._database.write(attach)
        return await self.view(agent_id, EVERYTHING)

    async def detach_tool(self, agent_id: str, tool_id: str) -> AgentView:
        """Take a tool from an agent."""
        await self._database.write(lambda db: tools.detach(db, agent_id, tool_id))
        return await self.view(agent_id, EVERYTHING)

    async def tags(self) -> list[str]:
        """Every tag in use."""
        return await self._database.read(agents.list_tags)

    def _view(self, db: sqlite3.Connection, agent: Agent, included: Included) -> AgentView:
        return AgentView(
            agent,
            self._context_window,
            blocks.of_agent(db, agent.id) if included.blocks else (),
            tools.of_agent(db, agent.id) if included.tools else (),
            with_tags=included.tags,
            pending=_pending(db, agent.id) if included.pending else None,
        )


def _pending(db: sqlite3.Connection, agent_id: str) -> Message | None:
    message_id = conversations.pending_message(db, agent_id)
    return None if message_id is None else messages.get(db, message_id)


def need_agent(db: sqlite3.Connection, agent_id: str) -> Agent:
    """The agent; raises NotFound."""
    agent = agents.get(db, agent_id)
    if agent is None:
        raise NotFound(f"Agent with ID {agent_id} not found")
    return agent


def need_tool(db: sqlite3.Connection, tool_id: str) -> Tool:
    """The tool; raises NotFound."""
    tool = tools.get(db, tool_id)
    if tool is None:
        raise NotFound(f"Tool with ID {tool_id} not found")
    return tool


def insert_agent(db: sqlite3.Connection, new: NewAgent, moment: str) -> str:
    """Make an agent with all that belongs to it, in this transaction; gives its id."""
    agent = Agent(
        id=new_id("agent"),
        name=new.name,
        agent_type=new.agent_type,
        system=new.system or DEFAULT_SYSTEM,
        model=new.model,
        created_at=moment,
        updated_at=moment,
        tags=new.tags,
        settings=new.settings,
    )
    agents.insert(db, agent)
    conversations.insert(db, Conversation(agent.id, agent.id, moment, moment))
    for block in new.blocks:
        blocks.insert(db, checked_block(block))
    _attach_blocks(db, agent.id, [*[block.id for block in new.blocks], *new.block_ids])
    base = base_tools(new.agent_type) if new.include_base_tools else ()
    _attach_named(db, agent.id, [*base, *new.tool_names])
    for tool_id in new.tool_ids:
        tools.attach(db, agent.id, need_tool(db, tool_id).id)
    return agent.id


def _attach_blocks(db: sqlite3.Connection, agent_id: str, block_ids: Sequence[str]) -> None:
    for block_id in block_ids:
        block = need_block(db, block_id)
        if not blocks.attach(db, agent_id, block):
            raise Conflict(f'CONFLICT: The agent already has a block labelled "{block.label}".')


def _attach_named(db: sqlite3.Connection, agent_id: str, names: Sequence[str]) -> None:
    found = tools.named(db, names)
    missing = set(names) - {tool.name for tool in found}
    if missing:
        raise NotFound(f"NOT_FOUND: There is no tool named {', '.join(sorted(missing))}.")
    for tool in found:
        tools.attach(db, agent_id, tool.id)


def _update(db: sqlite3.Connection, agent_id: str, change: AgentChange, moment: str) -> None:
    agent = need_agent(db, agent_id)
    changed = replace(
        agent,
        name=agent.name if change.name is None else change.name,
        system=agent.system if change.system is None else change.system,
        model=agent.model if change.model is None else change.model,
        tags=agent.tags if change.tags is None else change.tags,
        settings={**agent.settings, **(change.settings or {})},
        updated_at=moment,
    )
    agents.update(db, changed)
    if change.block_ids is not None:
        for block in blocks.of_agent(db, agent_id):
            blocks.detach(db, agent_id, block.id)
        _attach_blocks(db, agent_id, change.block_ids)
    if change.tool_ids is not None:
        tools.detach_all(db, agent_id)
        for tool_id in change.tool_ids:
            tools.attach(db, agent_id, need_tool(db, tool_id).id)


def _now() -> str:
    return datetime.now(UTC).isoformat()
