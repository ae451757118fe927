"""Where the gateways that are killed live."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "data", port_of_our_own())


@pytest.fixture(params=["embedded", *(["live"] if "POSTERN_TEST_LETTA_URL" in os.environ else [])])
def letta(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings: the server where agents think, which dies with the gateway or does not."""
    if request.param == "embedded":
        return {}
    names = {
        "LETTA_BASE_URL": "URL",
        "LETTA_API_KEY": "KEY",
        "POSTERN_LETTA__MODEL": "MODEL",
        "POSTERN_LETTA__EMBEDDING": "EMBEDDING",
    }
    given = {name: os.environ.get(f"POSTERN_TEST_LETTA_{each}", "") for name, each in names.items()}
    return {name: value for name, value in given.items() if value}


@pytest.fixture
async def ada(home: Home) -> AsyncGenerator[Ada]:
    async with httpx.AsyncClient(base_url=home.url, timeout=PATIENCE_SECONDS) as client:
        yield Ada(client)
