"""What the gateway relies on in the files of agents, wherever the agents live."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.artifacts import Attachment
from gateway.domain.ids import AgentId
from gateway.domain.memory import Ingestion, KnownFile
from gateway.errors import RunFailed
from gateway.ports import AgentFiles
from tests.contracts.minds import Minds
from tests.fakes.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUIDE = b"The harbour opens at nine.\nBoats leave every hour.\n"


@pytest.fixture
def files(minds: Minds) -> AgentFiles:
    assert minds.files is not None
    return minds.files


def named(name: str) -> Attachment:
    return Attachment(name, "text/plain", 1, f"person-1/{name}")


async def read(files: AgentFiles, agent: AgentId) -> list[KnownFile]:
    """Return the files once the server is through with all of them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await files.files(agent)
            if all(each.ingestion is not Ingestion.READING for each in found):
                return found
            await asyncio.sleep(0.2)


async def test_a_new_agent_has_no_files(files: AgentFiles, agent: AgentId) -> None:
    assert await files.files(agent) == []
    assert not await files.remove(agent, "guide.md")


async def test_what_is_added_is_read_and_listed_by_name(files: AgentFiles, agent: AgentId) -> None:
    for name in ("pläne 1.txt", "guide.md"):
        added = await files.add(agent, named(name), GUIDE)
        assert added.name == name

    assert await read(files, agent) == [
        KnownFile("guide.md", len(GUIDE), Ingestion.READY),
        KnownFile("pläne 1.txt", len(GUIDE), Ingestion.READY),
    ]


async def test_the_same_name_again_replaces_the_file(files: AgentFiles, agent: AgentId) -> None:
    await files.add(agent, named("guide.md"), GUIDE)

    await files.add(agent, named("guide.md"), GUIDE * 2)

    assert [each.size_bytes for each in await read(files, agent)] == [len(GUIDE) * 2]


async def test_what_can_not_be_read_says_why(files: AgentFiles, agent: AgentId) -> None:
    await files.add(agent, named("cat.txt"), b"\x89\xff\xfe\x00cat")

    (found,) = await read(files, agent)

    assert found.ingestion is Ingestion.FAILED
    assert found.why
    assert "SQL" not in found.why


async def test_a_kind_of_file_that_is_not_read_is_said_at_once(
    files: AgentFiles, agent: AgentId
) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00"

    added = await files.add(agent, Attachment("cat.png", "image/png", 9, "person-1/cat.png"), png)

    assert (added.name, added.ingestion) == ("cat.png", Ingestion.FAILED)
    assert added.why


async def test_what_is_removed_is_gone(files: AgentFiles, agent: AgentId) -> None:
    for name in ("a.txt", "b.txt"):
        await files.add(agent, named(name), GUIDE)

    assert await files.remove(agent, "a.txt")

    assert [each.name for each in await files.files(agent)] == ["b.txt"]
    assert not await files.remove(agent, "a.txt")


async def test_two_at_once_share_one_place(files: AgentFiles, agent: AgentId) -> None:
    names = [f"{number}.txt" for number in range(3)]

    await asyncio.gather(*(files.add(agent, named(name), GUIDE) for name in names))
    await files.add(agent, named("last.txt"), GUIDE)

    assert [each.name for each in await files.files(agent)] == [*names, "last.txt"]


async def test_no_agent_has_anothers_files(minds: Minds, files: AgentFiles) -> None:
    one, other = await minds.new_agent(), await minds.new_agent()
    await files.add(one, named("secret.txt"), GUIDE)

    assert await files.files(other) == []
    assert not await files.remove(other, "secret.txt")
    assert len(await files.files(one)) == 1


async def test_a_deleted_agents_files_are_gone(minds: Minds, files: AgentFiles) -> None:
    assert minds.memory is not None
    agent = await minds.new_agent()
    await files.add(agent, named("secret.txt"), GUIDE)

    await minds.memory.delete(agent)

    assert await files.files(agent) == []
    with pytest.raises(RunFailed, match="can not be found"):
        await files.add(agent, named("more.txt"), GUIDE)
