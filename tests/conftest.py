"""What all tests share: servers that were started on the way are stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.fakes.postgres import stop_server

settings.register_profile("postern", deadline=None)  # machines are shared: no test asserts a time
settings.load_profile("postern")


@pytest.fixture(scope="session", autouse=True)
def _postgres_stops_at_the_end() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    yield
    stop_server()
