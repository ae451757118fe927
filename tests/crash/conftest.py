"""Where the gateways that are killed live."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.crash.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return Home(tmp_path / "data", port)
