"""What must hold in the tables of Postgres, whatever the moment."""

from __future__ import annotations

from tests.fakes.postgres import execute
from tests.unit.storage.test_stores_agree import MUST_BE_EMPTY


async def check_invariants(url: str) -> None:
    """Fail when the database breaks one of them."""
    for name, query in MUST_BE_EMPTY.items():
        # SQLite's word for a comparison in which NULL equals NULL
        rows = await execute(url, query.replace("IS NOT (", "IS DISTINCT FROM (").strip())
        assert rows == [], name
