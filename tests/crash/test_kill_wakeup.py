"""A reminder that Ada asked for comes once, whether its gateway dies before or after it fired."""

from __future__ import annotations

import asyncio

import pytest

from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS


@pytest.mark.crash
@pytest.mark.parametrize("moment", ["before store.schedules.fire", "after store.schedules.fire"])
async def test_a_reminder_comes_once_over_a_kill(home: Home, ada: Ada, moment: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        async with home.gateway(die_at=moment) as process:
            await ada.meet()
            asking = group.create_task(ada.asks("remind me to feed the cat in 1 second"))
            await process.wait()
        async with home.gateway():
            await asking
            await ada.until_she_sees(3)
            await home.until_idle()

            said = [text for role, text in await ada.sees() if role == "assistant"]

    assert sum("Remind me: feed the cat" in text for text in said) == 1
    assert len(said) == 2
