"""Turns in conversations: streams, idempotency, the lock, errors, cancel, resume."""

import asyncio
import uuid
from dataclasses import replace
from typing import Literal

import pytest
from letta_client import AsyncLetta, BadRequestError, ConflictError, NotFoundError
from letta_client.types import AgentState

from agents.embedded import EmbeddedOptions
from tests.contracts.letta_api.conftest import connected
from tests.contracts.letta_api.heard import begin, body_of, listen, say, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _history(client: AsyncLetta, conversation: str) -> list[tuple[str, str]]:
    page = await client.conversations.messages.list(conversation, order="asc")
    parts = [item.to_dict() for item in page.items]
    return [(str(part["message_type"]), str(part.get("content", ""))) for part in parts]


async def test_a_stream_begins_with_the_run_and_ends_with_reason_and_usage(
    client: AsyncLetta, conversation: str
) -> None:
    heard = await say(client, conversation, "words 5")

    assert heard.kinds[0] == "ping"
    assert heard.run_id.startswith("run-")
    assert heard.kinds[-2:] == ["stop_reason", "usage_statistics"]
    assert (heard.text, heard.stop_reason) == ("w0 w1 w2 w3 w4", "end_turn")
    assert heard.seqs == list(range(1, len(heard.seqs) + 1))
    assert heard.usage["step_count"] == 1


async def test_token_deltas_share_message_id_and_otid(
    client: AsyncLetta, conversation: str
) -> None:
    heard = await say(client, conversation, "words 5")

    assert heard.kinds.count("assistant_message") == 5
    assert len(heard.message_ids) == len(heard.otids) == 1


async def test_without_tokens_a_message_comes_whole(client: AsyncLetta, conversation: str) -> None:
    heard = await say(client, conversation, "words 5", stream_tokens=False)

    assert heard.kinds.count("assistant_message") == 1
    assert heard.text == "w0 w1 w2 w3 w4"


async def test_reasoning_comes_before_the_text(client: AsyncLetta, conversation: str) -> None:
    heard = await say(client, conversation, "think so it is\nsay yes")

    assert (heard.reasoning, heard.text) == ("so it is", "yes")
    assert heard.kinds.index("reasoning_message") < heard.kinds.index("assistant_message")


async def test_the_same_otid_later_is_the_first_runs_stream_again(
    client: AsyncLetta, conversation: str
) -> None:
    once = user("words 3")

    first = await listen(await begin(client, conversation, [once]))
    again = await listen(await begin(client, conversation, [once]))

    assert (again.run_id, again.text, again.seqs) == (first.run_id, first.text, first.seqs)
    assert len(await _history(client, conversation)) == 2


async def test_the_same_otid_during_the_turn_joins_it(
    client: AsyncLetta, conversation: str
) -> None:
    once = user("words 6\ndrip 0.02")
    streams = [await begin(client, conversation, [once]) for _ in range(3)]

    heard = await asyncio.gather(*(listen(stream) for stream in streams))

    assert len({one.run_id for one in heard}) == 1
    assert {one.text for one in heard} == {"w0 w1 w2 w3 w4 w5"}
    assert len(await _history(client, conversation)) == 2


async def test_one_request_may_say_several_things_in_one_turn(
    client: AsyncLetta, conversation: str
) -> None:
    both = [user("first"), user("say both")]

    first = await listen(await begin(client, conversation, both))
    again = await listen(await begin(client, conversation, both))

    assert again.run_id == first.run_id
    assert await _history(client, conversation) == [
        ("user_message", "first"),
        ("user_message", "say both"),
        ("assistant_message", "both"),
    ]


async def test_the_key_is_all_otids_of_the_request(client: AsyncLetta, conversation: str) -> None:
    shared = user("first")

    alone = await listen(await begin(client, conversation, [shared]))
    together = await listen(await begin(client, conversation, [shared, user("second")]))

    assert together.run_id != alone.run_id


async def test_any_otid_of_a_request_finds_its_run(client: AsyncLetta, conversation: str) -> None:
    messages = [user("a"), user("say b")]
    first = await listen(await begin(client, conversation, messages))

    stream = await client.conversations.messages.stream(conversation, otid=messages[1]["otid"])

    assert (await listen(stream)).run_id == first.run_id


async def test_a_busy_conversation_is_409_with_the_run_to_wait_for(
    client: AsyncLetta, conversation: str
) -> None:
    running = await begin(client, conversation, [user("sleep 2\nsay done")])

    with pytest.raises(ConflictError) as caught:
        await begin(client, conversation, [user("me too")])

    heard = await listen(running)
    body = body_of(caught.value)
    assert body["run_id"] == heard.run_id
    assert body["detail"].startswith("CONFLICT: Cannot send a new message")
    assert (await say(client, conversation, "say next")).text == "next"


async def test_conversations_of_one_agent_run_side_by_side(
    client: AsyncLetta, agent: AgentState
) -> None:
    threads = [(await client.conversations.create(agent_id=agent.id)).id for _ in range(3)]
    streams = [await begin(client, thread, [user("sleep 0.2\nsay ok")]) for thread in threads]

    heard = await asyncio.gather(*(listen(stream) for stream in streams))

    assert [one.text for one in heard] == ["ok"] * 3


@pytest.mark.parametrize(
    ("script", "kind", "reason"),
    [
        ("fail 500", "llm_error", "llm_api_error"),
        ("fail 429", "llm_rate_limit", "llm_api_error"),
        ("fail 401", "llm_authentication", "llm_api_error"),
        ("fail 504", "llm_timeout", "llm_api_error"),
        ("words 9\ncut", "internal_error", "error"),
    ],
)
async def test_a_failing_model_is_an_error_event_of_the_stream(
    client: AsyncLetta, conversation: str, script: str, kind: str, reason: str
) -> None:
    heard = await say(client, conversation, script)

    assert (heard.error["error_type"], heard.stop_reason) == (kind, reason)
    assert heard.error["message_type"] == "error_message"
    run = await client.runs.retrieve(heard.run_id)
    assert (run.status, run.stop_reason) == ("failed", reason)


async def test_a_failed_turn_leaves_no_trace_and_blocks_nothing(
    client: AsyncLetta, conversation: str
) -> None:
    await say(client, conversation, "fail 500")

    heard = await say(client, conversation, "say fine")

    assert heard.text == "fine"
    assert await _history(client, conversation) == [
        ("user_message", "say fine"),
        ("assistant_message", "fine"),
    ]


async def test_a_silent_stream_carries_pings(options: EmbeddedOptions) -> None:
    database = options.database.with_name("pings.db")
    async with connected(replace(options, database=database, ping_seconds=0.01)) as client:
        agent = await client.agents.create(name="a")
        thread = (await client.conversations.create(agent_id=agent.id)).id

        silent = await listen(await begin(client, thread, [user("sleep 600\nsay never")]), until=4)
        await client.conversations.cancel(thread)
        heard = await say(client, thread, "sleep 0.1\nsay late")

    assert silent.kinds == ["ping"] * 4
    assert set(heard.kinds) > {"ping"}
    assert heard.text == "late"


async def test_a_turn_goes_on_when_its_reader_leaves(client: AsyncLetta, conversation: str) -> None:
    left = await listen(await begin(client, conversation, [user("words 8\ndrip 0.02")]), until=3)

    stream = await client.runs.messages.stream(left.run_id, starting_after=left.last_seq)
    rest = await listen(stream)

    assert left.text + rest.text == "w0 w1 w2 w3 w4 w5 w6 w7"
    assert rest.seqs[0] == left.last_seq + 1
    assert (await client.runs.retrieve(left.run_id)).status == "completed"


async def test_an_ended_run_can_be_read_again_from_any_point(
    client: AsyncLetta, conversation: str
) -> None:
    first = await say(client, conversation, "words 4")

    whole = await listen(await client.runs.messages.stream(first.run_id, starting_after=0))
    tail = await listen(await client.runs.messages.stream(first.run_id, starting_after=3))

    assert (whole.text, whole.seqs) == (first.text, first.seqs)
    assert tail.seqs == first.seqs[3:]


async def test_cancel_stops_a_turn_and_keeps_what_was_said(
    client: AsyncLetta, conversation: str
) -> None:
    stream = await begin(client, conversation, [user("say one two three\ndrip 5")])
    started = await listen(stream, until=2)

    outcome = await client.conversations.cancel(conversation)

    assert outcome == {started.run_id: "cancelled"}
    rest = await listen(await client.runs.messages.stream(started.run_id, starting_after=0))
    assert rest.stop_reason == "cancelled"
    assert ("assistant_message", "one") in await _history(client, conversation)
    assert (await say(client, conversation, "say on")).text == "on"


async def test_cancelling_nothing_is_409(client: AsyncLetta, conversation: str) -> None:
    with pytest.raises(ConflictError):
        await client.conversations.cancel(conversation)


async def test_runs_are_found_by_conversation_newest_first(
    client: AsyncLetta, conversation: str
) -> None:
    first = await say(client, conversation, "say a")
    second = await say(client, conversation, "say b")

    page = await client.runs.list(conversation_id=conversation, limit=3)

    assert [run.id for run in page.items] == [second.run_id, first.run_id]


async def test_a_run_tells_its_messages_and_usage(client: AsyncLetta, conversation: str) -> None:
    heard = await say(client, conversation, "say hello")

    messages = (await client.runs.messages.list(heard.run_id)).items
    usage = await client.runs.usage.retrieve(heard.run_id)

    kinds = [message.message_type for message in messages]
    assert kinds == ["user_message", "assistant_message"]
    assert usage.total_tokens == heard.usage["total_tokens"]


async def test_messages_page_forward_by_id_and_show_the_newest_first(
    client: AsyncLetta, conversation: str
) -> None:
    for n in range(3):
        await say(client, conversation, f"say r{n}")
    everything = await _history(client, conversation)

    listing = client.conversations.messages.list(conversation, limit=2, order="asc")
    paged = [item async for item in listing]
    newest = (await client.conversations.messages.list(conversation, limit=1)).items

    assert [item.message_type for item in paged] == [kind for kind, _ in everything]
    assert str(newest[0].to_dict()["content"]) == "r2"
    after = await client.conversations.messages.list(conversation, after=paged[3].id, order="asc")
    assert len(after.items) == 2


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_after_means_newer_in_either_order(
    client: AsyncLetta, conversation: str, order: Literal["asc", "desc"]
) -> None:
    for n in range(3):
        await say(client, conversation, f"say r{n}")
    third = (await client.conversations.messages.list(conversation, order="asc")).items[2]

    page = await client.conversations.messages.list(conversation, after=third.id, order=order)

    texts = [str(item.to_dict()["content"]) for item in page.items]
    assert (texts if order == "asc" else texts[::-1]) == ["r1", "say r2", "r2"]


async def test_the_default_conversation_belongs_to_the_agent(
    client: AsyncLetta, agent: AgentState
) -> None:
    stream = await client.conversations.messages.create(
        "default", agent_id=agent.id, messages=[user("say hi")], background=True
    )
    assert (await listen(stream)).text == "hi"

    listed = await client.conversations.messages.list("default", agent_id=agent.id, order="asc")
    direct = await client.agents.messages.list(agent.id, order="asc")

    assert [item.id for item in listed.items] == [item.id for item in direct.items]
    assert await client.conversations.list(agent_id=agent.id) == []


async def test_an_agents_newest_messages_come_oldest_first(
    client: AsyncLetta, agent: AgentState
) -> None:
    for n in range(3):
        await client.agents.messages.create(agent.id, input=f"say r{n}")

    page = await client.agents.messages.list(agent.id, limit=2, order="desc")

    assert [item.message_type for item in page.items] == ["user_message", "assistant_message"]


async def test_a_turn_that_is_waited_for_is_answered_whole(
    client: AsyncLetta, agent: AgentState
) -> None:
    response = await client.agents.messages.create(agent.id, input="say hi")

    assert response.messages[-1].to_dict()["content"] == "hi"
    assert response.stop_reason.stop_reason == "end_turn"
    assert response.usage.step_count == 1


async def test_empty_content_is_400_and_an_unknown_conversation_404(
    client: AsyncLetta, conversation: str
) -> None:
    with pytest.raises(BadRequestError, match="content is empty"):
        await begin(client, conversation, [user("")])
    with pytest.raises(NotFoundError):
        await begin(client, f"conv-{uuid.uuid4()}", [user("hi")])
