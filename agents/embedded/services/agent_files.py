"""Agents leave as files and come in as files: the transactions around `agent_file`."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.embedded.ids import new_id
from agents.embedded.records import Block, Json, Message, Tool
from agents.embedded.services.agent_file import (
    AgentFile,
    Exported,
    FileAgent,
    FileBlock,
    FileTool,
    history_in,
    write_agent_file,
)
from agents.embedded.services.agents import NewAgent, insert_agent, need_agent
from agents.embedded.services.tool_schema import describe_function
from agents.embedded.steps.core_tools import CORE_TOOLS
from agents.embedded.store import blocks, messages, tools
from agents.embedded.store.database import Database


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be taken in."""

    model: str
    """The handle imported agents think with: a file's own names another server's."""
    name: str | None = None
    suffix: str = ""
    strip_messages: bool = False
    replace_tools: bool = True


class AgentFileService:
    """Export and import. Unknown ids raise NotFound; a file that cannot be is Refused."""

    def __init__(self, database: Database, context_window: int) -> None:
        self._database = database
        self._context_window = context_window

    async def export(self, agent_id: str, thread: str, *, scrub: bool) -> Json:
        """The file of one agent with what was said in this thread of its."""
        moment = datetime.now(UTC).isoformat()

        def read(db: sqlite3.Connection) -> Exported:
            return Exported(
                need_agent(db, agent_id),
                self._context_window,
                blocks.of_agent(db, agent_id),
                tools.of_agent(db, agent_id),
                [] if scrub else messages.after(db, thread, 0),
            )

        return write_agent_file(await self._database.read(read), moment)

    async def import_(self, file: AgentFile, options: ImportOptions) -> list[str]:
        """Make the file's agents, all or none; gives their ids."""
        moment = datetime.now(UTC).isoformat()
        return await self._database.write(lambda db: _import(db, file, options, moment))


def _import(
    db: sqlite3.Connection, file: AgentFile, options: ImportOptions, moment: str
) -> list[str]:
    block_ids = {block.id: _new_block(db, block) for block in file.blocks}
    tool_ids = {tool.id: _tool_id(db, tool, options) for tool in file.tools}
    made: list[str] = []
    for item in file.agents:
        new = NewAgent(
            name=options.name or f"{item.name}{options.suffix}",
            agent_type=item.agent_type,
            system=item.system,
            model=options.model,
            tags=tuple(item.tags or ()),
            settings=_settings(item),
            block_ids=tuple(block_ids[one] for one in item.block_ids or ()),
            tool_ids=tuple(known for one in item.tool_ids or () if (known := tool_ids[one])),
            include_base_tools=False,
        )
        agent_id = insert_agent(db, new, moment)
        made.append(agent_id)
        if not options.strip_messages:
            _insert_history(db, agent_id, item, moment)
    return made


def _settings(agent: FileAgent) -> Json:
    given = {
        "description": agent.description,
        "metadata": agent.metadata,
        "timezone": agent.timezone,
    }
    return {key: value for key, value in given.items() if value is not None}


def _new_block(db: sqlite3.Connection, block: FileBlock) -> str:
    made = Block(
        id=new_id("block"),
        label=block.label,
        value=block.value,
        limit=max(block.limit, len(block.value)),
        description=block.description,
        read_only=bool(block.read_only),
        metadata=block.metadata or {},
        tags=tuple(block.tags or ()),
    )
    blocks.insert(db, made)
    return made.id


def _tool_id(db: sqlite3.Connection, tool: FileTool, options: ImportOptions) -> str | None:
    """Ours of this name, or the file's own stored; None for one that cannot run here."""
    known = tools.named(db, [tool.name])
    if known and (tool.name in CORE_TOOLS or not options.replace_tools):
        return known[0].id
    if tool.source_code is None or tool.tool_type != "custom":
        return known[0].id if known else None
    described = describe_function(tool.source_code)
    given = tool.json_schema or {}
    made = Tool(
        id=new_id("tool"),
        name=described.name,
        description=tool.description or described.description,
        parameters=given.get("parameters") or described.parameters,
        tool_type="custom",
        source_code=tool.source_code,
        tags=tuple(tool.tags or ()),
    )
    return tools.upsert(db, made).id


def _insert_history(db: sqlite3.Connection, agent_id: str, agent: FileAgent, moment: str) -> None:
    for body in history_in(agent):
        messages.insert(db, Message(new_id("message"), agent_id, agent_id, body, moment))
