import asyncio

from agents.embedded.steps.stream import RunStream
from agents.embedded.steps.turn import ActiveTurn
from tests.unit.agents.embedded.contexts import run


def _turn() -> ActiveTurn:
    begun = run()
    return ActiveTurn(begun, RunStream(begun.id, (), 0))


async def test_a_cancelled_turn_leaves_no_cancellation_in_its_task() -> None:
    turn, started = _turn(), asyncio.Event()
    left: list[int] = []

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    async def carry_out() -> bool:
        finished = await turn.interruptible(work())
        task = asyncio.current_task()
        left.append(task.cancelling() if task else -1)
        return finished

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(carry_out())
        await started.wait()
        turn.cancel()

    assert task.result() is False
    assert left == [0]


async def test_a_turn_cancelled_before_does_no_work() -> None:
    turn = _turn()
    turn.cancel()
    done: list[str] = []

    async def work() -> None:
        done.append("worked")

    assert await turn.interruptible(work()) is False
    assert done == []


async def test_a_cancel_from_outside_passes_through() -> None:
    turn, started = _turn(), asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(turn.interruptible(work()))
        await started.wait()
        task.cancel()

    assert task.cancelled()
