"""Ordinary uses of Letta's Python SDK, written for any server: each is a promise with its check.

The synchronous client, as Letta's own documentation shows it. Messages are lines that every
stand-in for a model under test understands: `call NAME {json}`, and small talk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from letta_client import Letta, NotFoundError
from letta_client.types import AgentState

ROLL = '''
def roll_fixed(sides: int = 6) -> int:
    """
    Roll a die that always shows its highest number.

    Args:
        sides (int): How many sides it has. Defaults to 6.

    Returns:
        int: The number.
    """
    return sides
'''


@dataclass(frozen=True)
class Place:
    """A server to run the examples on."""

    client: Letta
    model: str | None = None
    embedding: str | None = None

    def agent(self, **options: Any) -> AgentState:
        """An agent as most examples make it. Any: the client's own options."""
        named = {"model": self.model, "embedding": self.embedding}
        given = {key: value for key, value in named.items() if value}
        blocks: Any = [
            {"label": "human", "value": "Name: Chad. Likes vintage cars."},
            {"label": "persona", "value": "A helpful assistant."},
        ]
        whole: dict[str, Any] = {"memory_blocks": blocks, **given, **options}
        return self.client.agents.create(**whole)


def agents_are_made_found_changed_and_removed(place: Place) -> None:
    """Create, retrieve, list by tag, modify, delete."""
    agents = place.client.agents
    made = place.agent(name="first", tags=["sdk-example"])

    assert agents.retrieve(made.id).name == "first"
    assert made.id in [one.id for one in agents.list(tags=["sdk-example"])]
    assert agents.update(made.id, name="second").name == "second"
    agents.delete(made.id)
    with pytest.raises(NotFoundError):
        agents.retrieve(made.id)


def a_message_is_answered(place: Place) -> None:
    """Send one message and read every kind of answer."""
    agent = place.agent()

    response = place.client.agents.messages.create(
        agent.id, messages=[{"role": "user", "content": "hows it going????"}]
    )

    kinds = [message.message_type for message in response.messages]
    assert "assistant_message" in kinds
    assert response.stop_reason.stop_reason == "end_turn"
    assert response.usage.step_count


def a_message_is_streamed(place: Place) -> None:
    """Stream tokens and join them."""
    agent = place.agent()

    stream = place.client.agents.messages.create(
        agent.id, input="tell me something", streaming=True, stream_tokens=True
    )
    text = "".join(
        str(chunk.content) for chunk in stream if chunk.message_type == "assistant_message"
    )

    assert text
    stored = place.client.agents.messages.list(agent.id).items[-1]
    assert str(stored.to_dict()["content"]) == text


def memory_is_shared_and_edited(place: Place) -> None:
    """Blocks: read by label, change, share between agents."""
    client = place.client
    block = client.blocks.create(label="organization", value="Acme")
    one, two = place.agent(block_ids=[block.id]), place.agent(block_ids=[block.id])

    client.blocks.update(block.id, value="Acme and Sons")

    for agent in (one, two):
        held = client.agents.blocks.retrieve("organization", agent_id=agent.id)
        assert held.value == "Acme and Sons"
    human = client.agents.blocks.retrieve("human", agent_id=one.id)
    assert "Chad" in human.value


def an_agent_edits_its_own_memory(place: Place) -> None:
    """The agent calls memory_insert and the block has changed."""
    agent = place.agent()

    place.client.agents.messages.create(
        agent.id, input='call memory_insert {"label":"human","new_string":"Drives a 1962 Beetle."}'
    )

    human = place.client.agents.blocks.retrieve("human", agent_id=agent.id)
    assert "1962 Beetle" in human.value


def a_custom_tool_is_called(place: Place) -> None:
    """Store a function as a tool, attach it, have the agent call it."""
    tool = place.client.tools.upsert(source_code=ROLL)
    agent = place.agent(tool_ids=[tool.id])

    response = place.client.agents.messages.create(agent.id, input='call roll_fixed {"sides": 20}')

    returned = [one for one in response.messages if one.message_type == "tool_return_message"]
    assert "20" in str(returned[0].to_dict()["tool_return"])
    schema: Any = tool.json_schema
    assert schema["parameters"]["properties"] == {
        "sides": {"type": "integer", "description": "How many sides it has. Defaults to 6."}
    }


def conversations_are_apart_and_share_memory(place: Place) -> None:
    """Two threads of one agent: each has its own messages."""
    client, agent = place.client, place.agent()
    one = client.conversations.create(agent_id=agent.id)
    two = client.conversations.create(agent_id=agent.id)

    for thread, text in ((one, "hello from one"), (two, "hello from two")):
        list(client.conversations.messages.create(thread.id, input=text))

    told = [str(item.to_dict()) for item in client.conversations.messages.list(one.id)]
    assert any("hello from one" in text for text in told)
    assert not any("hello from two" in text for text in told)
    assert {thread.id for thread in client.conversations.list(agent_id=agent.id)} >= {
        one.id,
        two.id,
    }


def a_client_side_tool_is_answered(place: Place) -> None:
    """The turn stops for the client's tool, and goes on with its answer."""
    agent = place.agent()
    schema: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
    weather: Any = {"name": "get_weather", "description": "The weather.", "parameters": schema}

    asked = place.client.agents.messages.create(
        agent.id, input='call get_weather {"city":"Paris"}', client_tools=[weather]
    )
    request = asked.messages[-1].to_dict()
    calls: Any = request["tool_calls"]
    answer: Any = {
        "type": "tool_return",
        "tool_returns": [
            {
                "type": "tool",
                "tool_call_id": calls[0]["tool_call_id"],
                "tool_return": "sunny",
                "status": "success",
            }
        ],
    }
    told = place.client.agents.messages.create(agent.id, messages=[answer], client_tools=[weather])

    assert asked.stop_reason.stop_reason == "requires_approval"
    assert "sunny" in str(told.messages[-1].to_dict()["content"])


def archival_memory_is_written_and_searched(place: Place) -> None:
    """Passages: create, list, search."""
    agent = place.agent()
    passages = place.client.agents.passages

    passages.create(agent.id, text="The Eiffel tower is in Paris", tags=["places"])

    assert len(list(passages.list(agent.id))) == 1
    found = passages.search(agent.id, query="Where is the Eiffel tower?")
    assert "Eiffel" in found.results[0].content


def a_folder_is_attached_and_read(place: Place) -> None:
    """Folders: create, upload, attach, and the agent searches it."""
    client, agent = place.client, place.agent()
    options: Any = {"embedding": place.embedding} if place.embedding else {}
    folder = client.folders.create(name=f"manuals-{agent.id[-8:]}", **options)
    manual = ("manual.txt", b"Turn the red handle to the left.\n", "text/plain")

    client.folders.files.upload(folder.id, file=manual)
    client.agents.folders.attach(folder.id, agent_id=agent.id)

    names = {tool.name for tool in client.agents.tools.list(agent.id)}
    assert {"open_files", "grep_files", "semantic_search_files"} <= names
    (file,) = client.folders.files.list(folder.id)
    assert "manual.txt" in str(file.file_name)


def an_agent_is_exported_and_imported(place: Place) -> None:
    """Agent files: the copy has the memory of the first."""
    agent = place.agent(name="original")
    options: Any = {"model": place.model, "embedding": place.embedding} if place.model else {}

    text = place.client.agents.export_file(agent.id)
    imported = place.client.agents.import_file(file=("agent.af", text.encode()), **options)

    human = place.client.agents.blocks.retrieve("human", agent_id=imported.agent_ids[0])
    assert "vintage cars" in human.value


def a_long_thread_is_compacted(place: Place) -> None:
    """Summarise a thread; its messages stay listed."""
    agent = place.agent()
    for n in range(10):
        place.client.agents.messages.create(agent.id, input=f"say number {n}")

    outcome = place.client.agents.messages.compact(agent.id)

    assert outcome.num_messages_after <= outcome.num_messages_before
    assert "number 0" in str(list(place.client.agents.messages.list(agent.id, order="asc")))


EXAMPLES: list[Callable[[Place], None]] = [
    agents_are_made_found_changed_and_removed,
    a_message_is_answered,
    a_message_is_streamed,
    memory_is_shared_and_edited,
    an_agent_edits_its_own_memory,
    a_custom_tool_is_called,
    conversations_are_apart_and_share_memory,
    a_client_side_tool_is_answered,
    archival_memory_is_written_and_searched,
    a_folder_is_attached_and_read,
    an_agent_is_exported_and_imported,
    a_long_thread_is_compacted,
]
