"""Tools stored as source code: described, attached, called by agents, and kept in bounds."""

import pytest
from letta_client import AsyncLetta, BadRequestError, NotFoundError
from letta_client.types import AgentState

from agents.embedded import EmbeddedOptions
from agents.embedded.sandbox.limits import Limits
from tests.contracts.letta_api.heard import begin, listen, say, user

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADD = '''
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a (int): The first.
        b (int): The second.
    """
    print("adding")
    return a + b
'''


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedOptions:
    """A server whose tools have little time."""
    database = tmp_path_factory.mktemp("letta") / "letta.db"
    limits = Limits(wall_seconds=3, cpu_seconds=1, printed_bytes=10_000)
    return EmbeddedOptions(
        database, token="t", scripted=True, word_delay_seconds=0, tool_limits=limits
    )


async def _agent_with(client: AsyncLetta, source: str) -> tuple[AgentState, str]:
    tool = await client.tools.upsert(source_code=source)
    agent = await client.agents.create(name="handy", tool_ids=[tool.id])
    return agent, (await client.conversations.create(agent_id=agent.id)).id


async def test_an_agent_calls_a_stored_tool_and_hears_its_answer(client: AsyncLetta) -> None:
    _, thread = await _agent_with(client, ADD)

    heard = await say(client, thread, 'call add {"a": 2, "b": 3}')

    assert (heard.text, heard.stop_reason) == ("tool said: 5", "end_turn")
    listed = await client.conversations.messages.list(thread, order="asc")
    (returned,) = [
        item.to_dict() for item in listed.items if item.message_type == "tool_return_message"
    ]
    assert (returned["status"], returned["stdout"]) == ("success", ["adding"])


async def test_parallel_calls_are_each_answered(client: AsyncLetta) -> None:
    _, thread = await _agent_with(client, ADD)

    heard = await say(client, thread, 'call add {"a": 2}\ncall add {"a": 10}')

    assert heard.text == "tool said: 3 | 11"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", '"a" is missing.'),
        ('{"a": "two"}', '"a" must be of type integer, not string.'),
        ('{"a": 1, "c": 2}', 'There is no argument "c".'),
    ],
)
async def test_wrong_arguments_are_told_and_the_tool_is_not_called(
    client: AsyncLetta, arguments: str, told: str
) -> None:
    _, thread = await _agent_with(client, ADD)

    heard = await say(client, thread, f"call add {arguments}")

    assert heard.text == f"tool said: {told}"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        ("while True: pass", "The tool was stopped"),
        ("while True: print('x' * 1000)", "printed more than"),
        ("__import__('os').fork()", "may not"),
        ("open('/tmp/outside', 'w')", "PermissionError"),
        ("__import__('os').abort()", "ended with code"),
    ],
)
async def test_a_bad_tool_is_stopped_and_the_agent_is_told(
    client: AsyncLetta, line: str, told: str
) -> None:
    source = f'def bad_tool():\n    """Do harm."""\n    {line}\n'
    agent, thread = await _agent_with(client, source)

    heard = await say(client, thread, "call bad_tool {}")

    assert told in heard.text
    assert heard.stop_reason == "end_turn"
    assert (await say(client, thread, "say fine")).text == "fine"
    result = await client.agents.tools.run("bad_tool", agent_id=agent.id, args={})
    assert result.status == "error"


async def test_a_tool_can_be_run_without_a_turn(client: AsyncLetta) -> None:
    agent, _ = await _agent_with(client, ADD)

    result = await client.agents.tools.run("add", agent_id=agent.id, args={"a": 4})

    assert (result.status, result.func_return, result.stdout) == ("success", "5", ["adding"])
    with pytest.raises(NotFoundError):
        await client.agents.tools.run("unknown", agent_id=agent.id, args={})


async def test_a_turn_is_cancelled_while_its_tool_runs(client: AsyncLetta) -> None:
    source = 'def slow():\n    """Take long."""\n    import time\n    time.sleep(2.5)\n'
    _, thread = await _agent_with(client, source)
    stream = await begin(client, thread, [user("call slow {}")])
    started = await listen(stream, until=2)

    outcome = await client.conversations.cancel(thread)

    assert started.kinds == ["ping", "tool_call_message"]
    assert outcome == {started.run_id: "cancelled"}
    assert (await client.runs.retrieve(started.run_id)).stop_reason == "cancelled"


async def test_a_source_that_cannot_be_described_is_400_with_its_line(client: AsyncLetta) -> None:
    with pytest.raises(BadRequestError, match=r"line 2"):
        await client.tools.create(source_code="x = 1\ndef f(:\n")
    with pytest.raises(BadRequestError, match=r'"a" of "f" has no type \(line 1\)'):
        await client.tools.create(source_code='def f(a):\n    """Do."""\n')


async def test_a_new_source_replaces_the_old_one(client: AsyncLetta) -> None:
    agent, _ = await _agent_with(client, ADD)
    tool = (await client.tools.list(name="add")).items[0]

    await client.tools.update(tool.id, source_code=ADD.replace("a + b", "a - b"))

    result = await client.agents.tools.run("add", agent_id=agent.id, args={"a": 4})
    assert result.func_return == "3"
