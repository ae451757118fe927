"""What OpenAI's clients send is read with care, and what grows is told once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.completion_bodies import Asked, Growth, error_body, parse_completion
from gateway.errors import BadInput


def _body(**changed: object) -> bytes:
    said = [{"role": "user", "content": "hi"}]
    return json.dumps({"model": "postern", "messages": said, **changed}).encode()


def test_the_newest_message_is_what_is_asked() -> None:
    earlier: list[dict[str, object]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "{}", "tool_call_id": "1"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]

    asked = parse_completion(_body(messages=earlier, stream=True, user="somebody", seed=7))

    assert asked == Asked("postern", "a\n\nb", wants_stream=True)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "The body is not JSON."),
        (b"[]", "The body is not JSON."),
        (b"{}", '"model" is missing'),
        (_body(model=7), '"model" is missing or not of its type.'),
        (_body(messages=[]), '"messages" is missing or not of its type.'),
        (_body(messages=["hi"]), "must have a text"),
        (_body(messages=[{"role": "user", "content": 7}]), "must have a text"),
        (_body(messages=[{"role": "assistant", "content": "x"}]), 'of the role "user"'),
        (
            _body(messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
            "nothing but text",
        ),
        (_body(n=2), '"n" can only be 1'),
        (_body(stream="yes"), '"stream" is missing or not of its type.'),
    ],
)
def test_a_wrong_request_gets_one_sentence(body: bytes, why: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_completion(body)

    assert why in str(refused.value)


def test_what_grows_is_told_once() -> None:
    growth = Growth()

    told = [growth.grow("t.0", text) for text in ("Hel", "Hello", "Hello, Ada")]

    assert [*told, growth.end("Hello, Ada. Bye.")] == ["Hel", "lo", ", Ada", ". Bye."]


def test_what_tools_are_at_work_is_not_told_as_if_it_were_said() -> None:
    growth = Growth()
    drafts = ("Let me see.", "Let me see.\n\n_search…_", "Let me see.\n\nFound", "_search ✓_")

    told = [growth.grow("t.0", text) for text in drafts]

    assert told == ["Let me see.", "", "\n\nFound", ""]
    assert growth.end("Let me see.\n\nFound it.") == " it."


def test_a_status_alone_is_not_told() -> None:
    growth = Growth()

    assert growth.grow("t.0", "- `search {}`…\n- `read {}`…") == ""
    assert growth.end("Done.") == "Done."


def test_an_answer_that_is_another_than_the_draft_is_told_whole() -> None:
    growth = Growth()
    growth.grow("t.0", "I think that")

    assert growth.end("Something failed.") == "\n\nSomething failed."


def test_several_messages_are_a_blank_line_apart() -> None:
    growth = Growth()

    told = growth.grow("t.0", "one") + growth.grow("t.1", "two") + growth.end("one\n\ntwo!")

    assert told == "one\n\ntwo!"


@given(st.lists(st.text(max_size=8), max_size=12))
def test_what_was_told_is_the_answer_however_it_grew(pieces: list[str]) -> None:
    growth, whole, told = Growth(), "", ""
    for piece in pieces:
        whole += piece
        told += growth.grow("t.0", whole)
    told += growth.end(whole)

    assert told == whole


def test_a_draft_that_changes_takes_nothing_back() -> None:
    growth = Growth()

    told = [growth.grow("t.0", text) for text in ("I think so", "I do not think so", "I think so!")]

    assert told == ["I think so", "", "!"]


def test_a_refusal_says_whose_fault_it_is() -> None:
    refused, failed = (str(error_body("", status)) for status in (404, 503))

    assert "invalid_request_error" in refused
    assert "server_error" in failed
