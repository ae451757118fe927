"""What Discord does not allow: said to the operator and, where there is a way, to who asked."""

import logging
from collections.abc import AsyncGenerator

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Permission


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


def place_of(server: DiscordServer) -> Conversation:
    return Conversation("discord", str(server.house.id), str(server.general.id))


def mention(server: DiscordServer) -> str:
    return f"<@{server.world.bot.id}>"


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return why deliveries were given up."""
    settled = [r for r in caplog.records if r.message == "delivery_settled"]
    return [str(vars(r)["error"]) for r in settled if vars(r)["outcome"] == "SendFailed"]


async def test_who_takes_no_dms_is_given_up_with_the_reason(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    ada = server.person("ada")
    ada.forbids_dms()

    async with DiscordHub(server).connected():
        ada.dm("say hello")
        reasons = await server.until(lambda: refusals(caplog))

        ada.user.allows_dms = True
        ada.dm("say now")
        await ada.hears("now")

    assert ada.inbox == ["now"]
    assert "This person takes no direct messages from the bot." in reasons[0]


async def test_a_missing_permission_is_named(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    ada = server.person("ada")
    server.deny(server.general, Permission.SEND_MESSAGES)

    async with DiscordHub(server).connected():
        ada.says(server.general, f"{mention(server)} say hello")
        reasons = await server.until(lambda: refusals(caplog))

    assert "it needs the permission Send Messages" in reasons[0]


def settled(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the deliveries that are at their end."""
    return [vars(r)["delivery"] for r in caplog.records if r.message == "delivery_settled"]


async def test_where_the_bot_may_not_write_the_asker_is_told_in_private_and_talks_on(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    ada, bob = server.person("ada"), server.person("bob")
    server.deny(server.general, Permission.SEND_MESSAGES)
    hub = DiscordHub(server)

    async with hub.connected():
        ada.says(server.general, f"{mention(server)} say hello")
        await ada.hears("I may not answer in")
        ada.dm("say here then")
        await ada.hears("here then")
        post = NewDelivery(DeliveryId("news"), place_of(server), "Good morning.")
        await hub.store.deliveries.enqueue([post], hub.clock.now())
        await server.until(lambda: "news" in settled(caplog))
        server.general.denied = 0
        bob.says(server.general, f"{mention(server)} say again")
        await server.until(lambda: server.said_by_bot(server.general))
        audit = await hub.store.history.audit(0, 1_000)

    told = f"I may not answer in <#{server.general.id}>. The bot may not write here: it needs"
    assert ada.inbox[0].startswith(told)
    assert ada.inbox[1:] == ["here then"]
    assert (bob.inbox, server.said_by_bot(server.general)) == ([], ["again"])
    ended = [e.data for e in audit if e.kind is AuditKind.DELIVERY_SETTLED]
    assert {e["reason"] for e in ended if e["state"] == "failed"} == {"DiscordRefused"}


async def test_a_refused_token_is_said_in_the_log(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    async with DiscordHub(server, settings={"token": "not-the-token"}).running():
        off = await server.until(lambda: [r for r in caplog.records if r.message == "channel_off"])

    assert "DISCORD_TOKEN" in str(vars(off[0])["error"])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (4004, "does not take the bot's token"),
        (4010, "this number of shards"),
        (4011, "more shards"),
        (4012, "no longer speaks this version"),
        (4013, "does not know the intents"),
    ],
)
async def test_a_session_that_is_refused_for_good_is_said_in_the_log(
    server: DiscordServer, caplog: pytest.LogCaptureFixture, code: int, sentence: str
) -> None:
    caplog.set_level(logging.ERROR)
    server.gateway.refuse_identify(code, times=100)

    async with DiscordHub(server).running():
        off = await server.until(lambda: [r for r in caplog.records if r.message == "channel_off"])

    assert sentence in str(vars(off[0])["error"])
    assert server.gateway.closes == [code]
