"""Deliveries become frames, and long answers become parts that never change again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from adapters.web.outbound import SPLIT_CHARACTERS, final_frame, html_of, split_text
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryState
from gateway.domain.ids import DeliveryId

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DELIVERY = Delivery(
    id=DeliveryId("turn-1.0"),
    conversation=Conversation("web", "postern", "ada"),
    text="**hi**",
    revision=1,
    state=DeliveryState.SENDING,
    attempts=1,
    fence=1,
    created_at=NOW,
)
LONG = st.integers(0, 80_000).flatmap(
    lambda size: st.sampled_from(["x", "word ", "line\n", "par\n\n"]).map(
        lambda unit: (unit * size)[:size]
    )
)


def test_a_page_gets_html_and_a_terminal_markdown() -> None:
    frame = final_frame(DELIVERY)

    assert json.loads(frame.html)["html"] == "<p><strong>hi</strong></p>\n"
    assert "html" not in json.loads(frame.plain)
    assert json.loads(frame.plain)["text"] == "**hi**"


def test_an_empty_text_takes_the_message_back() -> None:
    frame = final_frame(replace(DELIVERY, text=""))

    assert json.loads(frame.html) == {"type": "removed", "id": "turn-1.0"}


def test_what_a_person_wrote_is_not_rendered() -> None:
    assert html_of("user", "*a*\n<b>") == "<p>*a*<br>&lt;b&gt;</p>"


@given(LONG)
def test_parts_join_to_the_text_and_none_is_too_long(text: str) -> None:
    parts = split_text(text)

    assert "".join(parts) == text
    assert all(len(part) <= SPLIT_CHARACTERS for part in parts)


@given(LONG, st.text(max_size=50))
def test_a_growing_text_changes_only_its_last_part(text: str, more: str) -> None:
    before, after = split_text(text), split_text(text + more)

    assert after[: len(before) - 1] == before[:-1]
