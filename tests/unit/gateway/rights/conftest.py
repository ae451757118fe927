"""Tests of this folder run on a loop whose time jumps: what is remembered is so for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.fakes.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Make the tests of this folder run on virtual time."""
    return {"virtual": VirtualTimeLoop}
