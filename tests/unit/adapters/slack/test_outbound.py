"""Deliveries as arguments of Slack's methods, and its failures as our errors."""

from __future__ import annotations

import cProfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.adapter import SlackAdapter
from adapters.slack.drafts import is_stream_of
from adapters.slack.failures import SlackRefused, failure_of
from adapters.slack.options import Options
from adapters.slack.outbound import (
    MARKDOWN_LIMIT,
    ephemeral_args,
    new_splitter,
    post_args,
    response_body,
    stream_text,
    update_args,
)
from adapters.slack.pace import DRAFT_CALLS_PER_MINUTE, UPDATES_PER_MINUTE, Pace
from adapters.slack.recent import Recent
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery, DeliveryState
from gateway.domain.ids import DeliveryId, PlatformMessageId
from gateway.errors import OutcomeUnknown, RateLimited, RetryLater
from gateway.text.slack_markdown import to_slack_markdown
from storage.artifacts import MemoryArtifacts
from storage.memory import MemoryStore

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DELIVERY = Delivery(
    DeliveryId("turn-1.0"),
    Conversation("slack", "T1", "C1", "17.1"),
    "**hi** <!channel>",
    1,
    DeliveryState.SENDING,
    1,
    1,
    NOW,
)


def test_a_post_is_marked_stays_in_its_thread_and_unfolds_nothing() -> None:
    args = post_args(DELIVERY)

    assert args["channel"] == "C1"
    assert args["thread_ts"] == "17.1"
    assert args["metadata"] == {
        "event_type": "postern_delivery",
        "event_payload": {"delivery": "turn-1.0", "nonce": DELIVERY.nonce},
    }
    assert args["markdown_text"].startswith("**hi** ")
    assert not {"text", "blocks"} & set(args)
    assert args["unfurl_links"] is args["unfurl_media"] is False


def test_outside_of_threads_none_is_named() -> None:
    place = Conversation("slack", "T1", "D1")

    assert "thread_ts" not in post_args(replace(DELIVERY, conversation=place))


def test_an_update_names_the_message_and_replaces_its_text() -> None:
    args = update_args(replace(DELIVERY, receipt=PlatformMessageId("18.1")), "all of it")

    assert (args["channel"], args["ts"]) == ("C1", "18.1")
    assert args["blocks"] == [{"type": "markdown", "text": "all of it"}]


@pytest.mark.parametrize(("is_private", "kind"), [(True, "ephemeral"), (False, "in_channel")])
def test_a_response_url_is_told_who_may_see_it(is_private: bool, kind: str) -> None:
    body = response_body(replace(DELIVERY, is_private=is_private))

    assert body["response_type"] == kind
    assert body["blocks"][0]["type"] == "markdown"


def test_an_ephemeral_message_is_for_one_person() -> None:
    assert ephemeral_args(DELIVERY, "U1")["user"] == "U1"


@pytest.mark.parametrize("call", ["<!channel>", "<!everyone>", "<!here>", "<@U1>", "<#C1>"])
def test_no_text_of_an_agent_calls_anybody(call: str) -> None:
    delivery = replace(DELIVERY, text=f"a {call} `{call}`\n\n    {call}\n\n```\n{call}\n```")
    asking = replace(delivery, buttons=(Button("Yes", "yes"),))
    shown = (
        post_args(asking)["text"],
        post_args(asking)["blocks"][0]["text"],
        update_args(delivery, delivery.text)["text"],
        post_args(delivery)["markdown_text"],
        response_body(delivery)["blocks"][0]["text"],
        stream_text(delivery.text),
    )

    assert not any(call[:2] in text for text in shown)


@given(st.text(max_size=400), st.text(max_size=100))
def test_a_stream_only_grows(text: str, more: str) -> None:
    assert stream_text(text + more).startswith(stream_text(text))


@settings(max_examples=20, deadline=None)
@given(st.text("ab *_`<&\n", min_size=1, max_size=60), st.integers(1, 800))
def test_every_part_fits_one_message(text: str, times: int) -> None:
    assert all(
        len(to_slack_markdown(part)) <= MARKDOWN_LIMIT
        for part in new_splitter().split(text * times)
    )


def test_an_answer_that_grows_is_not_rendered_anew_with_each_word() -> None:
    clock = SystemClock()
    adapter = SlackAdapter(Options(bot_token=""), MemoryStore(), MemoryArtifacts(clock), clock)
    steps = range(0, 20_000, 50)
    text = "More words. " * 2_000
    profile = cProfile.Profile()

    with profile:
        parts = [adapter.split(text[:end]) for end in steps]

    rendered = sum(
        entry.callcount for entry in profile.getstats() if entry.code is to_slack_markdown.__code__
    )
    assert len(parts[-1]) == 2
    assert rendered < len(steps) // 2


# -- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "is_write", "kind"),
    [
        (429, "ratelimited", True, RateLimited),
        (429, None, False, RateLimited),
        (200, "rate_limited", True, RateLimited),
        (500, None, True, OutcomeUnknown),
        (503, None, True, OutcomeUnknown),
        (503, None, False, RetryLater),
        (200, None, True, OutcomeUnknown),
        (200, "internal_error", True, OutcomeUnknown),
        (200, "fatal_error", True, OutcomeUnknown),
        (200, "internal_error", False, RetryLater),
        (200, "service_unavailable", True, RetryLater),
        (200, "request_timeout", True, RetryLater),
        (200, "channel_not_found", True, SlackRefused),
        (200, "is_archived", True, SlackRefused),
        (200, "not_in_channel", True, SlackRefused),
        (200, "msg_too_long", True, SlackRefused),
        (200, "account_inactive", True, SlackRefused),
        (200, "token_revoked", True, SlackRefused),
        (200, "brand_new_refusal", True, SlackRefused),
    ],
)
def test_a_failure_is_what_can_be_done_about_it(
    status: int, code: str | None, is_write: bool, kind: type[Exception]
) -> None:
    error = failure_of("chat.postMessage", status, code, None, is_write=is_write)

    assert type(error) is kind


def test_the_wait_that_slack_asks_for_is_kept() -> None:
    error = failure_of("chat.update", 429, "ratelimited", "7", is_write=True)

    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 7
    assert str(error) == "Slack asked to wait 7 s before the next chat.update."


@pytest.mark.parametrize("header", [None, "soon"])
def test_a_wait_that_slack_does_not_say_is_half_a_minute(header: str | None) -> None:
    error = failure_of("chat.update", 429, None, header, is_write=True)

    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 30


def test_a_refusal_says_why() -> None:
    error = failure_of("chat.postMessage", 200, "is_archived", None, is_write=True)

    assert str(error) == (
        'Slack refused chat.postMessage: "is_archived" (the channel is archived).'
    )


# -- drafts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "is_its"),
    [
        ("*one* two", True),
        ("one two three four", True),
        ("one", True),
        ("another", False),
        ("", False),
    ],
)
def test_a_stream_is_known_by_its_words(shown: str, is_its: bool) -> None:
    assert is_stream_of(shown, replace(DELIVERY, text="**one** two three")) is is_its


def test_drafts_keep_below_the_rate_of_a_workspace() -> None:
    pace = Pace({"chat.update": 2})
    moments = (("T1", 0.0), ("T1", 1.0), ("T1", 59.0), ("T2", 59.0), ("T1", 60.5), ("T1", 60.9))

    taken = [pace.take(team, "chat.update", now) for team, now in moments]

    assert taken == [True, True, False, True, True, False]


def test_the_final_texts_of_drafts_fit_beside_their_edits() -> None:
    begun = DRAFT_CALLS_PER_MINUTE["chat.startStream"] + DRAFT_CALLS_PER_MINUTE["chat.postMessage"]

    assert begun + DRAFT_CALLS_PER_MINUTE["chat.update"] < UPDATES_PER_MINUTE


def test_a_method_that_slack_holds_up_is_left_alone_until_then() -> None:
    pace = Pace({"chat.update": 9})

    pace.hold("T1", "chat.update", until=5.0)

    assert not pace.take("T1", "chat.update", 4.9)
    assert pace.take("T1", "chat.update", 5.0)


def test_a_bounded_memory_forgets_the_oldest() -> None:
    recent: Recent[str, int] = Recent(limit=2)
    for number, key in enumerate("abac"):
        recent.put(key, number)

    assert recent.values() == [2, 3]
    assert recent.get("b") is None
    assert recent.pop("a") == 2
    assert recent.pop("a") is None
