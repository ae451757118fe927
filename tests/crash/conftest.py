"""Where the gateways that are killed live."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from tests.crash.home import Ada, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return Home(tmp_path / "data", port)


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
    async with httpx.AsyncClient(base_url=home.url, timeout=30) as client:
        yield Ada(client)
