"""Folders: uploaded files that agents open, grep and search."""

import pytest
from letta_client import AsyncLetta, BadRequestError, ConflictError, NotFoundError

from tests.contracts.letta_api.heard import say

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUIDE = "# Guide\n\nThe harbour opens at nine.\nBoats leave every hour.\n"


async def _folder(client: AsyncLetta) -> str:
    for old in (await client.folders.list(name="docs")).items:
        await client.folders.delete(old.id)
    folder = await client.folders.create(name="docs", description="d")
    await client.folders.files.upload(folder.id, file=("guide.md", GUIDE.encode(), "text/markdown"))
    return folder.id


async def test_a_folder_is_what_it_was_made_until_it_is_removed(client: AsyncLetta) -> None:
    made = await client.folders.create(name="mine", instructions="Look here.", metadata={"a": 1})

    changed = await client.folders.update(made.id, description="new")

    assert (changed.name, changed.description) == ("mine", "new")
    assert (changed.instructions, changed.metadata) == ("Look here.", {"a": 1})
    assert [one.id for one in (await client.folders.list(name="mine")).items] == [made.id]
    await client.folders.delete(made.id)
    with pytest.raises(NotFoundError):
        await client.folders.retrieve(made.id)


async def test_no_two_folders_have_one_name(client: AsyncLetta) -> None:
    first, other = [await client.folders.create(name=name) for name in ("one", "other")]

    with pytest.raises(ConflictError, match="unique constraint was violated"):
        await client.folders.create(name="one")
    with pytest.raises(ConflictError, match="unique constraint was violated"):
        await client.folders.update(other.id, name="one")

    assert (await client.folders.update(first.id, name="one")).name == "one"


async def test_an_uploaded_file_is_kept_byte_for_byte_and_completed(client: AsyncLetta) -> None:
    folder = await client.folders.create(name="bytes")
    content = 'a\r\n--b\r\n\r\n"c"\n\nÄ — 🙂\r\n'

    await client.folders.files.upload(folder.id, file=("x y.txt", content.encode(), "text/plain"))

    (file,) = (await client.folders.files.list(folder.id, include_content=True)).items
    assert (file.file_name, file.processing_status) == ("x y.txt", "completed")
    assert (file.content, file.file_size) == (content, len(content.encode()))


async def test_a_file_that_is_no_text_says_so_in_its_status(client: AsyncLetta) -> None:
    folder = await client.folders.create(name="pictures")

    png = b"\x89PNG\r\n\x1a\n\x00\xff"
    file = await client.folders.files.upload(folder.id, file=("a.png", png, "image/png"))

    assert file.processing_status == "error"
    assert file.error_message
    assert "not text" in file.error_message


async def test_same_names_are_handled_as_asked(client: AsyncLetta) -> None:
    folder = await _folder(client)
    again = ("guide.md", b"other", "text/markdown")

    suffixed = await client.folders.files.upload(folder, file=again)
    skipped = await client.folders.files.upload(folder, file=again, duplicate_handling="skip")
    replaced = await client.folders.files.upload(folder, file=again, duplicate_handling="replace")

    assert suffixed.file_name == "guide_(1).md"
    assert skipped.file_size == len(GUIDE)
    assert replaced.file_size == len("other")
    with pytest.raises(ConflictError):
        await client.folders.files.upload(folder, file=again, duplicate_handling="error")
    assert len((await client.folders.files.list(folder)).items) == 2


async def test_a_file_over_the_limit_is_refused(client: AsyncLetta) -> None:
    folder = await client.folders.create(name="big")

    with pytest.raises(BadRequestError, match="may have"):
        await client.folders.files.upload(folder.id, file=("a.txt", b"x" * 11_000_000))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ('open_files {"file_requests":[{"file_name":"docs/guide.md"}]}', "3: The harbour opens"),
        ('open_files {"file_requests":[{"file_name":"guide.md","offset":3}]}', "4: Boats leave"),
        ('open_files {"file_requests":[{"file_name":"no.md"}]}', 'no file "no.md"'),
        ('open_files {"file_requests":"guide.md"}', "must be a list"),
        ('grep_files {"pattern":"HARBOUR|lighthouse"}', "docs/guide.md:3"),
        ('grep_files {"pattern":"harbour","include":"*.txt"}', "Nothing was found"),
        ('semantic_search_files {"query":"when do boats leave?"}', "Boats leave every hour"),
        ('semantic_search_files {"query":"volcano"}', "Nothing was found"),
    ],
)
async def test_agents_look_into_attached_folders(client: AsyncLetta, call: str, told: str) -> None:
    folder = await _folder(client)
    agent = await client.agents.create(name="reader")
    thread = (await client.conversations.create(agent_id=agent.id)).id
    await client.agents.folders.attach(folder, agent_id=agent.id)

    heard = await say(client, thread, f"call {call}")

    assert told in heard.text


async def test_a_detached_folder_is_out_of_sight(client: AsyncLetta) -> None:
    folder = await _folder(client)
    agent = await client.agents.create(name="reader")
    thread = (await client.conversations.create(agent_id=agent.id)).id
    await client.agents.folders.attach(folder, agent_id=agent.id)
    files = (await client.agents.files.list(agent.id)).files
    tools = {tool.name for tool in (await client.agents.tools.list(agent.id)).items}

    await client.agents.folders.detach(folder, agent_id=agent.id)

    assert [file.file_name for file in files] == ["docs/guide.md"]
    assert {"open_files", "grep_files", "semantic_search_files"} <= tools
    left = {tool.name for tool in (await client.agents.tools.list(agent.id)).items}
    assert "open_files" not in left
    assert (await client.agents.folders.list(agent.id)).items == []
    heard = await say(client, thread, 'call grep_files {"pattern":"harbour"}')
    assert "Nothing was found" in heard.text


async def test_a_removed_file_is_found_no_more(client: AsyncLetta) -> None:
    folder = await _folder(client)
    agent = await client.agents.create(name="reader")
    thread = (await client.conversations.create(agent_id=agent.id)).id
    await client.agents.folders.attach(folder, agent_id=agent.id)
    (file,) = (await client.folders.files.list(folder)).items

    await client.folders.files.delete(file.id, folder_id=folder)

    heard = await say(client, thread, 'call semantic_search_files {"query":"boats"}')
    assert "Nothing was found" in heard.text
