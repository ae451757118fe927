"""The id of an event says where its reader stands, and nothing else is one."""

from __future__ import annotations

import pytest

from adapters.web.events import Position, parse_position
from gateway.errors import BadInput


@pytest.mark.parametrize("last_id", ["x", "1", "1-", "-1-2", "1-2-3", "9" * 19 + "-1", "١-١"])
def test_what_is_no_id_of_an_event_is_refused(last_id: str) -> None:
    with pytest.raises(BadInput):
        parse_position(last_id)


def test_an_id_is_read_back() -> None:
    assert parse_position(Position(17, 230).id) == Position(17, 230)


@pytest.mark.parametrize("last_id", [None, ""])
def test_who_brings_none_begins_now(last_id: str | None) -> None:
    assert parse_position(last_id) is None
