"""kill -9 around a tool with an effect outside: it is never repeated, and the agent knows."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.crash import post_office
from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS

ASKED = 'call send_letter {"text": "Dear Bob"}'
SENT = "The letter is sent."
UNKNOWN = "it may or may not have happened"
MOMENTS = {
    "before store.turns.intend_tool_call": (SENT, 1),
    "in the call": (UNKNOWN, 1),
    "after store.turns.record_tool_result": (SENT, 1),
}
"""What the agent hears after a kill at this moment, and how many letters there are."""

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_call_with_an_effect_is_not_made_again(
    home: Home, ada: Ada, letta: dict[str, str], tmp_path: Path, moment: str
) -> None:
    post_office.install(tmp_path / "installed")
    letters = tmp_path / "letters"
    settings = {"PYTHONPATH": str(tmp_path / "installed"), "LETTERS": str(letters), **letta}
    deadly = {**settings, "DIE_IN_CALL": "yes"} if moment == "in the call" else settings
    async with home.gateway(die_at=moment, settings=deadly) as dying:
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        asking = asyncio.ensure_future(ada.asks(ASKED))
        status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
    async with home.gateway(settings=settings):
        answer = "\n".join(await asyncio.wait_for(asking, PATIENCE_SECONDS))
        await home.until_idle()

    heard, count = MOMENTS[moment]
    assert status == -signal.SIGKILL
    assert heard in answer
    assert (letters.read_text() if letters.exists() else "") == "Dear Bob\n" * count
