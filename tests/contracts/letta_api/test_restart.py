"""What a real kill -9 leaves behind, and how the next life goes on with it."""

from pathlib import Path

import pytest
from httpx import HTTPError
from letta_client import APIConnectionError, AsyncLetta

from tests.contracts.letta_api.heard import WEATHER, Heard, begin, listen, returns, say, user
from tests.contracts.letta_api.mortal_server import living

pytestmark = [pytest.mark.crash, pytest.mark.timeout(60)]


async def _thread(client: AsyncLetta) -> tuple[str, str]:
    agent = await client.agents.create(
        name="mortal", memory_blocks=[{"label": "human", "value": ""}]
    )
    return agent.id, (await client.conversations.create(agent_id=agent.id)).id


async def _whole_run(client: AsyncLetta, run_id: str) -> Heard:
    return await listen(await client.runs.messages.stream(run_id, starting_after=0))


async def test_a_turn_killed_in_mid_stream_is_finished_by_the_next_life(tmp_path: Path) -> None:
    once = user("words 40\ndrip 0.02")
    async with living(tmp_path / "letta.db") as first:
        _, thread = await _thread(first.client)
        cut = await listen(await begin(first.client, thread, [once]), until=5)
        await first.kill()

    async with living(tmp_path / "letta.db") as second:
        resumed = await _whole_run(second.client, cut.run_id)
        again = await listen(await begin(second.client, thread, [once]))
        history = await second.client.conversations.messages.list(thread, order="asc")

    whole = " ".join(f"w{n}" for n in range(40))
    assert cut.text
    assert (resumed.text, resumed.stop_reason) == (whole, "end_turn")
    assert (again.run_id, again.text) == (cut.run_id, whole)
    assert [item.message_type for item in history.items] == ["user_message", "assistant_message"]


async def test_what_half_a_stream_showed_is_never_counted_again(tmp_path: Path) -> None:
    async with living(tmp_path / "letta.db") as first:
        _, thread = await _thread(first.client)
        cut = await listen(
            await begin(first.client, thread, [user("words 40\ndrip 0.02")]), until=9
        )
        await first.kill()

    async with living(tmp_path / "letta.db") as second:
        stream = await second.client.runs.messages.stream(cut.run_id, starting_after=cut.last_seq)
        rest = await listen(stream)

    assert rest.text == " ".join(f"w{n}" for n in range(40))
    assert min(rest.seqs) > cut.last_seq
    assert not rest.message_ids & cut.message_ids


async def test_a_finished_step_is_not_repeated(tmp_path: Path) -> None:
    script = 'call memory_insert {"label":"human","new_string":"once"}\nsay a b c\ndrip 0.2'
    async with living(tmp_path / "letta.db") as first:
        agent_id, thread = await _thread(first.client)
        cut = await listen(await begin(first.client, thread, [user(script)]), until=4)
        await first.kill()

    async with living(tmp_path / "letta.db") as second:
        resumed = await _whole_run(second.client, cut.run_id)
        block = await second.client.agents.blocks.retrieve("human", agent_id=agent_id)

    assert cut.kinds[:3] == ["ping", "tool_call_message", "tool_return_message"]
    assert block.value == "once"
    assert resumed.text == "a b c"
    assert resumed.kinds.count("tool_return_message") == 1


async def test_a_killed_conversation_takes_messages_after_its_turn(tmp_path: Path) -> None:
    async with living(tmp_path / "letta.db") as first:
        _, thread = await _thread(first.client)
        cut = await listen(await begin(first.client, thread, [user("words 9\ndrip 0.05")]), 3)
        await first.kill()

    async with living(tmp_path / "letta.db") as second:
        await _whole_run(second.client, cut.run_id)
        heard = await say(second.client, thread, "say next")

    assert heard.text == "next"


async def test_a_waiting_approval_survives_and_can_be_answered(tmp_path: Path) -> None:
    async with living(tmp_path / "letta.db") as first:
        _, thread = await _thread(first.client)
        call = 'call get_weather {"city":"Paris"}'
        asked = await say(first.client, thread, call, client_tools=[WEATHER])
        await first.kill()

    async with living(tmp_path / "letta.db") as second:
        refused = await say(second.client, thread, "say hello?")
        answered = await listen(await begin(second.client, thread, [returns(asked.calls, "sunny")]))

    assert "waiting for approval" in refused.error["message"]
    assert answered.text == "tool said: sunny"


async def test_a_stream_that_is_cut_does_not_look_finished(tmp_path: Path) -> None:
    async with living(tmp_path / "letta.db") as first:
        _, thread = await _thread(first.client)
        stream = await begin(first.client, thread, [user("say one two\ndrip 30")])
        events = aiter(stream)
        await anext(events)
        await first.kill()

        with pytest.raises((HTTPError, APIConnectionError)):
            async for _ in events:
                pass


async def test_memory_and_history_survive(tmp_path: Path) -> None:
    async with living(tmp_path / "letta.db") as first:
        agent_id, thread = await _thread(first.client)
        await say(first.client, thread, "my name is Ada")
        await first.kill()

    async with living(tmp_path / "letta.db") as second:
        other = (await second.client.conversations.create(agent_id=agent_id)).id
        heard = await say(second.client, other, "what is my name?")

    assert "**Ada**" in heard.text
