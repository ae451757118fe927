"""The audit log alone rebuilds where every message, turn and delivery stands."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.sqlite import SqliteStore
from tests.fakes.rebuilt import Rebuilt
from tests.unit.storage.test_stores_agree import RAM, STEPS, Step, Story


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, min_size=10, max_size=60))
async def test_the_audit_log_alone_rebuilds_every_state(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory(dir=RAM) as folder:
        path = Path(folder) / "postern.db"
        story = Story(MemoryStore(), SqliteStore(path))
        await story.memory.open()
        await story.sqlite.open()
        for step in steps:
            await step(story)
        entries = await story.sqlite.history.audit(0, 10_000)
        await story.sqlite.close()

        rebuilt = Rebuilt()
        for entry in entries:
            rebuilt.read(entry)

        assert rebuilt.messages == _messages(path)
        assert rebuilt.turns == _turns(path)
        assert rebuilt.composition == _composition(path)
        assert rebuilt.deliveries == _deliveries(path)
        assert rebuilt.receipts.items() >= _receipts(path).items()


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def _messages(path: Path) -> dict[object, object]:
    states = {0: "accepted", 1: "accepted", 3: "refused", 4: "withdrawn"}
    rows = _rows(path, "SELECT key, state FROM inbox WHERE kind <> 'edit'")
    return {key: states[cast("int", state)] for key, state in rows}


def _turns(path: Path) -> dict[object, object]:
    rows = _rows(path, "SELECT id, state, attempt FROM turn")
    return {turn: (state, attempt) for turn, state, attempt in rows}


def _composition(path: Path) -> dict[object, list[object]]:
    found: dict[object, list[object]] = {}
    for turn, seq in _rows(path, "SELECT turn, seq FROM inbox WHERE turn <> '' ORDER BY seq"):
        found.setdefault(turn, []).append(seq)
    return found


def _deliveries(path: Path) -> dict[object, object]:
    states = ("pending", "sending", "unknown", "sent", "failed")
    rows = _rows(path, "SELECT id, state, revision FROM delivery")
    return {name: (states[cast("int", state)], revision) for name, state, revision in rows}


def _receipts(path: Path) -> dict[object, object]:
    rows = _rows(path, "SELECT id, receipt FROM delivery WHERE receipt <> ''")
    return {row[0]: row[1] for row in rows}
