"""Agents as files: our own round trip, and a file that Letta 0.16.8 wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from letta_client import AsyncLetta, BadRequestError

from tests.contracts.letta_api.heard import say

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORDED = Path(__file__).with_name("recorded") / "letta_0_16_8.af"
DOUBLE = 'def double(n: int) -> int:\n    """Double it.\n\n    Args:\n        n: The number.\n    """\n    return 2 * n\n'  # noqa: E501 - a source


async def _import(client: AsyncLetta, data: bytes, **options: Any) -> str:
    """Any: the client's own options."""
    (agent_id,) = (await client.agents.import_file(file=("a.af", data), **options)).agent_ids
    return agent_id


async def _said(client: AsyncLetta, agent_id: str) -> list[tuple[str, str]]:
    items = (await client.agents.messages.list(agent_id, order="asc")).items
    parts = [item.to_dict() for item in items]
    return [(str(part["message_type"]), str(part.get("content", ""))) for part in parts]


async def test_an_exported_agent_comes_back_the_same(client: AsyncLetta) -> None:
    tool = await client.tools.upsert(source_code=DOUBLE)
    made = await client.agents.create(
        name="traveller",
        tags=["t"],
        system="Be kind.",
        metadata={"k": 1},
        tool_ids=[tool.id],
        memory_blocks=[{"label": "human", "value": "Name: Ada", "limit": 300}],
    )
    await client.agents.messages.create(made.id, input='call double {"n": 4}\nsay eight')

    text = await client.agents.export_file(made.id)
    copied = await _import(client, text.encode())

    copy = await client.agents.retrieve(
        copied, include=["agent.blocks", "agent.tools", "agent.tags"]
    )
    assert (copy.name, copy.system, copy.tags, copy.metadata) == (
        "traveller_copy",
        "Be kind.",
        ["t"],
        {"k": 1},
    )
    assert [(one.label, one.value, one.limit) for one in copy.blocks] == [
        ("human", "Name: Ada", 300)
    ]
    assert {one.name for one in copy.tools} == {one.name for one in made.tools}
    assert await _said(client, copied) == await _said(client, made.id)
    thread = (await client.conversations.create(agent_id=copied)).id
    assert (await say(client, thread, 'call double {"n": 5}')).text == "tool said: 10"


async def test_a_file_of_letta_itself_is_taken_in(client: AsyncLetta) -> None:
    agent_id = await _import(client, RECORDED.read_bytes())

    agent = await client.agents.retrieve(agent_id, include=["agent.blocks", "agent.tools"])
    assert (agent.name, agent.blocks[0].value) == ("exp_copy", "Name: Ada")
    assert {"add", "memory_insert", "memory_replace", "conversation_search"} == {
        tool.name for tool in agent.tools
    }
    assert [kind for kind, _ in await _said(client, agent_id)] == [
        "user_message",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
    ]
    again = await client.agents.messages.create(agent_id, input='call add {"a": 5}')
    assert "6" in str(again.messages[-1].to_dict()["content"])


async def test_our_files_have_the_shape_of_lettas(client: AsyncLetta) -> None:
    agent_id = await _import(client, RECORDED.read_bytes())
    theirs: dict[str, Any] = json.loads(RECORDED.read_text("utf-8"))

    ours: dict[str, Any] = json.loads(await client.agents.export_file(agent_id))

    assert set(ours) == set(theirs)
    for kind in ("agents", "blocks", "tools"):
        assert set(ours[kind][0]) <= set(theirs[kind][0])
    roles = [message["role"] for message in theirs["agents"][0]["messages"]]
    assert [message["role"] for message in ours["agents"][0]["messages"]] == roles


async def test_options_of_an_import_are_kept_to(client: AsyncLetta) -> None:
    data = RECORDED.read_bytes()

    copy = await _import(client, data, append_copy_suffix=False, strip_messages=True)
    named = await _import(client, data, name="other")

    assert (await client.agents.retrieve(copy)).name == "exp"
    assert await _said(client, copy) == []
    assert (await client.agents.retrieve(named)).name == "other"


async def test_a_scrubbed_file_holds_no_word(client: AsyncLetta) -> None:
    agent = await client.agents.create(name="quiet")
    await client.agents.messages.create(agent.id, input="say secret")

    text = await client.agents.export_file(agent.id, scrub_messages=True)

    assert "secret" not in text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"nonsense", "no agent file"),
        (b'{"agents": []}', "no agent file: agents"),
        (b'{"agents": [{"id": "agent-0", "block_ids": ["block-7"]}]}', "refers to block-7"),
    ],
)
async def test_what_is_no_agent_file_is_refused(client: AsyncLetta, data: bytes, why: str) -> None:
    with pytest.raises(BadRequestError, match=why):
        await _import(client, data)
