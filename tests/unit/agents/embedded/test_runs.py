"""A run that is stored starts, and ends, whatever is wrong with what it has to read."""

import sqlite3
from contextlib import closing
from pathlib import Path

from agents.embedded import EmbeddedOptions
from agents.embedded.ids import new_uuid
from agents.embedded.records import Run, TurnRequest, UserSaid
from agents.embedded.rest.deps import Services
from agents.embedded.server import open_services
from agents.embedded.services.agents import NewAgent
from agents.embedded.services.turns import Said, TurnInput


async def _turn(services: Services, thread: str) -> Run:
    said = (Said(UserSaid("hello"), str(new_uuid())),)
    begun = await services.runs.start(TurnInput(thread, TurnRequest(), said, ()))
    return await services.runs.wait(begun.id)


def _execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(sql)


async def test_a_turn_that_cannot_read_its_agent_fails_and_leaves_the_thread_free(
    tmp_path: Path,
) -> None:
    path = tmp_path / "letta.db"
    async with open_services(EmbeddedOptions(path, word_delay_seconds=0)) as services:
        new = NewAgent("ada", "letta_v1_agent", None, "postern/offline", (), {})
        agent = (await services.agents.create(new)).agent
        thread = (await services.conversations.create(agent.id, None, {})).id

        _execute(path, "UPDATE agents SET settings = 'no JSON'")
        failed = await _turn(services, thread)
        _execute(path, "UPDATE agents SET settings = '{}'")
        answered = await _turn(services, thread)

    assert (failed.status, failed.stop_reason) == ("failed", "error")
    assert (answered.status, answered.stop_reason) == ("completed", "end_turn")
