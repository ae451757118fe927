"""Slack's events and commands as messages, from the shapes that Slack publishes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.decoding import decode
from adapters.slack.handles import Handle
from adapters.slack.inbound import (
    Heard,
    Left,
    Opened,
    Unknown,
    Visited,
    parse_command,
    parse_event,
    place_of_event,
    read_envelope,
)
from gateway.domain.commands import CommandSpec
from gateway.domain.messages import MessageKind
from gateway.domain.people import Identity
from gateway.errors import BadInput

Payload = dict[str, Any]
"""JSON from Slack."""

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TS = "1767603600.000100"


def _event(event: Payload, **envelope: object) -> Payload:
    authorization = {"enterprise_id": None, "team_id": "T1", "user_id": "UAPP", "is_bot": True}
    return {
        "token": "t",
        "team_id": "T1",
        "api_app_id": "A1",
        "event": event,
        "type": "event_callback",
        "event_id": "Ev1",
        "event_time": 1767603600,
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        **envelope,
    }


def _message(**fields: object) -> Payload:
    return {
        "type": "message",
        "user": "U1",
        "ts": TS,
        "client_msg_id": "c-1",
        "text": "hello",
        "team": "T1",
        "channel": "D1",
        "event_ts": TS,
        "channel_type": "im",
        **fields,
    }


def _changed(before: str, after: str, **fields: object) -> Payload:
    old = {"type": "message", "user": "U1", "ts": TS, "text": before}
    edited = {"user": "U1", "ts": "1767603700.000000"}
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": "D1",
        "channel_type": "im",
        "ts": "1767603700.000200",
        "event_ts": "1767603700.000200",
        "message": {**old, "text": after, "edited": edited, **fields},
        "previous_message": old,
    }


def _parse(event: Payload, **envelope: object) -> Heard | Left | Opened | Visited | Unknown | None:
    read = read_envelope(_event(event, **envelope))
    return parse_event(read, place_of_event(read), hears_reactions=True)


def _heard(event: Payload, **envelope: object) -> Heard:
    heard = _parse(event, **envelope)
    assert isinstance(heard, Heard)
    return heard


def test_a_dm_is_named_by_channel_and_ts() -> None:
    heard = _heard(_message())

    assert heard.is_addressed
    message = heard.message
    assert message.event_id == f"D1:{TS}"
    assert message.conversation.id == "slack:T1:D1"
    assert message.sender.identity == Identity("slack", "T1", "U1")
    assert message.text == "hello"
    assert message.sent_at == datetime(2026, 1, 5, 9, 0, 0, 100, UTC)
    assert message.idempotency_key == f"slack:T1:D1:{TS}"


def test_a_dm_in_a_thread_keeps_its_thread() -> None:
    assert _heard(_message(thread_ts="17.1")).message.conversation.id == "slack:T1:D1:17.1"


def test_both_events_of_a_mention_are_the_same_message() -> None:
    place = {"channel": "C1", "text": "<@UAPP> hello"}
    as_message = _heard(_message(**place, channel_type="channel"))
    mention = {k: v for k, v in _message(**place).items() if k != "channel_type"}
    as_mention = _heard({**mention, "type": "app_mention"}, event_id="Ev2")

    assert as_message == as_mention
    assert as_message.message.conversation.id == f"slack:T1:C1:{TS}"
    assert as_message.message.text == "hello"


def test_who_the_app_is_may_be_known_from_elsewhere() -> None:
    event = _event(_message(channel="C1", channel_type="channel", text="<@UAPP> hi"))

    without = read_envelope({**event, "authorizations": []})
    place = place_of_event(without)
    assert parse_event(without, place, hears_reactions=False) is None
    known = replace(place, app_user="UAPP")
    heard = parse_event(without, known, hears_reactions=False)
    assert isinstance(heard, Heard)
    assert heard.message.text == "hi"


@pytest.mark.parametrize("channel_type", ["channel", "group", "mpim"])
def test_what_nobody_said_to_the_app_is_not_for_it(channel_type: str) -> None:
    assert _parse(_message(channel="C1", channel_type=channel_type)) is None


def test_a_reply_in_a_thread_is_for_the_app_only_if_it_takes_part() -> None:
    heard = _heard(_message(channel="C1", channel_type="channel", thread_ts="17.1"))

    assert not heard.is_addressed
    assert heard.message.conversation.id == "slack:T1:C1:17.1"


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"},
        {"user": None},
        {"user": "UAPP"},
        {"user": "USLACKBOT"},
        {"subtype": "bot_message"},
        {"subtype": "channel_join"},
        {"subtype": "channel_topic"},
        {"subtype": "message_replied"},
    ],
    ids=str,
)
def test_bots_and_notices_are_not_heard(fields: Payload) -> None:
    assert _parse(_message(**fields)) is None


def test_a_sender_from_another_workspace_is_named_by_it() -> None:
    profile = {"display_name": "", "real_name": "Eve", "avatar_hash": "x", "is_restricted": False}
    sender = _heard(_message(user_team="T2", source_team="T2", user_profile=profile)).message.sender

    assert sender.identity == Identity("slack", "T2", "U1")
    assert sender.name == "Eve"


def test_an_edit_names_the_message_that_it_is_about() -> None:
    edit = _heard(_changed("helo", "hello")).message

    assert edit.kind is MessageKind.EDIT
    assert edit.target == f"D1:{TS}"
    assert edit.event_id == f"D1:{TS}:edit:1767603700.000000"
    assert edit.text == "hello"


@pytest.mark.parametrize(
    "event",
    [
        _changed("same", "same"),
        _changed("a", "b", edited=None),
        _changed("a", "b", bot_id="B1"),
        {**_changed("a", "b"), "message": None},
    ],
    ids=["a link unfolded", "not by its author", "by a bot", "nothing"],
)
def test_changes_that_nobody_wrote_are_no_edits(event: Payload) -> None:
    assert _parse(event) is None


@pytest.mark.parametrize("is_tombstone", [False, True])
def test_a_deletion_names_the_message_that_it_takes_back(is_tombstone: bool) -> None:
    changed = _changed("hello", "This message was deleted.", subtype="tombstone")
    deleted = {**changed, "subtype": "message_deleted", "deleted_ts": TS, "message": None}

    deletion = _heard(changed if is_tombstone else deleted).message

    assert deletion.kind is MessageKind.DELETE
    assert deletion.target == f"D1:{TS}"
    assert deletion.event_id == f"D1:{TS}:delete"
    assert deletion.sender.identity.user == "U1"


def test_files_are_told_beside_the_text() -> None:
    files = [
        {"id": "F1", "name": "a.pdf", "mimetype": "application/pdf", "size": 1234},
        {"id": "F2", "mode": "file_access", "file_access": "check_file_info"},
    ]

    heard = _heard(_message(subtype="file_share", text="", files=files))

    assert heard.message.text == ""
    assert [file.id for file in heard.files] == ["F1", "F2"]
    assert [file.address for file in heard.files] == ["", ""]


def _reaction(**fields: object) -> Payload:
    return {
        "type": "reaction_added",
        "user": "U1",
        "reaction": "+1",
        "item_user": "UAPP",
        "item": {"type": "message", "channel": "D1", "ts": "17.1"},
        "event_ts": "18.1",
        **fields,
    }


def test_a_reaction_names_the_message_that_it_is_on() -> None:
    reaction = _heard(_reaction()).message

    assert reaction.kind is MessageKind.REACTION
    assert reaction.target == "D1:17.1"
    assert reaction.text == ":+1:"


@pytest.mark.parametrize(
    "fields",
    [
        {"item_user": "U2"},
        {"user": "UAPP"},
        {"item": {"type": "message", "channel": "C1", "ts": "17.1"}},
        {"item": {"type": "file", "file": "F1"}},
    ],
    ids=str,
)
def test_reactions_to_others_are_not_heard(fields: Payload) -> None:
    assert _parse(_reaction(**fields)) is None


def test_reactions_are_heard_only_when_that_is_wanted() -> None:
    read = read_envelope(_event(_reaction()))

    assert parse_event(read, place_of_event(read), hears_reactions=False) is None


def test_where_people_open_a_conversation_is_told() -> None:
    home = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages"}
    thread: Payload = {"user_id": "U1", "context": {}, "channel_id": "D1", "thread_ts": "17.1"}
    started: Payload = {
        "type": "assistant_thread_started",
        "assistant_thread": thread,
        "event_ts": "1.1",
    }

    opened = [_parse(home), _parse(started), _parse({**home, "tab": "home"})]

    places = [o.conversation.id if isinstance(o, Opened) else o for o in opened]
    assert places == ["slack:T1:D1", "slack:T1:D1:17.1", Visited("T1", "U1")]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message"},
        _message(ts="yesterday"),
        _message(ts="1e400"),
        _message(ts="nan"),
        _message(channel=""),
    ],
    ids=str,
)
def test_a_strange_shape_is_a_value_error(event: Payload) -> None:
    with pytest.raises(ValueError, match=r"."):
        _parse(event)


# -- commands ------------------------------------------------------------------------------------


def _form(command: str, text: str = "", **fields: str) -> dict[str, str]:
    return {
        "token": "t",
        "team_id": "T1",
        "team_domain": "acme",
        "channel_id": "C1",
        "channel_name": "general",
        "user_id": "U1",
        "user_name": "ada",
        "command": command,
        "text": text,
        "response_url": "https://hooks.slack.com/commands/T1/1/x",
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        **fields,
    }


SPECS = (CommandSpec("status", "How it is"), CommandSpec("poll", "Ask all", is_private=False))


def test_a_question_is_said_to_the_agent() -> None:
    message = parse_command(_form("/ask", " what is &lt;this&gt;? "), SPECS, NOW)

    assert message.kind is MessageKind.TEXT
    assert message.text == "what is <this>?"
    assert message.conversation.id == "slack:T1:C1"
    assert message.event_id == "command:13345224609.738474920.8088930838d88f008e0"
    assert not message.is_private
    assert message.sender.name == "ada"
    assert message.handle is not None
    handle = Handle.from_text(message.handle)
    assert handle.user == "U1"
    assert handle.expires_at == NOW + timedelta(minutes=29)


@pytest.mark.parametrize(
    ("text", "words", "is_private"),
    [
        ("status", "status", True),
        ("poll lunch?", "poll lunch?", False),
        ("", "help", True),
        ("unheard of", "unheard of", True),
    ],
)
def test_a_verb_is_for_the_gateway(text: str, words: str, is_private: bool) -> None:
    message = parse_command(_form("/postern", text), SPECS, NOW)

    assert message.kind is MessageKind.COMMAND
    assert message.text == words
    assert message.is_private is is_private


def test_in_a_dm_every_answer_is_an_ordinary_message() -> None:
    assert not parse_command(_form("/postern", "status", channel_id="D1"), SPECS, NOW).is_private


@pytest.mark.parametrize(("command", "text"), [("/ask", " "), ("/postern", "ask")])
def test_a_question_without_words_is_refused(command: str, text: str) -> None:
    with pytest.raises(BadInput, match="Write your question"):
        parse_command(_form(command, text), SPECS, NOW)


# -- decoding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("<@UAPP> hi", "hi"),
        ("<@UAPP|postern>: hi", "hi"),
        ("hi <@UAPP>", "hi @UAPP"),
        ("<@U2> and <@U3|bob>", "@U2 and @bob"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<!here> <!subteam^S1|@team> <!subteam^S2>", "@here @team @subteam"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<https://x.org>", "https://x.org"),
        ("<https://x.org|https://x.org>", "https://x.org"),
        ("<http://x.org|x.org>", "http://x.org"),
        ("<https://x.org|the docs>", "the docs (https://x.org)"),
        ("<mailto:a@x.org|a@x.org>", "a@x.org"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;", "&lt;"),
        ("&lt;!everyone&gt;", "<!everyone>"),
        ("<>", "<>"),
    ],
)
def test_text_is_decoded_as_its_author_saw_it(written: str, meant: str) -> None:
    assert decode(written, "UAPP") == meant


@given(st.text())
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert decode(escaped, "UAPP") == text


# -- workspaces ----------------------------------------------------------------------------------


def test_an_app_that_was_taken_out_is_told_with_its_moment() -> None:
    left = _parse({"type": "app_uninstalled"})

    assert left == Left("T1", "app_uninstalled", datetime(2026, 1, 5, 9, tzinfo=UTC))


def test_a_token_of_a_person_that_was_revoked_is_not_the_app_s() -> None:
    ours = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["UAPP"]}}
    theirs = {"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}

    assert isinstance(_parse(ours), Left)
    assert _parse(theirs) is None


def test_in_an_organisation_people_are_the_organisation_s() -> None:
    authorization = {"enterprise_id": "E1", "team_id": "T1", "user_id": "UAPP", "is_bot": True}
    heard = _parse(_message(user_team="T1"), authorizations=[authorization])

    assert isinstance(heard, Heard)
    assert heard.message.sender.identity == Identity("slack", "E1", "U1")
    assert heard.message.conversation.workspace == "T1"


def test_an_app_of_a_whole_organisation_talks_in_the_organisation() -> None:
    authorization = {
        "enterprise_id": "E1",
        "team_id": None,
        "user_id": "UAPP",
        "is_bot": True,
        "is_enterprise_install": True,
    }

    heard = _parse(_message(), authorizations=[authorization])

    assert isinstance(heard, Heard)
    assert heard.message.conversation.workspace == "E1"


def test_a_guest_of_another_organisation_stays_one() -> None:
    authorization = {"enterprise_id": "E1", "team_id": "T1", "user_id": "UAPP", "is_bot": True}
    heard = _parse(_message(user_team="T9"), authorizations=[authorization])

    assert isinstance(heard, Heard)
    assert heard.message.sender.identity == Identity("slack", "T9", "U1")
