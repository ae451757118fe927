"""kill -9 at named moments of a gateway on Postgres: the next one waits for the lease, no more."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema

MOMENTS = [
    "before store.turns.accept",
    "after store.turns.accept",
    "after TextDelta of runtime.run",
    "after store.turns.finish",
    "after platform.send",
]

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_kill_loses_and_doubles_nothing(home: Home, ada: Ada, moment: str) -> None:
    async with postgres_schema() as url:
        settings = {"DATABASE_URL": url, "POSTERN_TURNS__LEASE_SECONDS": "1.5"}
        async with home.gateway(die_at=moment, settings=settings) as dying:
            await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
            asking = asyncio.ensure_future(ada.asks("My name is Ada."))
            status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
        async with home.gateway(settings=settings):
            answer = await asyncio.wait_for(asking, PATIENCE_SECONDS)
            recall = await asyncio.wait_for(ada.asks("What is my name?"), PATIENCE_SECONDS)
            seen = await ada.sees()

    assert status == -signal.SIGKILL, f'"{moment}" never came'
    assert recall == ["Your name is **Ada**."]
    assert seen == [
        ("user", "My name is Ada."),
        ("assistant", answer[0]),
        ("user", "What is my name?"),
        ("assistant", recall[0]),
    ]
