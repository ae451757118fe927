"""Windows carry where they were opened, within Slack's limits, whatever is quoted in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.forms import Origin, quote_of, quoted, window

LIMIT = 3_000
"""docs.slack.dev/reference/views/modal-views: `private_metadata`."""


@given(st.text(max_size=6_000), st.none() | st.text("CD0123456789", min_size=1, max_size=12))
def test_a_window_keeps_where_it_was_opened(text: str, channel: str | None) -> None:
    origin = Origin(channel, handle="h" * 150, quote=quote_of("U1", text))

    carried = Origin.from_text(window(origin)["private_metadata"])

    assert len(origin.to_text()) <= LIMIT
    assert (carried.channel, carried.handle) == (channel, "h" * 150)
    assert carried.quote is not None
    assert text.startswith(carried.quote.text)
    assert carried.quote.is_cut == (carried.quote.text != text)


@pytest.mark.parametrize("text", ["", "5", "[]", "{}", '{"channel": 1}', '{"quote": {"x": 1}}'])
def test_what_is_no_origin_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Origin.from_text(text)


@given(st.text(max_size=300), st.text(max_size=100))
def test_every_line_of_a_quotation_is_marked(text: str, name: str) -> None:
    question, nothing, whose, *lines = quoted(
        "Why?", quote_of("U1", text), name, is_own=False
    ).split("\n")

    assert (question, nothing) == ("Why?", "")
    assert "not I" in whose
    assert all(line.startswith("> ") for line in lines)
