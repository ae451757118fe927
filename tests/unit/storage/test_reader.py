"""The reader: what waits together shares a hop, and each gets what is theirs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from storage.sqlite.database import Connection, Result
from storage.sqlite.reader import BATCH_LIMIT, Reader

NUMBERS = (
    "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) SELECT n FROM n"
)


class CountedConnection(Connection):
    """Counts its hops."""

    hops = 0

    def call(self, function: Callable[[sqlite3.Connection], Result]) -> asyncio.Future[Result]:
        self.hops += 1
        return super().call(function)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncGenerator[CountedConnection]:
    connection = CountedConnection(partial(sqlite3.connect, tmp_path / "postern.db"), 64)
    async with connection:
        yield connection


@pytest.fixture
def reader(connection: CountedConnection, tmp_path: Path) -> Reader:
    return Reader(connection, tmp_path / "postern.db")


async def test_each_gets_its_own_rows(reader: Reader) -> None:
    read = await asyncio.gather(*(reader.read(NUMBERS, (count,)) for count in range(1, 100)))

    assert read == [[(n,) for n in range(1, count + 1)] for count in range(1, 100)]


async def test_what_waits_together_shares_a_hop(
    reader: Reader, connection: CountedConnection
) -> None:
    await asyncio.gather(*(reader.read("SELECT ?", (n,)) for n in range(1 + 2 * BATCH_LIMIT)))

    assert connection.hops == 3  # the first does not wait for others


async def test_an_error_is_its_askers_only(reader: Reader) -> None:
    asked = [reader.read("SELECT 1"), reader.read("SELECT * FROM nowhere"), reader.read("SELECT 2")]
    asked += [reader.read("SELECT ?", (1 << 70,)), reader.read("SELECT 3")]

    one, nowhere, two, too_large, three = await asyncio.gather(*asked, return_exceptions=True)

    assert [one, two, three] == [[(1,)], [(2,)], [(3,)]]
    assert isinstance(nowhere, StoreUnavailable)
    assert "nowhere" in str(nowhere)
    assert isinstance(too_large, OverflowError)


async def test_who_no_longer_waits_holds_up_nobody(reader: Reader) -> None:
    first = asyncio.ensure_future(reader.read("SELECT 1"))
    given_up = asyncio.ensure_future(reader.read("SELECT 2"))
    last = asyncio.ensure_future(reader.read("SELECT 3"))
    await asyncio.sleep(0)

    first.cancel()
    given_up.cancel()

    assert await last == [(3,)]
    assert await reader.read("SELECT 4") == [(4,)]


async def test_a_closed_one_says_so(reader: Reader, connection: CountedConnection) -> None:
    await connection.close()

    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="closed"):
            await reader.read("SELECT 1")
