"""Documents and logs of agents."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.domain.ids import AgentId
from gateway.errors import BadInput
from storage.artifacts import ActivityLog, AgentStorage, LocalArtifacts

ADA, BOB = AgentId("agent-ada"), AgentId("agent-bob")


@pytest.fixture
def storage(tmp_path: Path) -> AgentStorage:
    clock = SystemClock()
    log = ActivityLog(tmp_path / "logs", clock)
    return AgentStorage(LocalArtifacts(tmp_path / "artifacts", clock), log)


async def test_an_agent_has_its_own_documents(storage: AgentStorage) -> None:
    await storage.save_document(ADA, "notes.md", b"# Ada")
    await storage.save_document(BOB, "notes.md", b"# Bob")
    await storage.save_document(ADA, "reports/may.pdf", b"%PDF")

    assert await storage.load_document(ADA, "notes.md") == b"# Ada"
    assert await storage.list_documents(ADA) == ["notes.md", "reports/may.pdf"]
    assert await storage.delete_document(ADA, "notes.md")
    assert await storage.load_document(ADA, "notes.md") is None
    assert await storage.load_document(BOB, "notes.md") == b"# Bob"


async def test_the_log_is_read_in_the_order_it_was_written(storage: AgentStorage) -> None:
    for number in range(5):
        await storage.append_log(ADA, {"did": number})

    entries = await storage.read_log(ADA, limit=3)

    assert [entry["did"] for entry in entries] == [2, 3, 4]
    assert all(isinstance(entry["at"], str) for entry in entries)
    assert await storage.read_log(BOB) == []


async def test_lines_written_at_once_stay_whole(storage: AgentStorage) -> None:
    await asyncio.gather(*(storage.append_log(ADA, {"text": "ä" * 5000}) for _ in range(20)))

    assert [entry["text"] for entry in await storage.read_log(ADA)] == ["ä" * 5000] * 20


async def test_a_line_that_a_crash_cut_off_spoils_no_other(
    storage: AgentStorage, tmp_path: Path
) -> None:
    await storage.append_log(ADA, {"did": 1})
    with (tmp_path / "logs" / f"{ADA}.jsonl").open("ab") as file:
        file.write(b'{"did": 2, "tex')

    await storage.append_log(ADA, {"did": 3})

    assert [entry["did"] for entry in await storage.read_log(ADA)] == [1, 3]


@pytest.mark.parametrize("agent", ["", "..", "a/b", "../a", ".hidden", "a\0"])
async def test_no_agent_id_leads_elsewhere(storage: AgentStorage, agent: str) -> None:
    with pytest.raises(BadInput):
        await storage.append_log(AgentId(agent), {})
    with pytest.raises(BadInput):
        await storage.save_document(AgentId(agent), "a.md", b"x")


@pytest.mark.parametrize("value", [object(), math.nan, "x" * 70_000])
async def test_what_is_no_json_or_too_long_is_refused(storage: AgentStorage, value: object) -> None:
    with pytest.raises(BadInput):
        await storage.append_log(ADA, {"value": value})
