"""Statements about memory blocks and which agents see them."""

import sqlite3
from dataclasses import dataclass

from agents.embedded.records import Block
from agents.embedded.store.codec import dump, load_object, load_strings
from agents.embedded.store.paging import Page, page_rows


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """Which blocks a listing shows."""

    label: str | None = None
    label_search: str | None = None
    value_search: str | None = None
    tags: tuple[str, ...] = ()
    match_all_tags: bool = False


def insert(db: sqlite3.Connection, block: Block) -> None:
    """A new block, seen by no agent yet."""
    db.execute(
        "INSERT INTO blocks (label, value, char_limit, description, read_only, metadata, tags, id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        _values(block),
    )


def update(db: sqlite3.Connection, block: Block) -> None:
    """Every field of a block; its agents see them in their next step."""
    db.execute(
        "UPDATE blocks SET label = ?, value = ?, char_limit = ?, description = ?, read_only = ?,"
        " metadata = ?, tags = ? WHERE id = ?",
        _values(block),
    )
    db.execute("UPDATE agent_blocks SET label = ? WHERE block_id = ?", (block.label, block.id))


def set_value(db: sqlite3.Connection, block_id: str, value: str) -> None:
    """The text of a block alone."""
    db.execute("UPDATE blocks SET value = ? WHERE id = ?", (value, block_id))


def delete(db: sqlite3.Connection, block_id: str) -> bool:
    """Remove a block, from its agents too."""
    return db.execute("DELETE FROM blocks WHERE id = ?", (block_id,)).rowcount > 0


def get(db: sqlite3.Connection, block_id: str) -> Block | None:
    """One block."""
    row = db.execute("SELECT * FROM blocks WHERE id = ?", (block_id,)).fetchone()
    return None if row is None else _read(row)


def list_page(db: sqlite3.Connection, wanted: BlockFilter, page: Page) -> list[Block]:
    """A page of the blocks that match."""
    where: list[str] = []
    values: list[object] = []
    if wanted.label is not None:
        where.append("label = ?")
        values.append(wanted.label)
    for column, text in (("label", wanted.label_search), ("value", wanted.value_search)):
        if text:
            where.append(f"instr(lower({column}), lower(?)) > 0")
            values.append(text)
    if wanted.tags:
        where.append(
            "(SELECT count(DISTINCT value) FROM json_each(blocks.tags) WHERE value IN"
            " (SELECT value FROM json_each(?))) >= ?"
        )
        values += [dump(wanted.tags), len(set(wanted.tags)) if wanted.match_all_tags else 1]
    return [_read(row) for row in page_rows(db, "blocks", where, values, page)]


def attach(db: sqlite3.Connection, agent_id: str, block: Block) -> bool:
    """Let an agent see a block; False when it already has one with this label."""
    added = db.execute(
        "INSERT OR IGNORE INTO agent_blocks (agent_id, block_id, label, position) VALUES (?, ?, ?,"
        " (SELECT ifnull(max(position), 0) + 1 FROM agent_blocks WHERE agent_id = ?))",
        (agent_id, block.id, block.label, agent_id),
    )
    return added.rowcount > 0


def detach(db: sqlite3.Connection, agent_id: str, block_id: str) -> bool:
    """Take a block from an agent; False when it has none such."""
    removed = db.execute(
        "DELETE FROM agent_blocks WHERE agent_id = ? AND block_id = ?", (agent_id, block_id)
    )
    return removed.rowcount > 0


def of_agent(db: sqlite3.Connection, agent_id: str) -> list[Block]:
    """The blocks an agent sees, in the order they were attached."""
    rows = db.execute(
        "SELECT blocks.* FROM agent_blocks JOIN blocks ON blocks.id = agent_blocks.block_id"
        " WHERE agent_blocks.agent_id = ? ORDER BY agent_blocks.position",
        (agent_id,),
    ).fetchall()
    return [_read(row) for row in rows]


def labelled(db: sqlite3.Connection, agent_id: str, label: str) -> Block | None:
    """The agent's block with this label."""
    row = db.execute(
        "SELECT blocks.* FROM agent_blocks JOIN blocks ON blocks.id = agent_blocks.block_id"
        " WHERE agent_blocks.agent_id = ? AND agent_blocks.label = ?",
        (agent_id, label),
    ).fetchone()
    return None if row is None else _read(row)


def agents_of(db: sqlite3.Connection, block_id: str) -> list[str]:
    """The ids of the agents that see a block."""
    rows = db.execute("SELECT agent_id FROM agent_blocks WHERE block_id = ?", (block_id,))
    return [row["agent_id"] for row in rows]


def _values(block: Block) -> tuple[object, ...]:
    return (
        block.label,
        block.value,
        block.limit,
        block.description,
        int(block.read_only),
        dump(block.metadata),
        dump(block.tags),
        block.id,
    )


def _read(row: sqlite3.Row) -> Block:
    return Block(
        id=row["id"],
        label=row["label"],
        value=row["value"],
        limit=row["char_limit"],
        description=row["description"],
        read_only=bool(row["read_only"]),
        metadata=load_object(row["metadata"]),
        tags=load_strings(row["tags"]),
    )
