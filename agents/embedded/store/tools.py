"""Statements about tools and which agents have them."""

import sqlite3
from collections.abc import Iterable

from agents.embedded.records import Tool
from agents.embedded.store.codec import dump, load_object, load_strings
from agents.embedded.store.paging import Page, page_rows


def upsert(db: sqlite3.Connection, tool: Tool) -> Tool:
    """Store a tool under its name; one that has the name keeps its id."""
    db.execute(
        "INSERT INTO tools (id, name, description, parameters, tool_type, source_code, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " description = excluded.description, parameters = excluded.parameters,"
        " tool_type = excluded.tool_type, source_code = excluded.source_code,"
        " tags = excluded.tags",
        (
            tool.id,
            tool.name,
            tool.description,
            dump(tool.parameters),
            tool.tool_type,
            tool.source_code,
            dump(tool.tags),
        ),
    )
    return named(db, [tool.name])[0]


def get(db: sqlite3.Connection, tool_id: str) -> Tool | None:
    """One tool."""
    row = db.execute("SELECT * FROM tools WHERE id = ?", (tool_id,)).fetchone()
    return None if row is None else _read(row)


def named(db: sqlite3.Connection, names: Iterable[str]) -> list[Tool]:
    """The tools that have one of these names."""
    rows = db.execute(
        "SELECT * FROM tools WHERE name IN (SELECT value FROM json_each(?)) ORDER BY position",
        (dump(list(names)),),
    ).fetchall()
    return [_read(row) for row in rows]


def list_page(db: sqlite3.Connection, name: str | None, page: Page) -> list[Tool]:
    """A page of all tools, or the one with this name."""
    where = [] if name is None else ["name = ?"]
    return [
        _read(row) for row in page_rows(db, "tools", where, [] if name is None else [name], page)
    ]


def delete(db: sqlite3.Connection, tool_id: str) -> bool:
    """Remove a tool, from its agents too."""
    return db.execute("DELETE FROM tools WHERE id = ?", (tool_id,)).rowcount > 0


def attach(db: sqlite3.Connection, agent_id: str, tool_id: str) -> None:
    """Give a tool to an agent; having it already is fine."""
    db.execute(
        "INSERT OR IGNORE INTO agent_tools (agent_id, tool_id) VALUES (?, ?)", (agent_id, tool_id)
    )


def detach(db: sqlite3.Connection, agent_id: str, tool_id: str) -> None:
    """Take a tool from an agent; not having it is fine."""
    db.execute("DELETE FROM agent_tools WHERE agent_id = ? AND tool_id = ?", (agent_id, tool_id))


def detach_all(db: sqlite3.Connection, agent_id: str) -> None:
    """Take every tool from an agent."""
    db.execute("DELETE FROM agent_tools WHERE agent_id = ?", (agent_id,))


def of_agent(db: sqlite3.Connection, agent_id: str) -> list[Tool]:
    """The tools an agent has."""
    rows = db.execute(
        "SELECT tools.* FROM agent_tools JOIN tools ON tools.id = agent_tools.tool_id"
        " WHERE agent_tools.agent_id = ? ORDER BY tools.position",
        (agent_id,),
    ).fetchall()
    return [_read(row) for row in rows]


def _read(row: sqlite3.Row) -> Tool:
    return Tool(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        parameters=load_object(row["parameters"]),
        tool_type=row["tool_type"],
        source_code=row["source_code"],
        tags=load_strings(row["tags"]),
    )
