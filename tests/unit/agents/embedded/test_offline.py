import json

import pytest

from agents.embedded.models.offline import OfflineModel
from agents.embedded.models.skills import Decision, Say, Use, decide
from agents.embedded.records import AssistantSaid
from gateway.text.silence import SILENCE_NOTE
from tests.unit.agents.embedded.contexts import (
    NOON,
    called,
    client_tool,
    request,
    returned,
    spoken,
)

GREETED = AssistantSaid("Hello.")


def _use(decision: Decision) -> tuple[str, dict[str, object]]:
    assert isinstance(decision, Use)
    (call,) = decision.calls
    return call.name, json.loads(call.arguments)


def _say(decision: Decision) -> str:
    assert isinstance(decision, Say)
    return decision.text


def test_the_first_words_say_that_no_model_is_configured_and_how_to_set_one() -> None:
    said = _say(decide(request("hello"), NOON))

    assert "No language model is configured" in said
    assert "`OPENAI_API_KEY`" in said
    assert "`[model]` in `postern.toml`" in said


def test_it_says_so_only_once() -> None:
    assert "No language model" not in _say(decide(request("hi", GREETED, "hello"), NOON))


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ("My name is Ada.", "Name: Ada"),
        ("hi, my name's Ada Lovelace", "Name: Ada Lovelace"),
        ("I live in New York", "Lives in: New York"),
        ("My favourite colour is green!", "Favourite colour: green"),
        ("my favorite Food is soup", "Favourite food: soup"),
        ("remember that the door code is 42", "- the door code is 42"),
    ],
)
def test_a_told_fact_is_written_with_the_memory_tool(told: str, line: str) -> None:
    name, arguments = _use(decide(request(told), NOON))

    assert (name, arguments) == ("memory_insert", {"label": "human", "new_string": line})


def test_a_new_name_replaces_the_old_one() -> None:
    name, arguments = _use(decide(request("my name is Eve", human="Name: Ada\n- x"), NOON))

    assert name == "memory_replace"
    assert arguments == {"label": "human", "old_string": "Name: Ada", "new_string": "Name: Eve"}


def test_a_known_fact_is_not_written_twice() -> None:
    said = _say(decide(request("my name is Ada", human="Name: Ada"), NOON))

    assert said.endswith("I know: Name: Ada.")


def test_it_confirms_what_it_wrote() -> None:
    asked = request("my name is Ada", called("memory_insert"), returned("memory_insert", "ok"))

    assert "Nice to meet you, **Ada**" in _say(decide(asked, NOON))


def test_it_says_when_writing_failed() -> None:
    failure = returned("memory_insert", "holds at most 3 characters", ok=False)
    asked = request("my name is Ada", called("memory_insert"), failure)

    assert "`memory_insert` failed: holds at most 3 characters" in _say(decide(asked, NOON))


def test_without_a_human_block_it_says_so() -> None:
    assert "no `human` memory block" in _say(decide(request("my name is Ada", human=None), NOON))


def test_it_remembers_and_answers_in_one_go() -> None:
    first = request("My name is Ada. What time is it?")
    writing = called("memory_insert")
    after = request("My name is Ada. What time is it?", writing, returned("memory_insert", "ok"))

    assert _use(decide(first, NOON))[1]["new_string"] == "Name: Ada"
    said = _say(decide(after, NOON))
    assert "Nice to meet you, **Ada**" in said
    assert "**12:00**" in said


def test_every_fact_of_a_message_is_written() -> None:
    told = request("I live in Paris. By the way, my name is Ada! Remember that Dr. Who is on.")

    decision = decide(told, NOON)

    assert isinstance(decision, Use)
    lines = [json.loads(call.arguments)["new_string"] for call in decision.calls]
    assert lines == ["Lives in: Paris", "Name: Ada", "- Dr. Who is on"]


def test_of_two_names_the_last_one_counts() -> None:
    decision = decide(request("My name is Ada. My name is Eve.", human="Name: Bob"), NOON)

    assert _use(decision)[1]["new_string"] == "Name: Eve"


def test_a_fact_before_a_reminder_is_not_lost() -> None:
    tool = client_tool("schedule_message", {"prompt": {}, "at": {}})
    asked = request("My name is Ada. Remind me in 10 minutes to stretch. Thanks.", tools=[tool])

    decision = decide(asked, NOON)

    assert isinstance(decision, Use)
    assert {call.name for call in decision.calls} == {"schedule_message", "memory_insert"}
    reminder = next(call for call in decision.calls if call.name == "schedule_message")
    assert json.loads(reminder.arguments)["prompt"] == "Remind me: stretch"


@pytest.mark.parametrize(
    ("question", "human", "answer"),
    [
        ("What is my name?", "Name: Ada", "Your name is **Ada**."),
        ("what's my name", "Their name is Ada.", "Your name is **Ada**."),
        ("who am I?", "", "I do not know your name yet"),
        ("where do I live?", "Lives in: Paris", "You live in **Paris**."),
        ("what is my favourite colour?", "Favourite colour: green", "is **green**"),
        ("what do you know about me?", "Name: Ada\n- likes tea", "- Name: Ada\n- likes tea"),
        ("what do you know about me?", "", "I know nothing about you yet"),
    ],
)
def test_it_recalls_from_the_block_in_its_context(question: str, human: str, answer: str) -> None:
    assert answer in _say(decide(request(question, human=human), NOON))


def test_it_tells_the_time_by_itself() -> None:
    said = _say(decide(request("What time is it?"), NOON))

    assert "**12:00** on Sunday, 01 March 2026" in said


def test_it_asks_the_clients_clock_when_one_is_offered() -> None:
    asked = request("What time is it?", tools=[client_tool("current_time")])

    assert _use(decide(asked, NOON)) == ("current_time", {})


def test_it_calls_any_offered_tool_by_name() -> None:
    asked = request('call get_weather {"city":"Rome"}', tools=[client_tool("get_weather")])

    assert _use(decide(asked, NOON)) == ("get_weather", {"city": "Rome"})


def test_a_tool_that_is_not_offered_is_named_not_called() -> None:
    said = _say(decide(request("call nothing {}"), NOON))

    assert "I have no tool named `nothing`. I have: `memory_insert`" in said


def test_a_tools_answer_is_told() -> None:
    asked = request("call w", called("w"), returned("w", "sunny"))

    assert _say(decide(asked, NOON)).endswith("`w` says: sunny")


def test_a_reminder_is_set_with_the_offered_tool() -> None:
    tool = client_tool("schedule_message", {"prompt": {}, "at": {}})
    asked = request("Remind me in 10 minutes to drink water", tools=[tool])

    name, arguments = _use(decide(asked, NOON))

    assert name == "schedule_message"
    assert arguments == {
        "prompt": "Remind me: drink water",
        "at": "2026-03-01T12:10:00+00:00",
    }


async def test_it_streams_word_by_word() -> None:
    model = OfflineModel(word_delay_seconds=0, now=lambda: NOON)
    events = [event async for event in model.stream(request("hi", GREETED, "hello there"))]

    assert len(events) > 10


async def test_the_words_joined_are_the_text() -> None:
    asked = request("hello")
    model = OfflineModel(word_delay_seconds=0, now=lambda: NOON)

    assert await spoken(model, asked) == _say(decide(asked, NOON))


def test_it_repeats_the_words_and_not_the_line_that_tells_who_wrote() -> None:
    header = "[someone on web, 2026-11-21 07:51 UTC; a scheduled wakeup]"
    said = _say(decide(request("hi", GREETED, f"{header}\n[sic] look up"), NOON))

    assert "[sic] look up" in said
    assert "someone on web" not in said


def test_it_does_not_repeat_how_a_wakeup_is_answered_with_silence() -> None:
    header = "[someone on web, 2026-11-21 07:51 UTC; a scheduled wakeup]"
    wakeup = f"{header}\nWater the flowers.\n\n{SILENCE_NOTE}"

    said = _say(decide(request("hi", GREETED, wakeup), NOON))

    assert "> Water the flowers." in said
    assert "silent" not in said
    assert "posted" not in said
