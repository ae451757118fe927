"""The card below a question about a tool call."""

from datetime import UTC, datetime

import pytest

from adapters.discord.cards import card_of
from gateway.domain.approvals import Approval, ApprovalState, asked_by
from gateway.domain.conversations import Conversation
from gateway.domain.ids import DeliveryId, PersonId, TurnId
from gateway.domain.people import Identity, Mode, Sender
from gateway.domain.tools import ToolCall

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def approval(state: ApprovalState, tool: str = "pay") -> Approval:
    return Approval(
        id="a1b2",
        call=ToolCall("c1", tool, '{"euros": 5}'),
        turn=TurnId("t1"),
        person=PersonId("p1"),
        role="postern",
        conversation=Conversation("discord", "dm", "7"),
        sender=Sender(Identity("discord", "discord", "9"), "Ada"),
        mode=Mode.PERSON,
        is_private=False,
        asked_at=NOW,
        expires_at=NOW,
        state=state,
    )


def test_each_state_has_its_own_words_and_colour() -> None:
    cards = [card_of(approval(state)) for state in ApprovalState]

    assert [card["description"] for card in cards] == [
        "Waits for an answer",
        "Approved",
        "Denied",
        "Nobody decided in time",
    ]
    assert len({card["color"] for card in cards}) == 4
    assert all(0 < card["color"] <= 0xFFFFFF for card in cards)


@pytest.mark.parametrize("state", ApprovalState)
def test_a_card_tells_no_arguments(state: ApprovalState) -> None:
    assert "euros" not in str(card_of(approval(state)))


@pytest.mark.parametrize(
    ("tool", "title"),
    [("save_file", "`save_file`"), ("p`a\ny\u202e", "`pay`"), ("x" * 999, f"`{'x' * 100}`")],
)
def test_whatever_a_tool_is_called_its_name_is_one_short_line(tool: str, title: str) -> None:
    assert card_of(approval(ApprovalState.WAITING, tool))["title"] == title


def test_a_question_is_told_from_other_messages() -> None:
    asked = approval(ApprovalState.WAITING)

    assert asked_by(asked.question) == "a1b2"
    assert asked_by(DeliveryId("turn-1.0")) is None
