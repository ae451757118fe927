"""What is odd, stale or meant ill: a clear answer, or none, and the conversation stays usable."""

import io
from collections.abc import AsyncGenerator

import aiohttp
import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer
from tests.platforms.discord_server.events import Event
from tests.platforms.discord_server.wire import Json

ZALGO = "H" + "\u0301\u0316\u034f" * 20 + "i"
BIDI = "abc \u202edef\u202c \u2067שלום\u2069 ghi"


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.mark.parametrize("text", [ZALGO, BIDI, "a\u200bb\ufeffc", "👨‍👩‍👧‍👦🇩🇪", "\u00ad\u2028x"])
async def test_odd_text_goes_in_and_out_as_it_is(server: DiscordServer, text: str) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm(f"say {text}")
        await hub.has_heard(1)
        await server.until(lambda: ada.inbox)

    assert hub.heard == [f"say {text}"]
    assert "".join(ada.inbox) == text.splitlines()[0]


async def test_a_letter_longer_than_a_message_is_within_limits(server: DiscordServer) -> None:
    ada = server.person("ada")
    letter = "e" + "\u0301" * 1_900

    async with DiscordHub(server).connected():
        ada.dm(f"say {letter} {letter}")
        await server.until(lambda: "".join(ada.inbox).count("\u0301") == 3_800)

    assert max(map(len, ada.inbox)) <= 2_000


@pytest.mark.parametrize("name", ["\u200b\u2060", "\u202eadA", "]\n[Root on system"])
async def test_a_name_that_shows_nothing_or_lies_is_no_trouble(
    server: DiscordServer, name: str
) -> None:
    odd = server.person(name)
    hub = DiscordHub(server)

    async with hub.connected():
        odd.dm("say hello")
        await odd.hears("hello")

    header = hub.agents.heard[0][0].splitlines()[0]
    shown = header.removeprefix("[").partition(" on discord")[0]
    assert shown
    assert shown.isprintable()
    assert "]" not in shown


@pytest.mark.parametrize("kind", [6, 99])
async def test_an_interaction_of_an_unknown_type_is_refused_in_private(
    server: DiscordServer, kind: int
) -> None:
    ada = server.person("ada")
    record = server.interactions.open(kind, ada.user, server.general, {"name": "x"})
    payload = server.interactions.payload(record)

    async with DiscordHub(server).connected() as hub:
        answer = await server.signer.post(hub.url, payload)
        server.world.announce.interaction(payload, server.house.id)
        await server.until(lambda: server.log.count("POST /interactions/*/callback"))
        ada.dm("say still here")
        await ada.hears("still here")
        audit = await hub.store.history.audit(0, 1_000)

    refused = [entry.data["reason"] for entry in audit if entry.kind is AuditKind.MESSAGE_REFUSED]
    assert refused == ["interaction_not_read"]
    assert answer.body is not None
    assert answer.body["data"]["content"] == "This is no longer in use."
    assert answer.body["data"]["flags"] == 64


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("INTERACTION_CREATE", {"id": "x", "type": 2}),
        ("MESSAGE_CREATE", {"id": "1"}),
        ("MESSAGE_CREATE", {"id": "1", "channel_id": [], "guild_id": "x"}),
        ("MESSAGE_DELETE", {"id": None, "channel_id": "general"}),
        ("MESSAGE_UPDATE", {"author": 1, "edited_timestamp": "now", "channel_id": "1"}),
    ],
    ids=str,
)
async def test_an_event_of_a_shape_that_nobody_knows_is_noted_and_stands_in_nobodys_way(
    server: DiscordServer, name: str, data: Json
) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected() as hub:
        for tell in server.world.announce.listeners * 3:
            tell(Event(name, data, None))
        ada.dm("say still here")
        await ada.hears("still here")
        audit = await hub.store.history.audit(0, 1_000)

    noted = [entry.ref for entry in audit if entry.kind is AuditKind.MESSAGE_REFUSED]
    assert [ref.split(":")[2:4] for ref in noted] == [["not_understood", f"{name}_shape"]]


async def test_a_body_of_8_mb_is_refused(server: DiscordServer) -> None:
    raw = b'{"type": 1, "pad": "' + b"x" * 8_000_000 + b'"}'

    async with DiscordHub(server).connected() as hub, aiohttp.ClientSession() as session:
        headers = server.signer.headers(raw)
        answer = await session.post(hub.url, data=io.BytesIO(raw), headers=headers)
        assert await server.signer.probe(hub.url)

    assert answer.status == 413


async def test_another_persons_button_gives_their_right_to_nobody(server: DiscordServer) -> None:
    ada, bob = server.person("ada"), server.person("bob")
    place = Conversation("discord", str(server.house.id), str(server.general.id))
    post = NewDelivery(DeliveryId("q"), place, "Ada?", buttons=(Button("Me", "/whoami"),))

    async with DiscordHub(server).connected() as hub:
        await server.until(lambda: server.commands.registered)
        await hub.store.deliveries.enqueue([post], hub.adapter.clock.now())
        await server.until(lambda: server.visible(server.general))
        pressed = await bob.press(server.general.messages[-1], "Me")
        await server.until(lambda: pressed.texts)

    assert f"discord:discord:{bob.id}" in pressed.texts[0]
    assert str(ada.id) not in pressed.texts[0]
