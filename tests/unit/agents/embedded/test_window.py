from hypothesis import given
from hypothesis import strategies as st

from agents.embedded.models.model import ModelRequest
from agents.embedded.records import AssistantSaid, Body, Message, UserSaid
from agents.embedded.steps.compaction import extract
from agents.embedded.steps.window import (
    Room,
    cut_before,
    fitted,
    room_in,
    shorter,
    total_tokens,
)
from tests.unit.agents.embedded.contexts import called, message, request, returned

TEXTS = st.text(max_size=600)
BODIES = st.one_of(
    TEXTS.map(UserSaid),
    TEXTS.map(AssistantSaid),
    st.just(called("w")),
    TEXTS.map(lambda text: returned("w", text)),
)


def _history(*bodies: Body) -> list[Message]:
    return [message(body) for body in bodies]


@given(st.lists(BODIES, max_size=40), st.integers(400, 2000))
def test_whatever_was_said_is_made_to_fit(bodies: list[Body], tokens: int) -> None:
    history = [*_history(*bodies), message(UserSaid("now?"))]

    shown = fitted(history, Room(tokens))

    assert total_tokens(shown) <= tokens
    assert shown[-1].body == UserSaid("now?")


def test_what_fits_is_left_as_it_is() -> None:
    history = _history(UserSaid("a"), called("w"), returned("w", "b"))

    assert fitted(history, Room(1000)) == history


def test_a_long_turn_keeps_its_question_and_its_newest_steps() -> None:
    steps: list[Body] = [body for n in range(50) for body in (called("w"), returned("w", f"r{n}"))]
    history = _history(UserSaid("old"), AssistantSaid("x"), UserSaid("question"), *steps)

    shown = [item.body for item in fitted(history, Room(300))]

    assert shown[0] == UserSaid("question")
    assert shown[-2:] == [called("w"), returned("w", "r49")]
    assert isinstance(shown[1], AssistantSaid)


@given(st.lists(BODIES, min_size=1, max_size=40), st.integers(50, 500))
def test_cuts_are_made_where_somebody_speaks(bodies: list[Body], tokens: int) -> None:
    history = _history(*bodies)

    cut = cut_before(history, Room(tokens))

    assert cut == 0 or isinstance(history[cut].body, UserSaid)


def test_the_turn_that_goes_on_is_never_summarised() -> None:
    history = _history(UserSaid("a"), AssistantSaid("b"), UserSaid("c"), UserSaid("d" * 9000))

    assert cut_before(history, Room(100)) == 2


def test_instructions_leave_at_least_some_room() -> None:
    full = ModelRequest("m", "x" * 100_000, (), (), (), {})

    assert room_in(8000, full).tokens == 1000
    assert room_in(8000, request("hi")).tokens > 5000


@given(st.text(max_size=2000), st.integers(100, 500))
def test_shortened_texts_keep_to_their_size(text: str, size: int) -> None:
    assert len(shorter(text, size).encode("utf-8", "replace")) <= size


def test_an_extract_keeps_facts_over_many_rounds() -> None:
    text = extract("", _history(UserSaid("My name is Ada. Nice day.")), 400)
    for n in range(50):
        text = extract(text, _history(UserSaid(f"topic {n} {'y' * 50}"), AssistantSaid("ok")), 400)

    assert "- Name: Ada" in text
    assert "topic 49" in text
    assert "topic 1 " not in text
    assert len(text.encode()) <= 400
