"""Client-side tools: the stop for approval, the answers, and ways out of a stuck one."""

import asyncio
import uuid

import pytest
from letta_client import AsyncLetta, BadRequestError
from letta_client.types import AgentState
from letta_client.types.agents import ApprovalRequestMessage

from tests.contracts.letta_api.heard import WEATHER, Heard, begin, listen, returns, say, user

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALL = 'call get_weather {"city":"Paris"}'


async def _ask(client: AsyncLetta, conversation: str, text: str = CALL) -> Heard:
    return await say(client, conversation, text, client_tools=[WEATHER])


async def test_a_client_tool_stops_the_turn_and_its_answer_resumes_it(
    client: AsyncLetta, conversation: str
) -> None:
    asked = await _ask(client, conversation)

    resumed = await listen(
        await begin(client, conversation, [returns(asked.calls, "sunny")], client_tools=[WEATHER])
    )

    assert asked.stop_reason == "requires_approval"
    assert list(asked.calls.values()) == [{"name": "get_weather", "arguments": '{"city":"Paris"}'}]
    assert (resumed.text, resumed.stop_reason) == ("tool said: sunny", "end_turn")


async def test_parallel_calls_are_asked_together(client: AsyncLetta, conversation: str) -> None:
    asked = await _ask(client, conversation, f'{CALL}\ncall get_weather {{"city":"Rome"}}')

    resumed = await listen(await begin(client, conversation, [returns(asked.calls, "ok")]))

    assert [call["arguments"] for call in asked.calls.values()] == [
        '{"city":"Paris"}',
        '{"city":"Rome"}',
    ]
    assert resumed.text == "tool said: ok | ok"


async def test_the_request_is_the_newest_message(client: AsyncLetta, conversation: str) -> None:
    asked = await _ask(client, conversation)

    page = await client.conversations.messages.list(conversation, limit=1, order="desc")
    newest = page.items[0]

    assert isinstance(newest, ApprovalRequestMessage)
    assert isinstance(newest.tool_calls, list)
    assert [call.tool_call_id for call in newest.tool_calls] == list(asked.calls)


async def test_all_answers_must_come_together(client: AsyncLetta, conversation: str) -> None:
    asked = await _ask(client, conversation, f"{CALL}\n{CALL}")
    one = dict(list(asked.calls.items())[:1])

    with pytest.raises(BadRequestError, match="Invalid tool call IDs"):
        await begin(client, conversation, [returns(one, "half")])
    resumed = await listen(await begin(client, conversation, [returns(asked.calls, "all")]))

    assert resumed.text == "tool said: all | all"


async def test_answers_to_unknown_calls_are_400(client: AsyncLetta, conversation: str) -> None:
    await _ask(client, conversation)

    with pytest.raises(BadRequestError, match="Invalid tool call IDs"):
        await begin(client, conversation, [returns({"call_wrong": {}}, "x")])


async def test_answers_nobody_waits_for_are_400(client: AsyncLetta, conversation: str) -> None:
    with pytest.raises(BadRequestError, match="no tool call is currently awaiting"):
        await begin(client, conversation, [returns({"call_1": {}}, "x")])


async def test_meanwhile_other_messages_are_refused_in_the_stream(
    client: AsyncLetta, conversation: str
) -> None:
    asked = await _ask(client, conversation)
    impatient = user("say well?")

    refused = await listen(await begin(client, conversation, [impatient]))

    assert "waiting for approval" in refused.error["message"]
    assert refused.stop_reason == "error"
    await listen(await begin(client, conversation, [returns(asked.calls, "ok")]))
    after = await listen(await begin(client, conversation, [impatient]))
    assert after.text == "well?"


async def test_the_same_answers_twice_are_one_turn(client: AsyncLetta, conversation: str) -> None:
    asked = await _ask(client, conversation)
    answer = returns(asked.calls, "sunny")

    first = await listen(await begin(client, conversation, [answer]))
    again = await listen(await begin(client, conversation, [answer]))

    assert (again.run_id, again.text) == (first.run_id, first.text)


async def test_the_older_form_of_answers_works(client: AsyncLetta, conversation: str) -> None:
    asked = await _ask(client, conversation)
    approvals = [
        {"type": "tool", "tool_call_id": call, "tool_return": "broken", "status": "error"}
        for call in asked.calls
    ]

    resumed = await listen(
        await begin(client, conversation, [{"type": "approval", "approvals": approvals}])
    )

    assert resumed.text == "tool said: broken"


async def test_calls_can_be_denied(client: AsyncLetta, conversation: str) -> None:
    await _ask(client, conversation)
    denial = {"type": "approval", "approve": False, "reason": "not today"}

    resumed = await listen(await begin(client, conversation, [denial]))

    assert "not today" in resumed.text


async def test_cancel_frees_a_stuck_approval(client: AsyncLetta, conversation: str) -> None:
    asked = await _ask(client, conversation)

    outcome = await client.conversations.cancel(conversation)

    assert outcome == {asked.run_id: "cancelled"}
    assert (await say(client, conversation, "say free")).text == "free"


async def test_agent_cancel_frees_the_default_conversation(
    client: AsyncLetta, agent: AgentState
) -> None:
    response = await client.agents.messages.create(agent.id, input=CALL, client_tools=[WEATHER])
    assert response.stop_reason.stop_reason == "requires_approval"

    await client.agents.messages.cancel(agent.id)

    again = await client.agents.messages.create(agent.id, input="say free")
    assert again.messages[-1].to_dict()["content"] == "free"


async def test_server_and_client_tools_mix_in_one_step(
    client: AsyncLetta, agent: AgentState, conversation: str
) -> None:
    note = 'call memory_insert {"label":"human","new_string":"likes Paris"}'

    asked = await _ask(client, conversation, f"{note}\n{CALL}")
    waiting = {key: call for key, call in asked.calls.items() if call["name"] == "get_weather"}
    resumed = await listen(await begin(client, conversation, [returns(waiting, "sunny")]))

    assert "likes Paris" in (await client.agents.blocks.retrieve("human", agent_id=agent.id)).value
    assert "sunny" in resumed.text


async def test_rounds_of_calls_go_on_until_the_model_is_done(
    client: AsyncLetta, conversation: str
) -> None:
    heard = await say(
        client,
        conversation,
        'call memory_insert {"label":"human","new_string":"a"}\n'
        'then call memory_replace {"label":"human","old_string":"a","new_string":"b"}\n'
        "say done",
    )

    assert (heard.text, heard.usage["step_count"]) == ("done", 3)


async def test_max_steps_ends_the_loop(client: AsyncLetta, conversation: str) -> None:
    heard = await say(
        client,
        conversation,
        'call memory_insert {"label":"human","new_string":"a"}\nsay never',
        max_steps=1,
    )

    assert (heard.text, heard.stop_reason) == ("", "max_steps")


async def test_archival_memory_is_searched_by_words(
    client: AsyncLetta, agent: AgentState, conversation: str
) -> None:
    await client.agents.passages.create(agent.id, text="The cat's name is Mimi", tags=["pets"])
    call = 'call archival_memory_insert {"content":"Ada was born in London"}'
    await say(client, conversation, call)

    found = await client.agents.passages.search(agent.id, query="where was Ada born?", top_k=1)
    told = await say(client, conversation, 'call archival_memory_search {"query":"cat"}')

    assert [result.content for result in found.results] == ["Ada was born in London"]
    assert "Mimi" in told.text


async def test_a_memgpt_agent_speaks_through_send_message(client: AsyncLetta) -> None:
    agent = await client.agents.create(name="m", agent_type="memgpt_v2_agent")
    thread = (await client.conversations.create(agent_id=agent.id)).id

    heard = await say(client, thread, 'call send_message {"message":"hello"}')

    assert (heard.text, heard.stop_reason) == ("hello", "end_turn")


async def test_a_tools_schema_comes_from_signature_and_docstring(client: AsyncLetta) -> None:
    source = (
        "def roll_dice(sides: int = 6, label: str | None = None) -> int:\n"
        '    """Roll a die.\n\n    Args:\n        sides (int): How many sides.\n    """\n'
        "    return 4\n"
    )

    first = await client.tools.upsert(source_code=source)
    again = await client.tools.upsert(source_code=source)

    assert again.id == first.id
    assert first.json_schema
    assert first.json_schema["parameters"] == {
        "type": "object",
        "properties": {
            "sides": {"type": "integer", "description": "How many sides."},
            "label": {"type": "string", "description": ""},
        },
        "required": [],
    }


async def test_many_turns_at_once_each_keep_their_own(client: AsyncLetta) -> None:
    async def one(number: int) -> str:
        agent = await client.agents.create(name=str(number))
        thread = (await client.conversations.create(agent_id=agent.id)).id
        return (await say(client, thread, f"say {number} {uuid.uuid4()}")).text

    texts = await asyncio.gather(*(one(number) for number in range(16)))

    assert [text.split()[0] for text in texts] == [str(number) for number in range(16)]
