"""What people changed of their agents' memory, to be undone."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.memory import MemoryEdit
from gateway.ports import Store
from tests.contracts.store.words import at

COACH = AgentId("agent-1")
EDIT = MemoryEdit(COACH, "human", "likes tea", "likes coffee", PersonId("ada"), at(0))
LATER = replace(EDIT, before="likes coffee", after="likes \N{HOT BEVERAGE}", at=at(9))


async def test_without_an_edit_there_is_none(store: Store) -> None:
    assert await store.memory_edits.newest(COACH, "human") is None


async def test_the_newest_edit_of_a_block_is_found(store: Store) -> None:
    await store.memory_edits.add(LATER)
    await store.memory_edits.add(EDIT)

    assert await store.memory_edits.newest(COACH, "human") == LATER
    assert await store.memory_edits.newest(COACH, "persona") is None
    assert await store.memory_edits.newest(AgentId("agent-2"), "human") is None


async def test_the_same_edit_is_kept_once(store: Store) -> None:
    await store.memory_edits.add(EDIT)
    await store.memory_edits.add(EDIT)

    log = [entry.kind for entry in await store.history.audit(0, 100)]
    assert log.count(AuditKind.MEMORY_EDITED) == 1


async def test_an_edit_that_was_never_made_is_forgotten(store: Store) -> None:
    await store.memory_edits.add(EDIT)
    await store.memory_edits.add(LATER)

    await store.memory_edits.drop(LATER)
    await store.memory_edits.drop(LATER)

    assert await store.memory_edits.newest(COACH, "human") == EDIT


async def test_the_log_names_the_block_and_never_its_text(store: Store) -> None:
    await store.memory_edits.add(EDIT)

    (entry,) = await store.history.audit(0, 100)
    assert (entry.subject, entry.ref, entry.data) == ("ada", COACH, {"label": "human"})
