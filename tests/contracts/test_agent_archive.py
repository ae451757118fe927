"""What the gateway relies on in every archival memory, wherever the agents live."""

from __future__ import annotations

import pytest

from gateway.domain.ids import AgentId
from gateway.errors import RunFailed
from gateway.ports import AgentArchive
from tests.contracts.minds import Minds

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def archive(minds: Minds) -> AgentArchive:
    assert minds.archive is not None
    return minds.archive


async def test_a_new_agent_has_put_nothing_away(archive: AgentArchive, agent: AgentId) -> None:
    assert await archive.newest(agent, 10) == []
    assert await archive.passages(agent, 10) == []
    assert await archive.search(agent, "anything", 10) == []


async def test_what_is_added_is_listed_and_found(archive: AgentArchive, agent: AgentId) -> None:
    assert await archive.add(agent, "The tower stands in Paris.")
    assert await archive.add(agent, "Fishes swim in 100 % of\nall wäter_.")

    (found, *_) = await archive.search(agent, "tower Paris", 10)

    assert found.text == "The tower stands in Paris."
    newest = [each.text for each in await archive.newest(agent, 10)]
    assert newest == ["Fishes swim in 100 % of\nall wäter_.", "The tower stands in Paris."]


async def test_the_newest_are_as_many_as_asked_for(archive: AgentArchive, agent: AgentId) -> None:
    for number in range(3):
        await archive.add(agent, f"fact {number}")

    assert [each.text for each in await archive.newest(agent, 2)] == ["fact 2", "fact 1"]
    assert len(await archive.search(agent, "fact", 2)) == 2


async def test_all_are_read_page_by_page_oldest_first(
    archive: AgentArchive, agent: AgentId
) -> None:
    for number in range(5):
        await archive.add(agent, f"fact {number}")

    first = await archive.passages(agent, 3)
    second = await archive.passages(agent, 3, first[-1].id)

    assert [each.text for each in (*first, *second)] == [f"fact {number}" for number in range(5)]
    assert await archive.passages(agent, 3, second[-1].id) == []


@pytest.mark.parametrize(
    "text", ["A fact.", "x" * 3_000, "50 % of \\ what_is 'quoted'", "a\x00b", "\\"]
)
async def test_the_same_again_is_kept_once(
    archive: AgentArchive, agent: AgentId, text: str
) -> None:
    assert await archive.add(agent, text)

    assert not await archive.add(agent, text)
    assert await archive.add(agent, f"{text}!")
    assert len(await archive.passages(agent, 10)) == 2


async def test_no_agent_finds_what_another_put_away(minds: Minds, archive: AgentArchive) -> None:
    one, other = await minds.new_agent(), await minds.new_agent()
    await archive.add(one, "a secret")

    assert await archive.search(other, "secret", 10) == []
    assert await archive.newest(other, 10) == []


async def test_a_deleted_agents_archive_is_gone(minds: Minds, archive: AgentArchive) -> None:
    assert minds.memory is not None
    agent = await minds.new_agent()
    await archive.add(agent, "a secret")

    await minds.memory.delete(agent)

    with pytest.raises(RunFailed, match="can not be found"):
        await archive.newest(agent, 10)
    with pytest.raises(RunFailed, match="can not be found"):
        await archive.add(agent, "more")
