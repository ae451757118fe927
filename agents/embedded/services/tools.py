"""Tools as REST sees them: core tools are here from the start, others are only kept.

A stored Python tool is described to the model but never run: that would run a client's code
as this process. Tools that act belong to the client, offered with each turn.
"""

import sqlite3

from agents.embedded.errors import NotFound, Refused
from agents.embedded.records import Tool
from agents.embedded.steps.core_tools import CORE_TOOLS, records
from agents.embedded.store import tools
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page


class ToolService:
    """Everything REST may do to a tool. Unknown ids raise NotFound."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    async def delete(self, tool_id: str) -> None:
        """Remove a tool; Refused for core tools."""
        if (await self.get(tool_id)).name in CORE_TOOLS:
            raise Refused("Core tools cannot be removed; detach them from an agent instead.")
        await self._database.write(lambda db: tools.delete(db, tool_id))
