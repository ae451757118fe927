"""What people send is checked once, and refused in one clear sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.inbound import (
    TEXT_LIMIT,
    HistoryQuery,
    parse_chat,
    parse_frame,
    parse_key,
    parse_message,
    parse_query,
    parse_role,
    parse_user,
)
from adapters.web.sessions import Visitor
from gateway.domain.messages import InboundMessage
from gateway.errors import BadInput

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA = Visitor("ada", "Ada")


def _message(text: str, visitor: Visitor = ADA, key: str = "k1") -> InboundMessage:
    return parse_message(text, visitor=visitor, role="postern", key=key, now=NOW)


def test_a_message_goes_to_the_conversation_of_user_and_agent() -> None:
    message = _message("hi")

    assert message.conversation.id == "web:postern:ada"
    assert message.sender.identity.key == "web:local:ada"
    assert (message.sent_at, message.role) == (NOW, "postern")


def test_two_users_with_the_same_key_never_share_an_event() -> None:
    one = _message("hi")
    other = _message("hi", Visitor("bob", "Bob"))

    assert one.idempotency_key != other.idempotency_key


@given(st.text(min_size=1, max_size=200))
def test_no_text_brings_control_characters_in(text: str) -> None:
    try:
        cleaned = _message(text).text
    except BadInput:
        assert not text.strip() or all(not c.isprintable() for c in text.strip())
        return

    cleaned.encode()
    assert all(c in "\n\t" or ord(c) >= 0x20 for c in cleaned)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=200))
def test_what_can_be_seen_is_kept_verbatim(text: str) -> None:
    assert _message(text).text == text


def test_line_ends_become_one_kind() -> None:
    assert _message("a\r\nb\rc\td").text == "a\nb\nc\td"


@pytest.mark.parametrize("text", ["", "  \n", "\x00\x1b"])
def test_an_empty_message_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"^The message is empty\. Write something\.$"):
        _message(text)


def test_a_message_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(BadInput, match=r"has 32,001 characters; 32,000 is the most"):
        _message("x" * (TEXT_LIMIT + 1))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "The body is not valid JSON."),
        (b"\xff", "The body is not valid JSON."),
        (b"[]", "The body must be a JSON object."),
        (b"{}", '"agent_id" is missing.'),
        (b'{"agent_id": "postern", "message": 5}', '"message" must be a text.'),
        (b'{"agent_id": 1, "message": "x"}', '"agent_id" must be a text.'),
        (b'{"agent_id": "a", "message": "x", "user_id": []}', '"user_id" must be a text.'),
    ],
)
def test_a_wrong_body_is_refused_in_one_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_chat(body)

    assert str(refused.value) == sentence


@given(st.binary(max_size=60) | st.recursive(st.none() | st.text(), st.lists).map(repr))
def test_no_bytes_break_the_parser(body: bytes | str) -> None:
    source = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")

    with pytest.raises(BadInput):
        parse_chat(source)


def test_an_unknown_frame_is_refused() -> None:
    with pytest.raises(BadInput, match='"type" has a value that is not known here'):
        parse_frame('{"type": "shout", "id": "1", "text": "x"}')


@pytest.mark.parametrize("role", ["", ".", "../etc", "a/b", "a b", "a:b", "x" * 65, "é", "a\n"])
def test_a_malformed_agent_is_refused(role: str) -> None:
    with pytest.raises(BadInput, match='"agent_id" must be the name of an agent'):
        parse_role(role)


@pytest.mark.parametrize("user", ["", "a:b", "a b", "@x", "x" * 65, "a\n"])
def test_a_malformed_user_is_refused(user: str) -> None:
    with pytest.raises(BadInput, match='"user_id" must be'):
        parse_user(user)


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "é", "a\n"])
def test_a_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(BadInput, match="Idempotency-Key must be"):
        parse_key(key, "Idempotency-Key")


def test_history_is_asked_for_in_fifties() -> None:
    assert parse_query(None, None) == HistoryQuery(before=None, limit=50)
    assert parse_query("17", "3") == HistoryQuery(before=17, limit=3)


@pytest.mark.parametrize(
    ("before", "limit"), [("x", None), ("-1", None), ("²", None), (None, "0"), (None, "201")]
)
def test_a_wrong_query_is_refused(before: str | None, limit: str | None) -> None:
    with pytest.raises(BadInput, match="must be"):
        parse_query(before, limit)
