"""Tools as REST sees them: core tools are here from the start, others are stored as source.

A stored Python tool is read for its description and run in the sandbox, never in this process.
"""

import json
import sqlite3
from datetime import UTC, datetime

from agents.embedded.errors import NotFound, Refused
from agents.embedded.records import Json, Tool, ToolCall
from agents.embedded.sandbox.sandbox import Outcome
from agents.embedded.steps.core_tools import CORE_TOOLS, ToolContext, execute, records
from agents.embedded.steps.user_tools import UserTools
from agents.embedded.store import tools
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page


class ToolService:
    """Everything REST may do to a tool. Unknown ids raise NotFound."""

    def __init__(self, database: Database, user_tools: UserTools) -> None:
        self._database = database
        self._user_tools = user_tools

    async def store_core_tools(self) -> None:
        """Make the core tools known, or bring their descriptions up to date."""

        def store(db: sqlite3.Connection) -> None:
            for tool in records():
                tools.upsert(db, tool)

        await self._database.write(store)

    async def upsert(self, tool: Tool) -> Tool:
        """Store a tool under its name; Refused for the name of a core tool."""
        if tool.name in CORE_TOOLS:
            raise Refused(f'"{tool.name}" is a core tool and cannot be replaced.')
        return await self._database.write(lambda db: tools.upsert(db, tool))

    async def get(self, tool_id: str) -> Tool:
        """One tool."""
        tool = await self._database.read(lambda db: tools.get(db, tool_id))
        if tool is None:
            raise NotFound(f"Tool with ID {tool_id} not found")
        return tool

    async def list_page(self, name: str | None, page: Page) -> list[Tool]:
        """A page of tools."""
        return await self._database.read(lambda db: tools.list_page(db, name, page))

    async def run(self, agent_id: str, name: str, arguments: Json) -> Outcome:
        """Call a tool the agent has, outside of any turn; NotFound when it has none such."""
        held = await self._database.read(lambda db: tools.of_agent(db, agent_id))
        tool = next((tool for tool in held if tool.name == name), None)
        if tool is None:
            raise NotFound(f"Tool {name} is not attached to agent {agent_id}")
        if tool.source_code is not None:
            schema = tool.parameters
            return await self._user_tools.call(tool.source_code, name, schema, arguments)
        call = ToolCall("call", name, json.dumps(arguments))
        moment = datetime.now(UTC).isoformat()
        returned = await self._database.write(
            lambda db: execute(ToolContext(db, agent_id, moment, ""), call)
        )
        return Outcome(returned.status, returned.text)

    async def delete(self, tool_id: str) -> None:
        """Remove a tool; Refused for core tools."""
        if (await self.get(tool_id)).name in CORE_TOOLS:
            raise Refused("Core tools cannot be removed; detach them from an agent instead.")
        await self._database.write(lambda db: tools.delete(db, tool_id))
