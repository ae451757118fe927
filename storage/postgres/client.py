"""What we use of asyncpg, which carries no types; its connections are `Any` from here on."""

from __future__ import annotations

from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from gateway.errors import SettingsWrong

PostgresError = asyncpg.PostgresError
"""The server said no; `sqlstate` says why."""
InterfaceError = asyncpg.InterfaceError
"""The client could not: a closed connection, or a value that can not be sent."""
ClientError = asyncpg.InternalClientError
"""The client lost its place, as when the server hangs up between two statements."""
FAILURES = (PostgresError, InterfaceError, ClientError, OSError)
"""Whatever a call to the database may raise; time-outs are among the OSErrors."""

CONNECT_TIMEOUT_SECONDS = 10.0
STATEMENT_TIMEOUT_SECONDS = 30.0

_BAD_URL = (
    "database_url can not be read. It looks like postgresql://user:password@host:5432/database; "
    "a password with special characters must be percent-encoded."
)
_asyncpg: Any = asyncpg


async def open_pool(url: str, size: int) -> Any:
    """Return a pool of up to `size` connections, one of them open; raises one of FAILURES."""
    try:
        return await _asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=STATEMENT_TIMEOUT_SECONDS,
            reset=_leave_as_it_is,
        )
    except ValueError:  # its text may quote parts of the URL
        raise SettingsWrong(_BAD_URL) from None


async def connect(url: str) -> Any:
    """Return a connection of its own; raises one of FAILURES."""
    return await _asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS)


async def _leave_as_it_is(_: object) -> None:
    """Spare the round trip with which asyncpg resets a connection: ours are never changed."""
