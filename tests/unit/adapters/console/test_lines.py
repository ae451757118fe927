"""A typed line becomes a message, and no answer can command the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from adapters.console.inbound import LINE_LIMIT, conversation_of, parse_line
from adapters.console.outbound import answer, harmless, note, question, with_presses
from gateway.domain.people import Identity
from gateway.errors import BadInput

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def test_a_line_is_a_message_of_the_account_that_typed_it() -> None:
    message = parse_line("hi there \r", os_user="ada", role="muse", event_id="e1", now=NOW)

    assert message is not None
    assert message.conversation.id == "console:local:ada"
    assert message.sender.identity.key == "console:local:ada"
    assert (message.text, message.role) == ("hi there", "muse")


def test_somebody_whom_another_door_knows_is_the_same_person_here() -> None:
    known = Identity("web", "local", "f95d34")

    message = parse_line("hi", os_user="ada", role=None, event_id="e1", now=NOW, identity=known)

    assert message is not None
    assert message.sender.identity == known


@pytest.mark.parametrize("line", ["", "   ", "\x1b\x00"])
def test_an_empty_line_is_no_message(line: str) -> None:
    assert parse_line(line, os_user="ada", role="muse", event_id="e1", now=NOW) is None


def test_a_line_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(BadInput, match=r"has 32,001 characters; 32,000 is the most"):
        parse_line("x" * (LINE_LIMIT + 1), os_user="ada", role="muse", event_id="e1", now=NOW)


@given(st.text(max_size=30))
def test_any_account_name_makes_a_conversation(name: str) -> None:
    conversation = conversation_of(name)

    assert conversation.parse(conversation.id) == conversation


@given(st.text())
def test_no_answer_brings_escape_sequences_to_the_terminal(text: str) -> None:
    shown = harmless(f"a\x1b]52;c;aGk=\x07{text}\x9b2J")

    assert all(c in "\n\t" or c.isprintable() or ord(c) > 0x9F for c in shown)


HOSTILE = "a\x1b]0;owned\x07 `b\x1b[2J`"


@pytest.mark.parametrize("shown", [answer("Postern", HOSTILE), question(HOSTILE), note(HOSTILE)])
def test_nothing_shown_brings_an_escape_sequence(shown: RenderableType) -> None:
    screen = io.StringIO()
    Console(file=screen, width=60).print(shown)

    assert "\x1b" not in screen.getvalue()


def test_markdown_is_shown_with_its_structure() -> None:
    screen = io.StringIO()
    Console(file=screen, width=60).print(answer("Postern", "# Title\n\n- one\n- two"))

    assert "Postern" in screen.getvalue()
    assert "• one" in screen.getvalue()


def test_buttons_are_lines_that_can_be_typed() -> None:
    shown = with_presses("May it?", [("Approve", "/approve a1"), ("Deny", "/deny a1")])

    assert shown == "May it?\n\n- Approve: type `/approve a1`\n- Deny: type `/deny a1`"
    assert with_presses("Fine.", []) == "Fine."
