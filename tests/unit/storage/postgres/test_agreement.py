"""Any history of calls, on Postgres as in dictionaries: the same answers and the same audit log."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.postgres import PostgresStore
from storage.postgres.client import connect
from tests.fakes.postgres import postgres_schema
from tests.unit.storage.postgres.invariants import check_invariants
from tests.unit.storage.test_stores_agree import FEW, PLAIN_STEPS, Step, Story, compare, draft


def drafts(which: int, last: int) -> Step:
    """Open drafts in order, as streaming does: then no ending both drops and adds one."""
    each = [draft(which, index) for index in range(last + 1)]

    async def step(story: Story) -> None:
        for one in each:
            await one(story)

    return step


STEPS = PLAIN_STEPS | st.builds(drafts, FEW, FEW)
# The others give a number again when its draft was dropped unseen; Postgres never does.
FORGET_DROPPED = """
SELECT setval('place', greatest(1, newest), newest > 0) FROM (
    SELECT greatest((SELECT max(seq) FROM inbox), (SELECT max(seq) FROM delivery), 0) AS newest
) AS numbers
"""


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=20, max_size=60))
async def test_postgres_tells_the_same_story_as_memory(steps: list[Step]) -> None:
    async with postgres_schema() as url:
        story = Story(MemoryStore(), PostgresStore(url, is_listening=False))
        await story.memory.open()
        await story.sqlite.open()
        connection = await connect(url)
        try:
            for step in steps:
                await step(story)
                await connection.fetch(FORGET_DROPPED)
            await compare(story)
        finally:
            await connection.close()
            await story.sqlite.close()
        await check_invariants(url)
