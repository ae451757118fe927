"""People and wakeups meet on one agent of a real Letta server, as on our own."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.platforms.meetings import MEETINGS, Meeting, meeting

pytestmark = [pytest.mark.letta_real, pytest.mark.timeout(180)]

_VARIABLES = {
    "POSTERN_TEST_LETTA_URL": "LETTA_BASE_URL",
    "POSTERN_TEST_LETTA_KEY": "LETTA_API_KEY",
    "POSTERN_TEST_LETTA_MODEL": "POSTERN_LETTA__MODEL",
    "POSTERN_TEST_LETTA_EMBEDDING": "POSTERN_LETTA__EMBEDDING",
}
"""What a gateway is told of the server that tests are told of."""


@pytest.mark.parametrize("story", MEETINGS, ids=lambda story: story.__name__)
async def test_on_a_real_letta(
    story: Callable[[Meeting], Awaitable[None]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = {ours: os.environ[name] for name, ours in _VARIABLES.items() if name in os.environ}
    async with meeting(told, tmp_path, caplog) as met:
        await story(met)
