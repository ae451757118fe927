"""People and wakeups meet on one agent of the embedded server, which is another process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.contracts.letta_api.mortal_server import life
from tests.platforms.meetings import MEETINGS, Meeting, meeting


@pytest.mark.parametrize("story", MEETINGS, ids=lambda story: story.__name__)
async def test_on_the_embedded_server(
    story: Callable[[Meeting], Awaitable[None]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        life(tmp_path / "letta.db") as url,
        meeting({"LETTA_BASE_URL": url}, tmp_path, caplog) as met,
    ):
        await story(met)
