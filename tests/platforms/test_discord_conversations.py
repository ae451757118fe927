"""People talk to the hub on Discord, through the real discord.py client."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from adapters.discord.options import BotPolicy, ReactionPolicy
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.domain.people import Sender
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Permission, Person, ServerSettings
from tests.platforms.discord_server.records import ChannelKind
from tests.platforms.discord_server.state import Draft


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


def mention(server: DiscordServer) -> str:
    return f"<@{server.world.bot.id}>"


def said(hub: DiscordHub) -> list[str]:
    """Return the last line of what the agent was told in each turn."""
    return [turn[-1].splitlines()[-1] for turn in hub.agents.heard]


# -- direct messages -------------------------------------------------------------------------


async def test_a_dm_is_answered(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected():
        ada.dm("say hello")
        await ada.hears("hello")

    assert ada.sees() == ["say hello", "hello"]


async def test_the_first_dm_does_not_wait_for_the_guilds(server: DiscordServer) -> None:
    """discord.py says `on_ready` only when no guild has come for a while."""
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"guilds_seconds": 3600.0})

    async with hub.connected():
        ada.dm("say hello")
        await ada.hears("hello")

        assert hub.adapter.health().is_ready


async def test_messages_are_answered_in_order(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    texts = [f"message {number}" for number in range(20)]

    async with hub.connected():
        for text in texts:
            ada.dm(text)
        await ada.hears(texts[-1])

    assert hub.heard == texts


async def test_an_event_that_comes_again_is_answered_once(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected():
        server.gateway.repeat("MESSAGE_CREATE", 5)
        ada.dm("say once")
        await ada.hears("once")
        ada.dm("say next")
        await ada.hears("next")

    assert ada.inbox == ["once", "next"]


async def test_an_edit_replaces_a_message_that_waits(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("sleep 0.3")
        await hub.has_heard(1)
        waiting = ada.dm("first thought")
        ada.edits(waiting, "second thought")
        await ada.hears("second thought")

    assert said(hub) == ["sleep 0.3", "second thought"]


async def test_an_edit_after_the_answer_is_a_correction(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        sent = ada.dm("say Monday")
        await ada.hears("Monday")
        ada.edits(sent, "Tuesday, I meant")
        await server.until(lambda: len(ada.inbox) == 2)

    correction = list(hub.stored.values())[-1]
    assert (correction.kind, correction.target) == (MessageKind.EDIT, str(sent.id))
    assert "Tuesday, I meant" in hub.agents.heard[-1][0]


async def test_a_message_deleted_while_it_waits_is_not_answered(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("sleep 0.3")
        await hub.has_heard(1)
        ada.deletes(ada.dm("never mind"))
        ada.dm("say last")
        await ada.hears("last")

    assert said(hub) == ["sleep 0.3", "say last"]


async def test_typing_shows_while_the_agent_works(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected():
        ada.dm("sleep 0.6\nsay done")
        await server.until(lambda: ada.dm_channel.typing)
        await ada.hears("done")


# -- guilds ----------------------------------------------------------------------------------


async def test_in_a_guild_only_what_is_addressed_is_heard(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.says(server.general, "just talking")
        ada.says(server.general, f"{mention(server)} say hello")
        await server.until(lambda: server.said_by_bot(server.general))
        answer = server.messages(server.general)[-1]
        ada.says(server.general, "say welcome", reply_to=answer)
        await server.until(lambda: len(server.said_by_bot(server.general)) == 2)

    about = "[this replies to a message of yours:]\n> hello"
    assert hub.heard == ["say hello", f"say welcome\n\n{about}"]
    assert server.said_by_bot(server.general) == ["hello", "welcome"]


async def test_a_thread_in_which_the_bot_takes_part_is_a_conversation(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    kind = ChannelKind.PUBLIC_THREAD
    thread = server.world.add_thread(server.general, "plans", ada.user, kind, None)

    async with hub.connected():
        ada.says(thread, "not for you")
        ada.says(thread, f"{mention(server)} say one")
        await server.until(lambda: server.said_by_bot(thread))
        ada.says(thread, "say two")
        await server.until(lambda: len(server.said_by_bot(thread)) == 2)

    conversations = {message.conversation.id for message in hub.stored.values()}
    assert hub.heard == ["say one", "say two"]
    assert conversations == {f"discord:{server.house.id}:{server.general.id}:{thread.id}"}


async def test_who_is_not_heard_brings_the_bot_into_no_thread(server: DiscordServer) -> None:
    async def admits(sender: Sender, place: Conversation) -> bool:
        return sender.identity.user != str(mallory.id)

    ada, mallory = server.person("ada"), server.person("mallory")
    kind = ChannelKind.PUBLIC_THREAD
    thread = server.world.add_thread(server.general, "plans", ada.user, kind, None)
    hub = DiscordHub(server, settings={"admits": admits})
    async with hub.connected():
        mallory.says(thread, f"{mention(server)} hello")
        await hub.has_heard(1)
        ada.says(thread, "between us")
        ada.says(thread, f"{mention(server)} say one")
        await server.until(lambda: "one" in server.said_by_bot(thread))

    assert "between us" not in hub.heard


async def test_a_mention_can_open_a_thread_of_its_own(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"threads_on_mention": True})

    async with hub.connected():
        asked = ada.says(server.general, f"{mention(server)} say hello")
        await server.until(lambda: asked.thread_id)
        thread = server.world.channels[asked.thread_id or 0]
        await server.until(lambda: server.said_by_bot(thread))
        ada.says(thread, "say more")
        await server.until(lambda: len(server.said_by_bot(thread)) == 2)

    assert server.said_by_bot(thread) == ["hello", "more"]
    assert server.said_by_bot(server.general) == []


async def test_without_permission_for_threads_the_answer_comes_in_the_channel(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    server.deny(server.general, Permission.CREATE_PUBLIC_THREADS)

    async with DiscordHub(server, settings={"threads_on_mention": True}).connected():
        ada.says(server.general, f"{mention(server)} say hello")
        await server.until(lambda: server.said_by_bot(server.general))

    assert server.said_by_bot(server.general) == ["hello"]


async def test_without_the_content_intent_dms_and_mentions_are_heard() -> None:
    async with DiscordServer(ServerSettings(allowed_privileged_intents=0)) as server:
        ada = server.person("ada")
        hub = DiscordHub(server)

        async with hub.connected():
            ada.dm("say direct")
            await ada.hears("direct")
            ada.says(server.general, f"{mention(server)} say mentioned")
            await server.until(lambda: server.said_by_bot(server.general))

            health = hub.adapter.health()

        assert health.is_ready
        assert "direct messages and mentions only" in health.sentence
        assert hub.heard == ["say direct", "say mentioned"]


# -- other bots ------------------------------------------------------------------------------


def bot_says(server: DiscordServer, text: str) -> None:
    """Let another bot write into #general."""
    users = server.world.users.values()
    other = next((user for user in users if user.name == "other-bot"), None)
    other = other or server.world.add_user("other-bot", bot=True)
    mentions = Draft(other, text).mentions
    if mention(server) in text:
        mentions = type(mentions)(user_ids=(server.world.bot.id,))
    server.world.post(server.general, Draft(other, text, mentions=mentions))


async def test_other_bots_are_not_heard(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        bot_says(server, f"{mention(server)} hello")
        ada.says(server.general, f"{mention(server)} say hello")
        await server.until(lambda: server.said_by_bot(server.general))

    assert hub.heard == ["say hello"]


async def test_bots_that_answer_each_other_are_stopped(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"bots": BotPolicy.MENTIONS, "bot_turns": 3})

    async with hub.connected():
        for number in range(6):
            bot_says(server, f"{mention(server)} say {number}")
        ada.says(server.general, f"{mention(server)} say person")
        bot_says(server, f"{mention(server)} say again")
        await hub.has_heard(5)

    assert hub.heard == ["say 0", "say 1", "say 2", "say person", "say again"]


# -- reactions -------------------------------------------------------------------------------


async def test_a_reaction_to_the_bot_is_heard_when_wanted(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"reactions": ReactionPolicy.OWN})

    async with hub.connected():
        asked = ada.dm("say hello")
        answer = await ada.hears("hello")
        ada.reacts(asked, "🤔")
        ada.reacts(answer, "👍")
        await hub.has_heard(2)

    reaction = list(hub.stored.values())[-1]
    assert (reaction.kind, reaction.text) == (MessageKind.REACTION, "👍")
    assert reaction.target == str(answer.id)


async def test_reactions_are_not_heard_by_default(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say hello")
        ada.reacts(await ada.hears("hello"), "👍")
        ada.dm("say bye")
        await ada.hears("bye")

    assert hub.heard == ["say hello", "say bye"]


# -- what people see -------------------------------------------------------------------------


async def test_a_long_answer_comes_in_parts_of_2000_characters(server: DiscordServer) -> None:
    ada = server.person("ada")
    words = [f"w{number}" for number in range(1_500)]

    async with DiscordHub(server).connected():
        ada.dm("words 1500")
        await ada.hears(words[-1])

    assert len(ada.inbox) > 3
    assert all(len(text) <= 2_000 for text in ada.inbox)
    assert " ".join(ada.inbox).split() == words


async def test_an_answer_of_very_many_parts_ends_in_a_file(server: DiscordServer) -> None:
    ada = server.person("ada")
    words = [f"w{number}" for number in range(3_000)]

    async with DiscordHub(server, settings={"max_parts": 2}).connected():
        ada.dm("words 3000")
        last = await ada.hears("answer.md")

    file = last.revisions[-1].attachments[0]
    first, _ = ada.inbox
    assert len(ada.inbox) == 2
    assert first.split() + file.data.decode().split() == words


async def test_nobody_is_pinged_by_an_agents_words(server: DiscordServer) -> None:
    ada, bob = server.person("ada"), server.person("bob")

    async with DiscordHub(server).connected():
        ada.dm(f"say @everyone and <@{bob.id}>")
        answer = await ada.hears("everyone")

    assert answer.mentions.user_ids == ()
    assert not answer.mentions.everyone


# -- many ------------------------------------------------------------------------------------


async def test_a_hundred_people_at_once_get_one_answer_each(server: DiscordServer) -> None:
    people = [server.person(f"person{number}") for number in range(100)]

    async with DiscordHub(server).connected():
        for number, person in enumerate(people):
            person.dm(f"say answer {number}")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await all_hear(people)

    assert [person.inbox for person in people] == [[f"answer {n}"] for n in range(100)]


async def all_hear(people: Sequence[Person]) -> None:
    """Wait until everybody has heard something."""
    for person in people:
        await person.hears("answer")
