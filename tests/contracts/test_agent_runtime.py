"""What the gateway relies on in every runtime, whichever mind is behind it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.tools import ToolResult
from gateway.domain.turns import (
    ReasoningDelta,
    RunEnded,
    RunStarted,
    Session,
    TextDelta,
)
from gateway.errors import RunFailed
from gateway.ports import AgentHost, AgentRuntime
from tests.contracts.minds import IMPLEMENTATIONS, Minds
from tests.fakes.rounds import (
    DICE,
    answers,
    calls_of,
    follow,
    follow_until,
    run_of,
    says,
    text_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(params=list(IMPLEMENTATIONS), scope="module", loop_scope="module")
async def minds(request: pytest.FixtureRequest) -> AsyncIterator[Minds]:
    async with IMPLEMENTATIONS[request.param]() as minds:
        yield minds


@pytest.fixture
def runtime(minds: Minds) -> AgentRuntime:
    return minds.runtime


@pytest_asyncio.fixture(loop_scope="module")
async def session(minds: Minds) -> Session:
    return await new_session(minds.host, "ada")


async def new_session(host: AgentHost, name: str) -> Session:
    person = Person(PersonId(f"person-{name}-{uuid.uuid4().hex}"), name)
    agent = await host.create_agent(person, "postern")
    thread = await host.create_session(agent, Conversation("console", "local", name))
    return Session(agent, thread)


async def test_a_run_starts_speaks_and_ends(runtime: AgentRuntime, session: Session) -> None:
    events = await follow(runtime, says(session, "say good morning to you"))

    assert isinstance(events[0], RunStarted)
    assert text_of(events) == "good morning to you"
    assert events[-1] == RunEnded("end_turn")
    assert len([event for event in events if isinstance(event, RunStarted)]) == 1


async def test_all_messages_that_waited_are_heard_in_one_run(
    runtime: AgentRuntime, session: Session
) -> None:
    events = await follow(runtime, says(session, "say first", "say second"))

    assert text_of(events) == "second"


async def test_thinking_is_not_speaking(runtime: AgentRuntime, session: Session) -> None:
    events = await follow(runtime, says(session, "think of a number\nsay seven"))

    thoughts = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert "of a number" in thoughts
    assert text_of(events) == "seven"


async def test_text_arrives_in_pieces_of_one_message(
    runtime: AgentRuntime, session: Session
) -> None:
    events = await follow(runtime, says(session, "words 40"))

    pieces = [event for event in events if isinstance(event, TextDelta)]
    assert len(pieces) > 1
    assert len({piece.message for piece in pieces}) == 1
    assert text_of(events) == " ".join(f"w{number}" for number in range(40))


@pytest.mark.parametrize("text", ["Ünïcödé ✓ 你好 🎉", 'a\\nb "c" {d} data: [DONE]'])
async def test_every_character_comes_through(
    runtime: AgentRuntime, session: Session, text: str
) -> None:
    events = await follow(runtime, says(session, f"say {text}"))

    assert text_of(events) == text


async def test_the_same_otid_again_is_the_same_run(runtime: AgentRuntime, session: Session) -> None:
    request = says(session, "words 5")
    first = await follow(runtime, request)

    again = await follow(runtime, request)

    assert run_of(again) == run_of(first)
    assert text_of(again) == text_of(first)


async def test_two_listeners_of_one_otid_hear_one_run(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "drip 0.01\nwords 10")

    one, two = await asyncio.gather(follow(runtime, request), follow(runtime, request))

    assert run_of(one) == run_of(two)
    assert text_of(one) == text_of(two) == " ".join(f"w{number}" for number in range(10))


async def test_another_otid_is_another_run(runtime: AgentRuntime, session: Session) -> None:
    first = await follow(runtime, says(session, "say one"))

    second = await follow(runtime, says(session, "say two"))

    assert run_of(first) != run_of(second)
    assert text_of(second) == "two"


async def test_a_run_goes_on_when_nobody_listens(runtime: AgentRuntime, session: Session) -> None:
    request = says(session, "drip 0.02\nwords 10")
    heard = await follow_until(runtime, request, TextDelta)

    again = await follow(runtime, replace(request, run=run_of(heard)))

    assert run_of(again) == run_of(heard)
    assert text_of(again) == " ".join(f"w{number}" for number in range(10))
    assert again[-1] == RunEnded("end_turn")


async def test_a_run_that_ended_is_heard_again_by_its_id(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "words 5")
    first = await follow(runtime, request)

    again = await follow(runtime, replace(request, run=run_of(first)))

    assert run_of(again) == run_of(first)
    assert text_of(again) == text_of(first)
    assert again[-1] == first[-1]


async def test_a_tool_is_asked_and_its_result_is_heard(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, 'call roll_dice {"sides": 6}', tools=(DICE,))
    calls = calls_of(await follow(runtime, request))

    events = await follow(runtime, answers(request, [ToolResult(calls[0].id, "a four")]))

    assert [(call.name, call.arguments.replace(" ", "")) for call in calls] == [
        ("roll_dice", '{"sides":6}')
    ]
    assert "a four" in text_of(events)
    assert events[-1] == RunEnded("end_turn")


async def test_a_failed_tool_is_a_result_that_the_agent_reads(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "call roll_dice {}", tools=(DICE,))
    calls = calls_of(await follow(runtime, request))
    failure = ToolResult(calls[0].id, "the die fell off the table", is_error=True)

    events = await follow(runtime, answers(request, [failure]))

    assert "the die fell off the table" in text_of(events)


async def test_asking_is_replayed_with_the_same_calls(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, 'call roll_dice {"sides": 20}', tools=(DICE,))
    first = await follow(runtime, request)

    again = await follow(runtime, replace(request, run=run_of(first)))

    assert calls_of(again) == calls_of(first)


async def test_tool_results_sent_twice_are_one_run(runtime: AgentRuntime, session: Session) -> None:
    request = says(session, "call roll_dice {}", tools=(DICE,))
    calls = calls_of(await follow(runtime, request))
    returned = answers(request, [ToolResult(calls[0].id, "a two")])
    first = await follow(runtime, returned)

    again = await follow(runtime, returned)

    assert run_of(again) == run_of(first)
    assert text_of(again) == text_of(first)


async def test_a_failing_model_fails_the_run_with_a_kind(
    runtime: AgentRuntime, session: Session
) -> None:
    with pytest.raises(RunFailed) as caught:
        await follow(runtime, says(session, "fail 500"))

    assert caught.value.kind == "llm_error"
    assert str(caught.value)


async def test_a_failed_run_fails_again_when_it_is_asked_for_again(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "fail 500")
    with pytest.raises(RunFailed):
        await follow(runtime, request)

    with pytest.raises(RunFailed) as caught:
        await follow(runtime, request)

    assert caught.value.kind == "llm_error"


async def test_after_a_failed_run_the_agent_answers_again(
    runtime: AgentRuntime, session: Session
) -> None:
    with pytest.raises(RunFailed):
        await follow(runtime, says(session, "fail 500"))

    assert text_of(await follow(runtime, says(session, "say well again"))) == "well again"


async def test_a_cancelled_run_ends_and_frees_the_thread(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "drip 0.2\nwords 100")
    await follow_until(runtime, request, TextDelta)

    await runtime.cancel(request)
    rest = await follow(runtime, request)
    events = await follow(runtime, says(session, "say next"))

    assert rest[-1] == RunEnded("cancelled")
    assert text_of(events) == "next"


async def test_cancelling_a_run_that_waits_for_tools_frees_the_thread(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "call roll_dice {}", tools=(DICE,))
    calls_of(await follow(runtime, request))

    await runtime.cancel(request)

    assert text_of(await follow(runtime, says(session, "say free"))) == "free"


async def test_cancelling_nothing_does_nothing(runtime: AgentRuntime, session: Session) -> None:
    await runtime.cancel(says(session, "say never said"))

    assert text_of(await follow(runtime, says(session, "say here"))) == "here"


async def test_calls_that_nobody_answered_do_not_wedge_the_thread(
    runtime: AgentRuntime, session: Session
) -> None:
    calls_of(await follow(runtime, says(session, "call roll_dice {}", tools=(DICE,))))

    events = await follow(runtime, says(session, "say still here"))

    assert text_of(events) == "still here"


async def test_threads_of_one_agent_run_side_by_side(minds: Minds, session: Session) -> None:
    other = await minds.host.create_session(
        session.agent, Conversation("console", "local", "other")
    )

    slow, quick = await asyncio.gather(
        follow(minds.runtime, says(session, "drip 0.01\nwords 10")),
        follow(minds.runtime, says(Session(session.agent, other), "say quick")),
    )

    assert text_of(slow) == " ".join(f"w{number}" for number in range(10))
    assert text_of(quick) == "quick"


async def test_what_one_person_says_stays_out_of_anothers_run(
    minds: Minds, session: Session
) -> None:
    bob = await new_session(minds.host, "bob")

    ada_heard, bob_heard = await asyncio.gather(
        follow(minds.runtime, says(session, "say the secret of ada")),
        follow(minds.runtime, says(bob, "say what bob said")),
    )

    assert "ada" in text_of(ada_heard)
    assert "ada" not in text_of(bob_heard)


async def test_an_agent_and_its_thread_are_found_again(minds: Minds) -> None:
    person = Person(PersonId(f"person-{uuid.uuid4().hex}"), "eve")
    place = Conversation("slack", "T1", "C2", "171.5")
    agent = await minds.host.create_agent(person, "postern")
    thread = await minds.host.create_session(agent, place)

    assert await minds.host.find_agent(person, "postern") == agent
    assert await minds.host.find_session(agent, place) == thread


async def test_what_was_never_made_is_surely_not_there(minds: Minds, session: Session) -> None:
    stranger = Person(PersonId(f"person-{uuid.uuid4().hex}"), "mallory")

    assert await minds.host.find_agent(stranger, "postern") is None
    assert await minds.host.find_session(session.agent, Conversation("web", "local", "x")) is None


async def test_roles_and_people_have_agents_of_their_own(minds: Minds) -> None:
    person = Person(PersonId(f"person-{uuid.uuid4().hex}"), "fay")
    mine = await minds.host.create_agent(person, "postern")
    scribe = await minds.host.create_agent(person, "scribe")

    assert await minds.host.find_agent(person, "postern") == mine
    assert await minds.host.find_agent(person, "scribe") == scribe


async def test_a_serving_runtime_says_that_it_is_ready(runtime: AgentRuntime) -> None:
    health = await runtime.health()

    assert health.is_ready
    assert health.sentence


async def test_calls_of_one_moment_are_asked_and_answered_together(
    runtime: AgentRuntime, session: Session
) -> None:
    both = 'call roll_dice {"sides": 6}\ncall roll_dice {"sides": 20}'
    request = says(session, both, tools=(DICE,))

    first, second = calls_of(await follow(runtime, request))
    results = [ToolResult(second.id, "an eleven"), ToolResult(first.id, "a three")]
    text = text_of(await follow(runtime, answers(request, results)))

    assert first.id != second.id
    assert "a three" in text
    assert "an eleven" in text


async def test_a_result_of_a_call_that_nobody_made_wedges_nothing(
    runtime: AgentRuntime, session: Session
) -> None:
    request = says(session, "call roll_dice {}", tools=(DICE,))
    calls_of(await follow(runtime, request))

    with contextlib.suppress(RunFailed):
        await follow(runtime, answers(request, [ToolResult("call-never-made", "a one")]))

    assert text_of(await follow(runtime, says(session, "say still here"))) == "still here"
