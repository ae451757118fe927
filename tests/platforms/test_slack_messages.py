"""What people write to the app in Slack, and how they are answered, through a whole hub."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import pytest

from agents.scripted import Say, Wait
from gateway.domain.people import Identity
from gateway.rights.pairing_codes import hash_code
from gateway.rights.policy import AccessMode
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.slack_hub import SlackHub, Ways, answer, slack_hub
from tests.platforms.slack_server import Message, Person


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


async def reads(person: Person, *texts: str) -> None:
    """Wait until exactly these texts stand in the person's DM."""
    await person.server.until(lambda: person.sees() == list(texts))


async def replies(hub: SlackHub, root: Message, *texts: str) -> None:
    """Wait until exactly these texts stand below the root of a thread."""
    channel = hub.slack.workspace().channels[root.channel]
    await hub.slack.until(lambda: hub.slack.visible(channel, root.ts)[1:] == list(texts))


async def settled(hub: SlackHub) -> None:
    """Wait until Slack has nothing more to hand over."""
    await hub.slack.until_delivered()


async def test_a_dm_is_answered_in_place(hub: SlackHub, ada: Person) -> None:
    ada.dm("hello")
    await reads(ada, "hello", "re: hello")
    await settled(hub)

    assert {attempt.status for attempt in hub.slack.attempts} == {200}


async def test_a_dm_in_a_thread_is_answered_in_that_thread(hub: SlackHub, ada: Person) -> None:
    root = ada.dm("a topic")
    await reads(ada, "a topic", "re: a topic")

    ada.dm("more of it", thread_ts=root.ts)

    await replies(hub, root, "more of it", "re: more of it")


async def test_the_agent_is_told_who_speaks(hub: SlackHub, ada: Person) -> None:
    ada.dm("hello")
    await reads(ada, "hello", "re: hello")

    assert hub.agents.heard[0][0].startswith("[ada on slack, ")


async def test_a_mention_is_one_turn_though_it_arrives_twice(hub: SlackHub, ada: Person) -> None:
    root = ada.mentions("general", "what is up?")
    await replies(hub, root, "re: what is up?")
    await settled(hub)

    kinds = [a.event_type for a in hub.slack.attempts if a.number == 0]
    assert kinds.count("app_mention") == 1
    assert kinds.count("message") == 2
    assert len(hub.agents.heard) == 1
    assert hub.slack.said_by_app("general") == ["re: what is up?"]


async def test_a_thread_that_the_app_takes_part_in_needs_no_mention(
    hub: SlackHub, ada: Person
) -> None:
    root = ada.mentions("general", "one")
    await replies(hub, root, "re: one")

    hub.slack.person("bob").says("general", "two", thread_ts=root.ts)

    await replies(hub, root, "re: one", "two", "re: two")


async def test_what_is_said_to_others_is_not_heard(hub: SlackHub, ada: Person) -> None:
    root = ada.says("general", "lunch?")
    hub.slack.person("bob").says("general", "yes", thread_ts=root.ts)
    ada.dm("hello")
    await reads(ada, "hello", "re: hello")
    await settled(hub)

    assert len(hub.agents.heard) == 1
    assert hub.slack.said_by_app("general") == []


async def test_who_is_not_heard_brings_the_app_into_no_thread() -> None:
    async with slack_hub(ways=Ways(access=AccessMode.PAIRING)) as hub:
        ada, mallory = hub.slack.person("ada"), hub.slack.person("mallory")
        ada.dm("let me in")
        await hub.slack.until(lambda: "pairing code" in ada.sees()[-1])
        found = re.search(r"/pair (\w{8})`", ada.sees()[-1])
        assert found is not None
        people, now = hub.hub.store.people, hub.hub.clock.now()
        await people.decide_pairing(hash_code(found[1]), is_allowed=True, now=now)
        root = mallory.mentions("general", "hello")
        channel = hub.slack.workspace().channels[root.channel]
        await hub.slack.until(lambda: "pairing code" in str(hub.slack.visible(channel, root.ts)))
        ada.says("general", "do not answer", thread_ts=root.ts)
        ada.mentions("general", "one", thread_ts=root.ts)
        await hub.slack.until(lambda: "re: one" in hub.slack.visible(channel, root.ts))
        await hub.slack.until_delivered()

    assert "do not answer" not in str(hub.agents.heard)


async def test_other_bots_and_the_app_itself_are_not_heard(hub: SlackHub, ada: Person) -> None:
    place = hub.slack.workspace()
    said = {"type": "message", "channel": ada.dm_channel.id, "channel_type": "im", "text": "hi"}
    authors = (
        {"user": "U77777777", "bot_id": "B77777777", "ts": "1700000001.000001"},
        {"bot_id": "B77777777", "subtype": "bot_message", "ts": "1700000001.000002"},
        {"user": place.bot.id, "ts": "1700000001.000003"},
        {"user": "USLACKBOT", "ts": "1700000001.000004"},
    )

    for author in authors:
        hub.slack.world.publish(place, {**said, **author})
    ada.dm("hello")
    await reads(ada, "hello", "re: hello")
    await settled(hub)

    assert len(hub.agents.heard) == 1
    assert {attempt.status for attempt in hub.slack.attempts} == {200}


async def test_an_edit_reaches_a_message_that_still_waits(hub: SlackHub, ada: Person) -> None:
    hub.agents.will(Wait(0.3), Say("first"))
    ada.dm("begin")
    await hub.slack.until(lambda: len(hub.agents.heard) == 1)
    message = ada.dm("buy mlik")
    await settled(hub)

    ada.edits(message, "buy milk")
    await reads(ada, "begin", "buy milk", "first", "re: buy milk")


async def test_a_message_that_is_taken_back_while_it_waits_is_never_read(
    hub: SlackHub, ada: Person
) -> None:
    hub.agents.will(Wait(0.3), Say("first"))
    ada.dm("begin")
    await hub.slack.until(lambda: len(hub.agents.heard) == 1)
    message = ada.dm("a secret")
    await settled(hub)

    ada.deletes(message)
    await reads(ada, "begin", "first")
    ada.dm("and now?")
    await reads(ada, "begin", "first", "and now?", "re: and now?")

    assert not any("secret" in text for texts in hub.agents.heard for text in texts)


async def test_an_edit_after_the_answer_is_heard_as_a_correction(
    hub: SlackHub, ada: Person
) -> None:
    message = ada.dm("2 + 2?")
    await reads(ada, "2 + 2?", "re: 2 + 2?")

    ada.edits(message, "2 + 3?")
    await reads(ada, "2 + 3?", "re: 2 + 2?", "re: 2 + 3?")

    assert "a correction of an earlier message" in hub.agents.heard[1][0]


async def test_a_reaction_is_heard_only_where_that_is_wanted(hub: SlackHub, ada: Person) -> None:
    ada.dm("hello")
    await reads(ada, "hello", "re: hello")
    ours = hub.slack.transcript(ada.dm_channel)[1]

    ada.reacts(ours, "+1")
    await settled(hub)

    assert len(hub.agents.heard) == 1


async def test_a_wanted_reaction_to_an_answer_reaches_the_agent() -> None:
    async with slack_hub(ways=Ways().but(hears_reactions=True)) as hub:
        ada = hub.slack.person("ada")
        ada.dm("hello")
        await reads(ada, "hello", "re: hello")

        ada.reacts(hub.slack.transcript(ada.dm_channel)[1], "tada")
        await reads(ada, "hello", "re: hello", "re: :tada:")

        assert "a reaction to an earlier message" in hub.agents.heard[1][0]


async def test_opening_the_messages_tab_or_the_assistant_shows_what_to_ask() -> None:
    async with slack_hub(ways=Ways().but(prompts=("What can you do?",))) as hub:
        ada = hub.slack.person("ada")
        ada.opens_home("messages")
        root = ada.opens_assistant()
        method = "assistant.threads.setSuggestedPrompts"
        await hub.slack.until(lambda: len(hub.slack.calls(method)) == 2)

        shown = hub.slack.workspace().suggested_prompts
        assert set(shown) == {(ada.dm_channel.id, ""), (ada.dm_channel.id, root.ts)}
        assert shown[ada.dm_channel.id, ""][0]["title"] == "What can you do?"


async def test_agent_text_calls_nobody(hub: SlackHub, ada: Person) -> None:
    hub.agents.will_say(f"<!everyone> <!channel> <@{ada.id}> `<!here>` a < b & c")

    root = ada.mentions("general", "shout <!everyone>")
    await hub.slack.until(lambda: hub.slack.said_by_app("general"))

    said = hub.slack.transcript("general", root.ts)[1].text
    assert not any(call in said for call in ("<!", "<@", "<#"))
    assert "a &lt; b & c" in said
    assert hub.agents.heard[0][0].endswith("shout @everyone")


async def test_one_person_is_answered_in_order(hub: SlackHub, ada: Person) -> None:
    hub.agents.script = answer
    for number in range(12):
        ada.dm(f"m{number}")
    await hub.slack.until(lambda: "m11" in "".join(hub.slack.said_by_app(ada.dm_channel)))

    said = " + ".join(text.removeprefix("re: ") for text in hub.slack.said_by_app(ada.dm_channel))
    assert said == " + ".join(f"m{number}" for number in range(12))


async def test_a_hundred_people_at_once_are_answered_once_each(hub: SlackHub) -> None:
    hub.slack.settings.ack_timeout_seconds = PATIENCE_SECONDS
    people = [hub.slack.person(f"person{number}") for number in range(100)]
    for person in people:
        person.dm(f"I am {person.user.name}")
    await hub.slack.until(lambda: all(len(p.sees()) == 2 for p in people))
    await hub.slack.until_delivered()

    for person in people:
        said = f"I am {person.user.name}"
        assert person.sees() == [said, f"re: {said}"]
    assert all(attempt.number == 0 for attempt in hub.slack.attempts)


async def test_the_same_user_id_in_another_workspace_is_somebody_else(hub: SlackHub) -> None:
    there = hub.slack.add_workspace("initech")
    ada, stranger = hub.slack.person("ada"), hub.slack.person("eve", "initech")
    assert ada.id == stranger.id
    ada.dm("mine")
    await reads(ada, "mine", "re: mine")

    stranger.dm("theirs")
    await settled(hub)

    one = await hub.hub.store.people.find_person(
        Identity("slack", hub.slack.workspace().id, ada.id)
    )
    other = await hub.hub.store.people.find_person(Identity("slack", there.id, stranger.id))
    assert one is not None
    assert other is not None
    assert one.id != other.id


async def test_long_answers_are_split_and_lose_nothing(hub: SlackHub, ada: Person) -> None:
    words = " ".join(f"w{number}" for number in range(6_000))
    hub.agents.will_say(words)

    ada.dm("tell me all")
    await hub.slack.until(lambda: len(ada.sees()) == 4)

    parts = ada.sees()[1:]
    assert " ".join(parts).split() == words.split()
    assert all(len(part) <= 12_000 for part in parts)
