from agents.embedded.memory.rendering import render_system
from agents.embedded.records import AssistantSaid, Block, Body, Message, UserSaid
from agents.embedded.steps.context import sliding_window
from agents.embedded.steps.ending import stop_reason_after
from tests.unit.agents.embedded.contexts import NOON, called, message, returned, run


def _bodies(history: list[Message]) -> list[Body]:
    return [item.body for item in sliding_window(history)]


def test_the_window_opens_where_somebody_spoke() -> None:
    said, answer = UserSaid("hi"), AssistantSaid("hello")

    assert _bodies([message(AssistantSaid("old")), message(said), message(answer)]) == [
        said,
        answer,
    ]


def test_answers_to_calls_out_of_sight_are_left_out() -> None:
    history = [message(UserSaid("a")), message(returned("w", "sunny")), message(UserSaid("b"))]

    assert _bodies(history) == [UserSaid("a"), UserSaid("b")]


def test_calls_keep_their_answers() -> None:
    bodies: list[Body] = [UserSaid("a"), called("w"), returned("w", "sunny")]

    assert _bodies([message(body) for body in bodies]) == bodies


def test_memory_is_shown_with_its_limits() -> None:
    block = Block("block-1", "human", "Name: Ada", 50, "About them.", read_only=True)

    system = render_system("Be kind.", [block], NOON)

    assert system.startswith("Be kind.\n\n<memory_blocks>")
    assert '<human characters="9" limit="50" access="read-only">' in system
    assert "About them." in system
    assert "Name: Ada\n</human>" in system
    assert "Sunday, 01 March 2026" in system


def test_a_reply_without_calls_ends_the_turn() -> None:
    assert stop_reason_after(AssistantSaid("hi"), run(), is_cancelled=False) == "end_turn"


def test_a_tools_answer_goes_back_to_the_model() -> None:
    assert stop_reason_after(called("memory_insert"), run(), is_cancelled=False) is None


def test_send_message_ends_the_turn_unless_more_is_wanted() -> None:
    sent = called("send_message", '{"message":"hi"}')
    more = called("send_message", '{"message":"hi","request_heartbeat":true}')

    assert stop_reason_after(sent, run(), is_cancelled=False) == "end_turn"
    assert stop_reason_after(more, run(), is_cancelled=False) is None


def test_a_cancelled_turn_ends_after_its_step() -> None:
    assert stop_reason_after(called("memory_insert"), run(), is_cancelled=True) == "cancelled"
