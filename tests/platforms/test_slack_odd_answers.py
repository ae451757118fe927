"""Answers of Slack that are not what it describes: nothing is lost, and nothing is shown twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.platforms.slack_hub import SlackHub, slack_hub
from tests.platforms.slack_server import Person

Answer = dict[str, object]


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


NAMELESS: list[Answer] = [
    {"ok": True},
    {"ok": True, "user": None},
    {"ok": True, "user": ["ada"]},
    {"ok": True, "user": {"profile": None}},
    {"ok": True, "user": {"profile": {"display_name": 7}}},
]


@pytest.mark.parametrize("answer", NAMELESS, ids=str)
async def test_a_name_that_can_not_be_read_keeps_no_message_out(
    hub: SlackHub, ada: Person, answer: Answer
) -> None:
    hub.slack.faults.answer("users.info", answer, times=10)

    ada.dm("hello")

    await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": True, "ts": None}], ids=str)
async def test_a_post_without_its_place_is_looked_up_before_it_is_repeated(
    hub: SlackHub, ada: Person, answer: Answer
) -> None:
    hub.slack.faults.answer("chat.postMessage", answer)

    ada.dm("hello")
    await hub.is_sent()

    assert ada.sees() == ["hello", "re: hello"]
    assert hub.slack.calls("conversations.history")


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": True, "channel": "D1"}], ids=str)
async def test_direct_messages_that_are_not_named_leave_the_question_in_its_window(
    hub: SlackHub, ada: Person, answer: Answer
) -> None:
    hub.slack.faults.answer("conversations.open", answer)
    await ada.shortcut("ask")
    await hub.slack.until(lambda: ada.modal)
    assert ada.modal is not None

    refused = await ada.submits(ada.modal, {"text": "why?"})
    await ada.submits(ada.modal, {"text": "why?"})

    assert "nothing was stored" in refused.body["errors"]["question"]
    await hub.slack.until(lambda: ada.sees() == ["re: why?"])
