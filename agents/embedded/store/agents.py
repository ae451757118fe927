"""Statements about agents and their tags."""

import sqlite3
from dataclasses import dataclass

from agents.embedded.records import Agent
from agents.embedded.store.codec import dump, load_object
from agents.embedded.store.paging import Page, page_rows


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Which agents a listing shows."""

    name: str | None = None
    query_text: str | None = None
    tags: tuple[str, ...] = ()
    match_all_tags: bool = False


def insert(db: sqlite3.Connection, agent: Agent) -> None:
    """A new agent and its tags."""
    db.execute(
        "INSERT INTO agents (id, name, agent_type, system, model, settings, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            agent.id,
            agent.name,
            agent.agent_type,
            agent.system,
            agent.model,
            dump(agent.settings),
            agent.created_at,
            agent.updated_at,
        ),
    )
    _replace_tags(db, agent)


def update(db: sqlite3.Connection, agent: Agent) -> None:
    """Every changeable field of an agent, tags included."""
    db.execute(
        "UPDATE agents SET name = ?, system = ?, model = ?, settings = ?, updated_at = ?"
        " WHERE id = ?",
        (
            agent.name,
            agent.system,
            agent.model,
            dump(agent.settings),
            agent.updated_at,
            agent.id,
        ),
    )
    _replace_tags(db, agent)


def delete(db: sqlite3.Connection, agent_id: str) -> bool:
    """Remove an agent with its conversations, runs and passages; blocks and tools stay."""
    return db.execute("DELETE FROM agents WHERE id = ?", (agent_id,)).rowcount > 0


def get(db: sqlite3.Connection, agent_id: str) -> Agent | None:
    """One agent."""
    row = db.execute("SELECT * FROM agents WHERE id = ?", (agent_id,)).fetchone()
    return None if row is None else _read(db, row)


def list_page(db: sqlite3.Connection, wanted: AgentFilter, page: Page) -> list[Agent]:
    """A page of the agents that match, in the page's order."""
    where, values = _conditions(wanted)
    return [_read(db, row) for row in page_rows(db, "agents", where, values, page)]


def _conditions(wanted: AgentFilter) -> tuple[list[str], list[object]]:
    where: list[str] = []
    values: list[object] = []
    if wanted.name is not None:
        where.append("name = ?")
        values.append(wanted.name)
    if wanted.query_text:
        where.append("instr(lower(name), lower(?)) > 0")
        values.append(wanted.query_text)
    if wanted.tags:
        needed = len(set(wanted.tags)) if wanted.match_all_tags else 1
        where.append(
            "id IN (SELECT agent_id FROM agent_tags WHERE tag IN"
            " (SELECT value FROM json_each(?)) GROUP BY agent_id HAVING count(*) >= ?)"
        )
        values += [dump(wanted.tags), needed]
    return where, values


def list_tags(db: sqlite3.Connection) -> list[str]:
    """Every tag in use, sorted."""
    rows = db.execute("SELECT DISTINCT tag FROM agent_tags ORDER BY tag").fetchall()
    return [row["tag"] for row in rows]


def _replace_tags(db: sqlite3.Connection, agent: Agent) -> None:
    db.execute("DELETE FROM agent_tags WHERE agent_id = ?", (agent.id,))
    tags = dict.fromkeys(agent.tags)
    db.executemany(
        "INSERT INTO agent_tags (agent_id, tag) VALUES (?, ?)", [(agent.id, tag) for tag in tags]
    )


def _read(db: sqlite3.Connection, row: sqlite3.Row) -> Agent:
    tags = db.execute("SELECT tag FROM agent_tags WHERE agent_id = ? ORDER BY tag", (row["id"],))
    return Agent(
        id=row["id"],
        name=row["name"],
        agent_type=row["agent_type"],
        system=row["system"],
        model=row["model"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        tags=tuple(tag["tag"] for tag in tags),
        settings=load_object(row["settings"]),
    )
