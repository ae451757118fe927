"""Where the gateways that are killed live."""

from __future__ import annotations

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


@pytest.fixture
async def ada(home: Home) -> AsyncGenerator[Ada]:
    async with httpx.AsyncClient(base_url=home.url, timeout=30) as client:
        yield Ada(client)
