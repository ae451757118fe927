"""A Letta server that is not there yet, or dies in mid-answer: told once, answered once."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.turn_runner import ANSWER_IS_LATE
from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own

pytestmark = pytest.mark.crash


class Letta:
    """A Letta-compatible server that comes and goes at one address."""

    def __init__(self, folder: Path) -> None:
        self._port = port_of_our_own()
        self._folder = folder

    @property
    def settings(self) -> dict[str, str]:
        """What a gateway is told to find it."""
        return {"LETTA_BASE_URL": f"http://127.0.0.1:{self._port}"}

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[asyncio.subprocess.Process]:
        """Serve until the end of the context, or until it is killed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway", "letta", "serve", "--port", str(self._port)),
            *("--data", str(self._folder / "letta.db")),
            env={"PATH": os.environ["PATH"], "POSTERN_DATA_DIR": str(self._folder / "letta")},
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
def letta(tmp_path: Path) -> Letta:
    return Letta(tmp_path)


async def test_a_letta_that_is_not_there_yet_is_waited_for(
    home: Home, ada: Ada, letta: Letta
) -> None:
    async with home.gateway(settings=letta.settings):
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        asking = asyncio.ensure_future(ada.asks("My name is Ada."))
        await asyncio.wait_for(ada.until_she_sees(2), PATIENCE_SECONDS)
        told = await ada.sees()
        async with letta.serving():
            answer = await asyncio.wait_for(asking, PATIENCE_SECONDS)
            seen = await ada.sees()

    assert told == [("user", "My name is Ada."), ("assistant", ANSWER_IS_LATE)]
    assert seen == [*told, ("assistant", answer[0])]
    assert "Name: Ada" in answer[0]


async def test_a_letta_that_dies_in_mid_answer_finishes_it_when_it_is_back(
    home: Home, ada: Ada, letta: Letta
) -> None:
    async with home.gateway(settings=letta.settings):
        async with letta.serving() as dying:
            await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
            await asyncio.wait_for(ada.asks("Hello."), PATIENCE_SECONDS)
            asking = asyncio.ensure_future(ada.asks("What do you know about me?"))
            await asyncio.wait_for(ada.until_she_sees(3), PATIENCE_SECONDS)
            dying.kill()
            await dying.wait()
        async with letta.serving():
            await asyncio.wait_for(asking, PATIENCE_SECONDS)
            seen = await ada.sees()

    said = [text for author, text in seen if author == "assistant" and text != ANSWER_IS_LATE]
    assert [text for author, text in seen if author == "user"] == [
        "Hello.",
        "What do you know about me?",
    ]
    assert len(said) == 2, seen
