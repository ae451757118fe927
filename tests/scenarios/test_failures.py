"""What people see when something on the way breaks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agents.scripted import Ask, Drop, Fail, Say, Wait
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.people import Route
from gateway.domain.tools import ToolCall
from gateway.domain.turns import RunRequest
from gateway.errors import DeliveryRefused, OutcomeUnknown, RateLimited
from gateway.turn_runner import ANSWER_IS_LATE
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, HubOptions


async def test_with_letta_down_the_person_is_told_once_and_answered_when_it_is_back(
    hub: FakeHub,
) -> None:
    ada = hub.person("ada")
    hub.agents.go_down()
    await ada.says("hello")
    await asyncio.sleep(600)
    during = ada.sees
    hub.agents.will_say("Here I am.")

    hub.agents.come_back()
    await ada.reads(2)

    assert during == [ANSWER_IS_LATE]
    assert ada.sees == [ANSWER_IS_LATE, "Here I am."]
    assert len(hub.agents.created) == 1


async def test_of_a_delay_that_is_over_nobody_is_told_once_the_platform_is_back_too(
    hub: FakeHub,
) -> None:
    ada = hub.person("ada")
    hub.agents.go_down()
    hub.platform.faults.before += [RateLimited("away", retry_after_seconds=600)]
    await ada.says("hello")
    await asyncio.sleep(120)
    hub.agents.will_say("Here I am.")

    hub.agents.come_back()
    await ada.reads()
    await asyncio.sleep(1_000)

    assert ada.sees == ["Here I am."]


async def test_a_notice_that_may_have_been_sent_when_its_answer_came_is_not_sent_again(
    hub: FakeHub,
) -> None:
    ada = hub.person("ada")
    hub.agents.go_down()
    hub.platform.faults.before += [OutcomeUnknown("connection cut") for _ in range(8)]
    await ada.says("hello")
    await asyncio.sleep(120)
    hub.agents.will_say("Here I am.")

    hub.agents.come_back()
    await ada.reads()
    await asyncio.sleep(1_000)

    assert ada.sees == ["Here I am."]


async def test_after_a_kill_too_a_hiccup_that_the_first_retry_mends_is_not_told() -> None:
    hub = await _killed_before_its_agent_was_asked()
    hub.agents.will_say("Here I am.")
    async with hub.running():
        await asyncio.sleep(1)
        hub.agents.come_back()
        await asyncio.sleep(600)

    assert hub.person("ada").sees == ["Here I am."]


async def test_after_a_kill_too_the_person_is_told_once_that_the_answer_is_late() -> None:
    hub = await _killed_before_its_agent_was_asked()
    async with hub.running():
        await asyncio.sleep(600)

    assert hub.person("ada").sees == [ANSWER_IS_LATE]


async def test_a_stream_that_breaks_in_mid_answer_is_taken_up_again(hub: FakeHub) -> None:
    hub.agents.will(Say("One. "), Drop(), Say("Two."))
    ada = hub.person("ada")

    await ada.says("count")

    assert await ada.reads() == ["One.\n\nTwo."]
    assert hub.agents.runs_started == 1


async def test_letta_going_down_in_mid_turn_runs_nothing_twice(hub: FakeHub) -> None:
    hub.agents.will(Say("Slowly. "), Wait(10), Say("Done."))
    ada = hub.person("ada")
    await ada.says("go")
    await asyncio.sleep(5)

    hub.agents.go_down()
    await asyncio.sleep(60)
    hub.agents.come_back()
    await ada.reads(2)

    assert ada.sees == [ANSWER_IS_LATE, "Slowly.\n\nDone."]
    assert hub.agents.runs_started == 1


async def test_a_failed_run_is_told_in_a_plain_sentence_and_the_next_message_works(
    hub: FakeHub,
) -> None:
    hub.agents.will(Fail("llm_error", "the model is not there."))
    ada = hub.person("ada")
    await ada.says("hello")
    first = await ada.reads()
    hub.agents.will_say("Now it works.")

    await ada.says("again")

    assert first == ["Sorry, I could not answer this: the model is not there."]
    assert (await ada.reads(2))[1] == "Now it works."


async def test_a_lost_reply_of_the_platform_does_not_double_the_message(hub: FakeHub) -> None:
    hub.platform.faults.after.append(OutcomeUnknown("connection cut"))
    hub.agents.will_say("once")
    ada = hub.person("ada")

    await ada.says("hello")
    await ada.reads()
    await asyncio.sleep(600)

    assert ada.sees == ["once"]
    assert await _state(hub, "turn-1.0") is DeliveryState.SENT


async def test_a_cut_before_the_platform_saw_it_is_sent_again(hub: FakeHub) -> None:
    hub.platform.faults.before.append(OutcomeUnknown("connection cut"))
    hub.agents.will_say("once")
    ada = hub.person("ada")

    await ada.says("hello")

    assert await ada.reads() == ["once"]


async def test_where_the_platform_can_not_tell_the_repeat_says_so() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(can_find=False))
    async with hub.running():
        hub.platform.faults.after.append(OutcomeUnknown("connection cut"))
        hub.agents.will_say("once")
        ada = hub.person("ada")
        await ada.says("hello")
        await ada.reads(2)

    assert ada.sees == ["once", "once\n\n_(this may be a repeat)_"]


async def test_a_rate_limited_send_waits_as_long_as_it_was_asked_to(hub: FakeHub) -> None:
    hub.platform.faults.before.append(RateLimited("slow down", retry_after_seconds=30))
    hub.agents.will_say("late")
    ada = hub.person("ada")
    await ada.says("hello")

    await asyncio.sleep(29)
    before = ada.sees
    await asyncio.sleep(2)

    assert (before, ada.sees) == ([], ["late"])


async def test_what_was_taken_back_while_it_failed_is_never_posted(hub: FakeHub) -> None:
    hub.platform.faults.before.append(RateLimited("slow down", retry_after_seconds=30))
    place = hub.person("ada").conversation
    post = DeliveryId("post")
    await hub.store.deliveries.enqueue([NewDelivery(post, place, "never mind")], hub.clock.now())
    await asyncio.sleep(0.005)

    await hub.store.deliveries.revise(post, "", (), hub.clock.now())
    await asyncio.sleep(60)

    assert hub.platform.messages == []
    assert await _state(hub, post) is DeliveryState.SENT


async def test_a_refused_delivery_does_not_hold_up_what_follows(hub: FakeHub) -> None:
    hub.platform.faults.before.append(DeliveryRefused("no such channel"))
    ada = hub.person("ada")
    hub.agents.will_say("refused")
    await ada.says("one")
    await asyncio.sleep(1)
    hub.agents.will_say("shown")

    await ada.says("two")

    assert await ada.reads() == ["shown"]


async def test_an_agent_that_calls_tools_for_ever_is_stopped(hub: FakeHub) -> None:
    hub.agents.script = _ask_the_time
    ada = hub.person("ada")

    await ada.says("loop")

    assert "it used tools 16 times" in (await ada.reads())[0]


async def test_an_agent_that_never_ends_is_stopped_at_the_deadline(hub: FakeHub) -> None:
    hub.agents.will(Wait(100_000), Say("too late"))
    ada = hub.person("ada")
    await ada.says("hello")

    seen = await ada.reads()
    hub.agents.will_say("next")
    await ada.says("again")

    assert seen == ["Sorry, I could not answer this: it took longer than 15 minutes."]
    assert (await ada.reads(2))[1] == "next"


async def _killed_before_its_agent_was_asked() -> FakeHub:
    """Return a gateway that died in a turn's first try, and whose agents are away now."""
    hub, points = FakeHub(MemoryStore()), CrashPoints(at_name="before agents.session_for")
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(hub.person("ada").says("hello"))
        await hub.until_crash(points)
        await asking
    hub.agents.go_down()
    return hub


async def _state(hub: FakeHub, delivery: str) -> DeliveryState | None:
    found = await hub.store.deliveries.get(DeliveryId(delivery))
    return found.state if found else None


def _ask_the_time(request: RunRequest) -> tuple[Ask]:
    return (Ask((ToolCall("c", "current_time", "{}"),)),)


async def test_a_turn_of_a_platform_that_is_off_waits_and_stops_nobody_else(hub: FakeHub) -> None:
    ada, elsewhere = hub.person("ada"), Conversation("slack", "T1", "D1")
    lost = replace(hub.message(ada, "are you there?"), conversation=elsewhere)
    await hub.store.turns.accept(lost, Route("postern"), hub.clock.now())
    await asyncio.sleep(300)
    bob = hub.person("bob")
    hub.agents.will_say("Hello, Bob.")

    await bob.says("hello")

    assert await bob.reads() == ["Hello, Bob."]
    assert hub.agents.runs_started == 1


async def test_what_waited_too_long_for_its_platform_is_a_dead_letter(hub: FakeHub) -> None:
    ada, elsewhere = hub.person("ada"), Conversation("slack", "T1", "D1")
    lost = replace(hub.message(ada, "are you there?"), conversation=elsewhere)
    await hub.store.turns.accept(lost, Route("postern"), hub.clock.now())

    await asyncio.sleep(3 * 24 * 3600)

    (letter,) = await hub.store.dead_letters.page(10)
    assert (letter.text, letter.conversation) == ("are you there?", elsewhere)
    assert "is switched off here" in letter.error
