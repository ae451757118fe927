"""Files: taken in before their message is stored, sent with a post, and told of when they can't."""

from collections.abc import AsyncGenerator, Sequence

import pytest

from adapters.discord.enclosures import FILE_LIMIT_BYTES
from agents.scripted import ScriptedAgents, Step
from gateway.domain.artifacts import Attachment
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.turns import Image, InputMessage, RunRequest
from gateway.rights.policy import AccessMode, AccessPolicy
from tests.fakes.directives import follow_directives
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Message, Person, Upload

PNG = b"\x89PNG\r\n\x1a\n and more"
CDN = "GET /attachments/*"
POST = "POST /channels/*/messages"


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


# -- in --------------------------------------------------------------------------------------


async def test_a_file_is_kept_and_named_to_the_agent(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say thanks", files=[Upload("plan.txt", b"1. tea", "text/plain")])
        await ada.hears("thanks")

    (file,) = next(iter(hub.stored.values())).attachments
    kept = await hub.artifacts.load(file.artifact)
    assert (file.name, file.media_type, file.size_bytes) == ("plan.txt", "text/plain", 6)
    assert kept is not None
    assert kept.data == b"1. tea"
    assert hub.heard == ["say thanks"]
    assert "[file plan.txt: text/plain, 6 bytes, kept as person-" in hub.agents.heard[0][0]


async def test_a_picture_reaches_the_agent_as_one(server: DiscordServer) -> None:
    ada, seen = server.person("ada"), list[InputMessage]()

    def look(request: RunRequest) -> Sequence[Step]:
        seen.extend(item for item in request.input if isinstance(item, InputMessage))
        return list(follow_directives(request))

    async with DiscordHub(server, agents=ScriptedAgents(look)).connected():
        ada.dm("say a cat", files=[Upload("cat.png", PNG, "image/png")])
        await ada.hears("a cat")

    assert seen[0].images == (Image("image/png", PNG),)


async def test_files_without_words_are_a_message(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("", files=[Upload("a.txt", b"a", "text/plain")])
        await hub.has_heard(1)

    assert hub.heard == ["[file: a.txt]"]
    assert len(next(iter(hub.stored.values())).attachments) == 1


async def test_25_files_are_all_taken_in(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    files = [Upload(f"{number}.txt", b"%d" % number, "text/plain") for number in range(25)]

    async with hub.connected():
        ada.dm("say thanks", files=files)
        await ada.hears("thanks")

    names = [file.name for file in next(iter(hub.stored.values())).attachments]
    assert names == [file.filename for file in files]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (Upload("big.bin", b"x" * 101, "text/plain"), "it has 101 bytes, and 100 are the most"),
        (Upload("run.exe", b"x", "application/x-msdownload"), "files of the type application/x-"),
    ],
)
async def test_what_is_over_a_limit_is_told_to_both(
    server: DiscordServer, file: Upload, reason: str
) -> None:
    ada = server.person("ada")
    limits: dict[str, object] = {"attachment_bytes": 100, "attachment_types": ("text/*", "image/*")}
    hub = DiscordHub(server, settings=limits)

    async with hub.connected():
        ada.dm("say words\nsay more", files=[file, Upload("ok.txt", b"ok", "text/plain")])
        told = await ada.hears("I could not take in")
        await ada.hears("more")

    said = next(iter(hub.stored.values()))
    assert f"{file.filename}: {reason}" in told.content
    assert f"[file not taken in – {file.filename}: {reason}" in said.text
    assert [kept.name for kept in said.attachments] == ["ok.txt"]
    assert server.log.count(CDN) == 1


@pytest.mark.parametrize("trouble", ["cut", "404", "slow"])
async def test_a_file_that_does_not_come_holds_nothing_up(
    server: DiscordServer, trouble: str
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"download_seconds": 0.5})
    hold = server.faults.hold(CDN) if trouble == "slow" else None
    if trouble == "cut":
        server.faults.cut(CDN, times=None)
    if trouble == "404":
        server.faults.fail(CDN, 404)

    async with hub.connected():
        ada.dm("say words", files=[Upload("a.txt", b"a", "text/plain")])
        await ada.hears("I could not take in")
        await ada.hears("words")
        if hold:
            hold.release()

    assert next(iter(hub.stored.values())).attachments == ()
    assert len(ada.inbox) == 2


async def test_a_hiccup_costs_no_file(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    server.faults.fail(CDN, 503)

    async with hub.connected():
        ada.dm("say thanks", files=[Upload("a.txt", b"a", "text/plain")])
        await ada.hears("thanks")

    assert len(next(iter(hub.stored.values())).attachments) == 1
    assert ada.inbox == ["thanks"]


async def test_killed_while_a_file_comes_the_message_is_fetched_again(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say first")
        await ada.hears("first")
        hold = server.faults.hold(CDN)
        ada.dm("say second", files=[Upload("a.txt", b"a", "text/plain")])
        await hold.reached.wait()
    hold.release()
    async with hub.connected():
        await ada.hears("second")

    assert ada.inbox == ["first", "second"]
    assert len(list(hub.stored.values())[1].attachments) == 1


async def test_of_a_stranger_no_file_is_fetched_and_no_thread_is_opened(
    server: DiscordServer,
) -> None:
    eve = server.person("eve")
    pairing = AccessPolicy({"discord": AccessMode.PAIRING})
    hub = DiscordHub(server, settings={"threads_on_mention": True}, access=pairing)
    mention = f"<@{server.world.bot.id}>"

    async with hub.connected():
        eve.says(server.general, f"{mention} hi", files=[Upload("a.txt", b"a", "text/plain")])
        await server.until(lambda: len(server.visible(server.general)) == 2)

    assert "pairing code" in server.visible(server.general)[1]
    assert server.log.count(CDN) == 0
    assert server.log.count("POST /channels/*/threads") == 0


# -- out -------------------------------------------------------------------------------------


async def attached(hub: DiscordHub, name: str, data: bytes) -> Attachment:
    """Keep a file, as an agent's tool would."""
    made = await hub.artifacts.save(f"agent-1/{name}", data)
    return Attachment(name, made.media_type, made.size_bytes, made.key)


async def posted(hub: DiscordHub, person: Person, *files: Attachment) -> Message:
    """Have Postern post files, and wait until they are there."""
    place = Conversation("discord", "dm", str(person.dm_channel.id))
    post = NewDelivery(DeliveryId("files"), place, "Here you are.", files=files)
    await hub.store.deliveries.enqueue([post], hub.adapter.clock.now())
    return await person.hears("Here you are.")


def sent(message: Message) -> list[tuple[str, bytes]]:
    """Return the files that stand with a message now."""
    return [(one.filename, one.data) for one in message.revisions[-1].attachments]


@pytest.mark.parametrize("trouble", ["none", "reply lost", "cut", "503"])
async def test_files_go_out_with_the_post_and_once(server: DiscordServer, trouble: str) -> None:
    ada = server.person("ada")
    if trouble == "reply lost":
        server.faults.lose_reply(POST)
    if trouble == "cut":
        server.faults.cut(POST)
    if trouble == "503":
        server.faults.fail(POST)

    async with DiscordHub(server).connected() as hub:
        files = [await attached(hub, "a.txt", b"a"), await attached(hub, "b.png", PNG)]
        message = await posted(hub, ada, *files)
        ada.dm("say next")
        await ada.hears("next")

    assert sent(message) == [("a.txt", b"a"), ("b.png", PNG)]
    assert ada.inbox == ["Here you are.", "next"]


async def test_an_edit_leaves_the_files(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected() as hub:
        message = await posted(hub, ada, await attached(hub, "a.txt", b"a"))
        now = hub.adapter.clock.now()
        await hub.store.deliveries.revise(DeliveryId("files"), "Done.", (), now)
        await ada.hears("Done.")

    assert sent(message) == [("a.txt", b"a")]


async def test_what_discord_does_not_take_is_named(server: DiscordServer) -> None:
    ada = server.person("ada")
    gone = Attachment("gone.txt", "text/plain", 5, "agent-1/gone.txt")

    async with DiscordHub(server).connected() as hub:
        large = await attached(hub, "large.bin", bytes(FILE_LIMIT_BYTES + 1))
        small = [await attached(hub, f"{number}.txt", b"s") for number in range(10)]
        message = await posted(hub, ada, large, gone, *small)

    assert message.content == (
        "Here you are.\n\n(The file large.bin, 10.5 MB, is larger than Discord takes.)\n\n"
        "(The file gone.txt, 0.0 MB, can not be found here.)\n\n"
        "(The file 9.txt, 0.0 MB, is more than Discord takes with one message.)"
    )
    assert len(sent(message)) == 9
