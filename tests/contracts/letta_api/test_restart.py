"""What a real kill -9 leaves behind, and how the next life goes on with it.

One life is killed in the middle of several turns at once; every test looks at one of them in
the next life.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from httpx import HTTPError
from letta_client import APIConnectionError, AsyncLetta

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from gateway.errors import SettingsWrong
from tests.contracts.letta_api.heard import (
    WEATHER,
    Heard,
    Param,
    begin,
    listen,
    returns,
    say,
    user,
)
from tests.contracts.letta_api.mortal_server import life

pytestmark = [
    pytest.mark.crash,
    pytest.mark.asyncio(loop_scope="module"),
]

FORTY = " ".join(f"w{n}" for n in range(40))
STEP = 'call memory_insert {"label":"human","new_string":"once"}\nsay a b c\ndrip 0.5'
NAP = '''
import time

def nap() -> str:
    """Sleep a little."""
    time.sleep(0.7)
    return "rested"
'''


@dataclass
class Turn:
    """A turn of the first life, as far as its reader heard it."""

    agent_id: str
    thread: str
    message: Param
    heard: Heard


@dataclass
class Aftermath:
    """The second life, and what was going on in the first."""

    client: AsyncLetta
    turns: dict[str, Turn]

    async def whole(self, name: str) -> Heard:
        """The run of this turn, from its beginning to its end."""
        run_id = self.turns[name].heard.run_id
        return await listen(await self.client.runs.messages.stream(run_id, starting_after=0))


def _client(url: str) -> AsyncLetta:
    return AsyncLetta(base_url=url, api_key="none", max_retries=0)


async def _start_turn(client: AsyncLetta, text: str, until: int | None, *tools: str) -> Turn:
    agent = await client.agents.create(
        name="mortal", memory_blocks=[{"label": "human", "value": ""}], tools=list(tools)
    )
    thread = (await client.conversations.create(agent_id=agent.id)).id
    message = user(text)
    stream = await begin(client, thread, [message], client_tools=[WEATHER])
    return Turn(agent.id, thread, message, await listen(stream, until))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aftermath(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Aftermath]:
    """Kill one life in the middle of everything; start the next."""
    database = tmp_path_factory.mktemp("mortal") / "letta.db"
    async with life(database) as url, _client(url) as client:
        nap = await client.tools.upsert(source_code=NAP)
        turns = {
            "memory": await _start_turn(client, "my name is Ada", None),
            "waiting": await _start_turn(client, 'call get_weather {"city":"Paris"}', None),
            "step": await _start_turn(client, STEP, 4),
            "cut": await _start_turn(client, "words 40\ndrip 0.05", 9),
            "tool": await _start_turn(client, "call nap {}", 2, nap.name or ""),
            "early": await _start_turn(client, "sleep 0.5\nsay late", 1),
        }
    async with life(database) as url, _client(url) as client:
        yield Aftermath(client, turns)


async def test_a_turn_killed_in_mid_stream_is_finished(aftermath: Aftermath) -> None:
    turn = aftermath.turns["cut"]

    resumed = await aftermath.whole("cut")

    assert turn.heard.text
    assert FORTY.startswith(turn.heard.text)
    assert turn.heard.stop_reason == ""
    assert (resumed.text, resumed.stop_reason) == (FORTY, "end_turn")
    assert len(resumed.message_ids) == 1


async def test_a_turn_killed_before_its_first_word_is_finished(aftermath: Aftermath) -> None:
    resumed = await aftermath.whole("early")

    assert (resumed.text, resumed.stop_reason) == ("late", "end_turn")


async def test_the_request_sent_again_joins_the_run_it_had(aftermath: Aftermath) -> None:
    turn = aftermath.turns["cut"]

    again = await listen(await begin(aftermath.client, turn.thread, [turn.message]))
    history = await aftermath.client.conversations.messages.list(turn.thread, order="asc")

    assert (again.run_id, again.text) == (turn.heard.run_id, FORTY)
    assert [item.message_type for item in history.items] == ["user_message", "assistant_message"]


async def test_numbers_and_ids_of_the_lost_half_are_not_used_again(aftermath: Aftermath) -> None:
    heard = aftermath.turns["cut"].heard

    stream = await aftermath.client.runs.messages.stream(
        heard.run_id, starting_after=heard.last_seq
    )
    rest = await listen(stream)

    assert rest.text == FORTY
    assert min(rest.seqs) > heard.last_seq
    assert not rest.message_ids & heard.message_ids


async def test_a_finished_step_is_not_repeated(aftermath: Aftermath) -> None:
    turn = aftermath.turns["step"]

    resumed = await aftermath.whole("step")

    block = await aftermath.client.agents.blocks.retrieve("human", agent_id=turn.agent_id)
    assert turn.heard.kinds[:3] == ["ping", "tool_call_message", "tool_return_message"]
    assert block.value == "once"
    assert resumed.text == "a b c"
    assert resumed.kinds.count("tool_return_message") == 1


async def test_a_turn_killed_while_its_tool_ran_is_finished(aftermath: Aftermath) -> None:
    whole = await aftermath.whole("tool")
    turn = aftermath.turns["tool"]

    again = await say(aftermath.client, turn.thread, "say still here")

    assert not turn.heard.returns
    assert "rested" in whole.text
    assert whole.stop_reason == "end_turn"
    assert again.text == "still here"


async def test_the_conversation_takes_messages_afterwards(aftermath: Aftermath) -> None:
    await aftermath.whole("early")

    heard = await say(aftermath.client, aftermath.turns["early"].thread, "say next")

    assert heard.text == "next"


async def test_a_waiting_approval_survives_and_can_be_answered(aftermath: Aftermath) -> None:
    turn = aftermath.turns["waiting"]

    refused = await say(aftermath.client, turn.thread, "say hello?")
    answer = returns(turn.heard.calls, "sunny")
    answered = await listen(await begin(aftermath.client, turn.thread, [answer]))

    assert "waiting for approval" in refused.error["message"]
    assert answered.text == "tool said: sunny"


async def test_memory_survives(aftermath: Aftermath) -> None:
    agent_id = aftermath.turns["memory"].agent_id
    other = (await aftermath.client.conversations.create(agent_id=agent_id)).id

    heard = await say(aftermath.client, other, "what is my name?")

    assert "**Ada**" in heard.text


async def test_a_stream_that_is_cut_does_not_look_finished(tmp_path: Path) -> None:
    async with AsyncExitStack() as after_the_end:
        async with life(tmp_path / "letta.db") as url:
            client = await after_the_end.enter_async_context(_client(url))
            agent = await client.agents.create(name="mortal")
            thread = (await client.conversations.create(agent_id=agent.id)).id
            stream = await begin(client, thread, [user("say one two\ndrip 30")])

        with pytest.raises((HTTPError, APIConnectionError)):
            await listen(stream)


async def test_a_turn_stopped_in_good_order_is_finished_by_the_next_start(tmp_path: Path) -> None:
    options = EmbeddedOptions(tmp_path / "letta.db", scripted=True, word_delay_seconds=0)
    async with AsyncExitStack() as after_the_end:
        async with serve(options) as url:
            client = await after_the_end.enter_async_context(_client(url))
            agent = await client.agents.create(name="mortal")
            thread = (await client.conversations.create(agent_id=agent.id)).id
            stream = await begin(client, thread, [user("words 9\ndrip 0.05")])
            event = await anext(aiter(stream))

        async with serve(options) as url, _client(url) as again:
            run_id = str(event.to_dict()["run_id"])
            heard = await listen(await again.runs.messages.stream(run_id, starting_after=0))

    assert heard.text == "w0 w1 w2 w3 w4 w5 w6 w7 w8"


async def test_an_error_beside_the_server_comes_out_as_itself(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="of the caller"):
        async with serve(EmbeddedOptions(tmp_path / "letta.db")):
            raise LookupError("of the caller")


async def test_a_second_server_on_one_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    options = EmbeddedOptions(tmp_path / "letta.db")
    async with serve(options):
        with pytest.raises(SettingsWrong, match=f"in use by process {os.getpid()}"):
            async with serve(options):
                pass
