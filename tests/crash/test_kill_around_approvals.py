"""kill -9 around an approval: asked once, decided once, and the tool's answer comes once."""

from __future__ import annotations

import asyncio
import re
import signal

import pytest

from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS

ASKED = "call current_time {}"
SETTINGS = {"POSTERN_APPROVALS__TOOLS": "current_time"}
WHILE_ASKING = ["before store.approvals.ask", "after store.approvals.ask"]
WHILE_DECIDING = [
    "before store.approvals.decide",
    "after store.approvals.decide",
    "before toolbox.call",
    "after toolbox.call",
    "before store.turns.record_tool_result",
]

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("moment", WHILE_ASKING)
async def test_a_kill_while_asking_asks_once(
    home: Home, ada: Ada, letta: dict[str, str], moment: str
) -> None:
    settings = {**SETTINGS, **letta}
    async with home.gateway(die_at=moment, settings=settings) as dying:
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        asking = asyncio.ensure_future(ada.asks(ASKED))
        status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
    async with home.gateway(settings=settings):
        await asyncio.wait_for(asking, PATIENCE_SECONDS)
        seen = await ada.sees()

    assert status == -signal.SIGKILL
    assert [text.startswith("Your agent wants to use") for _, text in seen].count(True) == 1
    assert len(seen) == 3


@pytest.mark.parametrize("moment", WHILE_DECIDING)
async def test_a_kill_while_deciding_decides_once(
    home: Home, ada: Ada, letta: dict[str, str], moment: str
) -> None:
    settings = {**SETTINGS, **letta}
    async with home.gateway(settings=settings):
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        await asyncio.wait_for(ada.asks(ASKED), PATIENCE_SECONDS)
        approve = _approve(await ada.sees())
    async with home.gateway(die_at=moment, settings=settings) as dying:
        await home.until_ready()
        deciding = asyncio.ensure_future(ada.asks(approve))
        status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
    async with home.gateway(settings=settings):
        await home.until_ready()
        await asyncio.wait_for(deciding, PATIENCE_SECONDS)
        await asyncio.wait_for(ada.until_she_sees(6), PATIENCE_SECONDS)
        await home.until_idle()
        seen = await ada.sees()

    assert status == -signal.SIGKILL
    assert len(seen) == 6
    questions = [text for _, text in seen if text.startswith("Your agent wants to use")]
    assert ["**Approved by somebody**" in text for text in questions] == [True]


def _approve(seen: list[tuple[str, str]]) -> str:
    found = [match for _, text in seen if (match := re.search(r"/approve [0-9a-f]{24}", text))]
    assert len(found) == 1
    return found[0][0]
