"""Slash commands: stored, acknowledged at once, answered where their class of command says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable

import pytest

from agents.scripted import Say, Step, Wait
from gateway.commands import SPECS
from gateway.domain.commands import CommandSpec
from gateway.domain.turns import RunRequest
from gateway.rights.policy import AccessMode
from storage.memory import MemoryStore
from tests.fakes.crashing import around
from tests.platforms.slack_hub import Outage, SlackHub, Ways, slack_hub
from tests.platforms.slack_server import Person, SlackSettings

SIX_PARTS = "x" * 65_000
OPEN_STATUS = CommandSpec("status", "How it is", is_private=False)
PRIVATE_ASK = CommandSpec("ask", "Ask in private")
"""A question whose answer only its person sees, however long it gets."""


def silent(request: RunRequest) -> Iterable[Step]:
    """Never come to an end."""
    return (Wait(3600),)


class SlowDisk:
    """Stand it around a store: every commit waits for the disk."""

    async def pass_by(self, name: str) -> None:
        """Take the time of a very long fsync before a call returns."""
        if name.startswith("after store."):
            await asyncio.sleep(0.2)


@pytest.fixture
async def hub(request: pytest.FixtureRequest) -> AsyncGenerator[SlackHub]:
    specs = getattr(request, "param", SPECS)
    async with slack_hub(ways=Ways().but(commands=specs)) as hub:
        yield hub


in_private = pytest.mark.parametrize("hub", [(PRIVATE_ASK,)], indirect=True, ids=["in private"])


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


@pytest.fixture
def bob(hub: SlackHub) -> Person:
    return hub.slack.person("bob")


async def test_a_question_in_a_channel_is_answered_for_all_to_see(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")

    acknowledged = await ada.slash("/ask", "what is up?", general)
    await hub.slack.until(lambda: bob.sees(general) == ["re: what is up?"])

    assert acknowledged.is_acknowledged
    assert acknowledged.body == {}


async def test_a_question_in_the_dm_is_answered_there(hub: SlackHub, ada: Person) -> None:
    await ada.slash("/ask", "what is up?")

    await hub.slack.until(lambda: ada.sees() == ["re: what is up?"])


async def test_questions_are_acknowledged_while_every_agent_is_busy(hub: SlackHub) -> None:
    people = [hub.slack.person(f"person{number}") for number in range(30)]
    hub.agents.script = silent
    for person in people:
        person.dm("think hard")
    await hub.slack.until(lambda: len(hub.agents.heard) == len(people))

    answers = await asyncio.gather(
        *(person.slash("/ask", "and now?", "general") for person in people)
    )

    assert all(answer.is_acknowledged for answer in answers)
    assert hub.slack.said_by_app("general") == []


async def test_a_slow_disk_and_busy_agents_hold_up_no_acknowledgement() -> None:
    """One after the other, the commits of all these commands would take longer than they have."""
    store = around(MemoryStore(), "store", SlowDisk())
    async with slack_hub(SlackSettings(ack_timeout_seconds=20.0), store=store) as hub:
        people = [hub.slack.person(f"person{number}") for number in range(20)]
        hub.agents.script = silent
        for person in people:
            person.dm("think hard")
        await hub.slack.until(lambda: len(hub.agents.heard) == len(people))

        answers = await asyncio.gather(
            *(person.slash("/ask", "here") for person in people),
            *(person.slash("/ask", "and there", "general") for person in people),
            *(person.slash("/postern", "whoami", "general") for person in people),
        )

        assert {answer.reason for answer in answers} == {None}
        assert {str(answer.body) for answer in answers} == {"{}"}


async def test_a_question_where_the_app_is_not_a_member_is_answered_by_its_response_url(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    quiet = hub.slack.channel("quiet", with_app=False)

    await ada.slash("/ask", "what is up?", quiet)

    await hub.slack.until(lambda: bob.sees(quiet) == ["re: what is up?"])


async def test_a_private_command_is_answered_for_its_person_alone(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")

    await ada.slash("/postern", "whoami", general)
    await hub.slack.until(lambda: len(ada.sees(general)) == 1)

    assert ada.sees(general)[0].startswith("You are ada, known here as")
    assert bob.sees(general) == []


@pytest.mark.parametrize("hub", [(OPEN_STATUS,)], indirect=True, ids=["for all"])
async def test_a_public_command_is_answered_for_all(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")

    await ada.slash("/postern", "status", general)

    await hub.slack.until(lambda: len(bob.sees(general)) == 1)


async def test_commands_do_not_wait_for_a_busy_agent(hub: SlackHub, ada: Person) -> None:
    hub.agents.script = silent
    ada.dm("think hard")
    await hub.slack.until(lambda: len(hub.agents.heard) == 1)

    await ada.slash("/postern", "cancel")

    await hub.slack.until(lambda: "Stopped." in ada.sees())


@in_private
async def test_a_private_answer_outlives_its_response_url(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")
    hub.agents.will_say(SIX_PARTS)

    await ada.slash("/ask", "all of it", general)
    await hub.slack.until(lambda: len(ada.sees(general)) == 6)

    assert "".join(ada.sees(general)) == SIX_PARTS
    assert bob.sees(general) == []
    assert len(hub.slack.calls("response_url")) == 5
    assert len(hub.slack.calls("chat.postEphemeral")) == 1


@in_private
async def test_a_private_answer_goes_to_the_dm_where_the_app_is_not_a_member(
    hub: SlackHub, ada: Person
) -> None:
    quiet = hub.slack.channel("quiet", with_app=False)
    hub.agents.will_say(SIX_PARTS)

    await ada.slash("/ask", "all of it", quiet)
    await hub.slack.until(lambda: len(ada.sees()) == 1)

    assert len(ada.sees(quiet)) == 5
    assert "".join(ada.sees(quiet) + ada.sees()) == SIX_PARTS


async def test_a_command_may_speak_of_payloads(hub: SlackHub, ada: Person) -> None:
    await ada.slash("/ask", "what is a payload?")

    await hub.slack.until(lambda: ada.sees() == ["re: what is a payload?"])


async def test_ask_is_a_verb_of_postern_too(hub: SlackHub, ada: Person) -> None:
    await ada.slash("/postern", "ask what is up?")

    await hub.slack.until(lambda: ada.sees() == ["re: what is up?"])


@in_private
async def test_a_response_url_that_slack_takes_no_more_at_is_done_without(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    hub.slack.settings.response_url_uses = 0

    await ada.slash("/ask", "still?", "general")
    await hub.slack.until(lambda: ada.sees("general") == ["re: still?"])

    assert bob.sees("general") == []
    assert [call.outcome for call in hub.slack.calls("response_url")] == ["used_url"]


async def test_a_stranger_alone_sees_their_pairing_code() -> None:
    async with slack_hub(ways=Ways(access=AccessMode.PAIRING)) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")

        await ada.slash("/postern", "status", "general")
        await hub.slack.until(lambda: len(ada.sees("general")) == 1)

        assert "pairing code" in ada.sees("general")[0]
        assert bob.sees("general") == []
        assert hub.agents.heard == []


@in_private
async def test_a_long_private_answer_is_not_shown_before_it_is_whole(
    hub: SlackHub, ada: Person
) -> None:
    hub.agents.will(Say("one two three", pause_seconds=0.2))

    await ada.slash("/ask", "slowly", "general")
    await hub.slack.until(lambda: ada.sees("general") == ["one two three"])

    assert len(hub.slack.calls("response_url")) == 1
    delivery = await hub.hub.store.deliveries.get("turn-1.0")
    assert delivery is not None
    assert delivery.revision == 1


@in_private
async def test_a_lost_reply_to_a_private_answer_is_repeated_with_a_word_of_warning(
    hub: SlackHub, ada: Person
) -> None:
    hub.slack.faults.lose_reply("response_url")

    await ada.slash("/ask", "once", "general")
    await hub.slack.until(lambda: len(ada.sees("general")) == 2)

    first, second = ada.sees("general")
    assert first == "re: once"
    assert second.startswith("re: once")
    assert "may be a repeat" in second


async def test_a_command_that_could_not_be_stored_tells_its_person() -> None:
    outage = Outage()
    async with slack_hub(store=around(MemoryStore(), "store", outage)) as hub:
        ada = hub.slack.person("ada")
        outage.failures["before store.turns.accept"] = 1

        acknowledged = await ada.slash("/ask", "hello?")

        assert "nothing was stored" in acknowledged.body["text"]
        assert hub.agents.heard == []
