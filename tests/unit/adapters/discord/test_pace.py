"""Calls stay below the limit, the urgent ones first."""

import asyncio

from adapters.discord.pace import Pace, Urgency


async def test_no_second_sees_more_calls_than_discord_allows() -> None:
    pace = Pace(45.0)
    passed: list[float] = []

    async def call() -> None:
        await pace.take(Urgency.ANSWER)
        passed.append(asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as group:
        for _ in range(300):
            group.create_task(call())

    busiest = max(sum(at <= one < at + 1 for one in passed) for at in passed)
    assert busiest <= 50
    assert passed[-1] < 300 / 45 + 1


async def test_a_lone_call_does_not_wait() -> None:
    pace = Pace(1.0)

    await pace.take(Urgency.BACKFILL)

    assert asyncio.get_running_loop().time() == 0


async def test_answers_go_first() -> None:
    pace = Pace(10.0)
    order: list[Urgency] = []

    async def call(urgency: Urgency) -> None:
        await pace.take(urgency)
        order.append(urgency)

    async with asyncio.TaskGroup() as group:
        for urgency in [Urgency.BACKFILL] * 10 + [Urgency.LOOK_UP] * 2 + [Urgency.ANSWER] * 2:
            group.create_task(call(urgency))

    waited = order[order.index(Urgency.ANSWER) :]
    assert waited == sorted(waited)
    assert order.index(Urgency.ANSWER) <= 4


async def test_a_hint_is_left_out_when_there_is_no_room_to_spare() -> None:
    pace = Pace(10.0)

    allowed = [pace.try_take() for _ in range(5)]
    await asyncio.sleep(1)

    assert allowed == [True, True, False, False, False]
    assert pace.try_take()


async def test_a_call_that_was_given_up_takes_no_place() -> None:
    pace = Pace(1.0)
    for _ in range(4):
        await pace.take(Urgency.ANSWER)
    gone = [asyncio.ensure_future(pace.take(Urgency.ANSWER)) for _ in range(50)]
    await asyncio.sleep(0)
    for each in gone:
        each.cancel()

    await pace.take(Urgency.ANSWER)

    assert asyncio.get_running_loop().time() < 2
