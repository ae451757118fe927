"""Slash commands, over the gateway and over HTTP: stored, deferred, answered in place."""

import io
import json
import time
from collections.abc import AsyncGenerator

import aiohttp
import pytest

from adapters.discord.routes import BODY_LIMIT_BYTES
from gateway.commands import SPECS
from gateway.domain.audit import AuditKind
from gateway.domain.messages import MessageKind
from tests.platforms.discord_hub import AdvancingClock, DiscordHub
from tests.platforms.discord_server import DiscordServer, ServerSettings, Signature

ORIGINAL = "PATCH /webhooks/*/*/messages/@original"
FOLLOW_UP = "POST /webhooks/*/*"
CALLBACK = "POST /interactions/*/callback"
DOORS = ["gateway", "http"]


@pytest.fixture
def clock() -> AdvancingClock:
    return AdvancingClock()


@pytest.fixture
async def server(clock: AdvancingClock) -> AsyncGenerator[DiscordServer]:
    async with DiscordServer(ServerSettings(clock=clock)) as server:
        yield server


async def ready(hub: DiscordHub, door: str) -> None:
    """Wait until commands are registered, and choose where Discord brings them."""
    server = hub.server
    await server.until(lambda: server.commands.registered)
    server.application.interactions_url = hub.url if door == "http" else None


@pytest.mark.parametrize("door", DOORS)
async def test_ask_is_answered_in_place_of_thinking(server: DiscordServer, door: str) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, door)
        asked = await ada.slash("ask", text="drip 0.02\nwords 30", channel=server.general)
        await server.until(lambda: asked.texts and asked.texts[0].endswith("w29"))

    assert asked.callback_type == 5
    assert len(asked.texts) == 1
    assert len(server.said_by_bot(server.general)) == 1


@pytest.mark.parametrize("door", DOORS)
async def test_retry_in_a_channel_is_answered_before_all_as_the_question_was(
    server: DiscordServer, door: str
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"commands": SPECS})

    async with hub.connected():
        await ready(hub, door)
        asked = await ada.slash("ask", text="say hello", channel=server.general)
        await server.until(lambda: asked.texts == ["hello"])
        again = await ada.slash("retry", channel=server.general)
        await server.until(lambda: bool(again.texts) and again.texts[0].endswith("hello"))

    assert again.callback_type == 5
    assert again.texts == ["**Again:** hello"]
    assert len(server.said_by_bot(server.general)) == 2


@pytest.mark.parametrize("door", DOORS)
async def test_an_answer_in_parts_follows_itself(server: DiscordServer, door: str) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, door)
        asked = await ada.slash("ask", text="words 1000")
        await server.until(lambda: asked.texts and asked.texts[-1].endswith("w999"))

    assert " ".join(asked.texts).split() == [f"w{number}" for number in range(1000)]


async def test_a_command_reaches_the_hub_as_verb_and_arguments(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, "gateway")
        await ada.slash("remind", when="tomorrow", channel=server.general)
        await ada.slash("status", channel=server.general)
        await hub.has_heard(2)

    remind, status = hub.stored.values()
    assert (remind.kind, remind.text) == (MessageKind.COMMAND, "remind tomorrow")
    assert (status.text, status.is_private) == ("status", True)
    assert not remind.is_private


async def test_a_private_answer_is_seen_by_nobody_else(server: DiscordServer) -> None:
    ada, bob = server.person("ada"), server.person("bob")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, "gateway")
        asked = await ada.slash("status", channel=server.general)
        await server.until(lambda: asked.texts)

    assert ada.sees(server.general)
    assert bob.sees(server.general) == []


@pytest.mark.parametrize("door", DOORS)
async def test_an_unknown_command_is_refused_in_private(server: DiscordServer, door: str) -> None:
    ada, bob = server.person("ada"), server.person("bob")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, door)
        server.commands.add("dance")
        asked = await ada.slash("dance", channel=server.general)
        await server.until(lambda: asked.texts)
        audit = await hub.store.history.audit(0, 1_000)

    refused = [entry.data["reason"] for entry in audit if entry.kind is AuditKind.MESSAGE_REFUSED]
    assert refused == ["interaction_not_read"]
    assert asked.texts == ['There is no command "dance" any more.']
    assert bob.sees(server.general) == []
    assert hub.heard == []


async def test_commands_are_registered_once(server: DiscordServer) -> None:
    hub = DiscordHub(server)

    for _ in range(2):
        async with hub.connected():
            await ready(hub, "gateway")
            await server.until(lambda: server.log.count("GET /applications/*/commands"))
            server.log.entries.clear()

    assert server.commands.syncs == 1
    assert {tuple(c["contexts"]) for c in server.commands.registered} == {(0, 1, 2)}
    assert {tuple(c["integration_types"]) for c in server.commands.registered} == {(0, 1)}


async def test_every_command_of_the_hub_is_taken_by_discord(server: DiscordServer) -> None:
    hub = DiscordHub(server, settings={"commands": SPECS})

    async with hub.connected():
        await ready(hub, "gateway")

    names = {command["name"] for command in server.commands.registered}
    assert names == {"Ask my agent", *(spec.name for spec in SPECS)}


async def test_a_command_that_comes_again_is_answered_once(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, "gateway")
        server.gateway.repeat("INTERACTION_CREATE", 3)
        asked = await ada.slash("ask", text="say once")
        await server.until(lambda: asked.texts)
        ada.dm("say next")
        await ada.hears("next")

    assert asked.texts == ["once"]
    assert ada.inbox == ["once", "next"]


# -- faults ----------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [CALLBACK, ORIGINAL, FOLLOW_UP])
@pytest.mark.parametrize("trouble", ["reply lost", "cut", "503"])
async def test_a_fault_within_an_answer_is_not_seen(
    server: DiscordServer, call: str, trouble: str
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"stream_hold_seconds": 60.0})

    async with hub.connected():
        await ready(hub, "gateway")
        made = {
            "reply lost": lambda: server.faults.lose_reply(call),
            "cut": lambda: server.faults.cut(call),
            "503": lambda: server.faults.fail(call),
        }[trouble]()
        await ada.slash("ask", text="words 600")
        await server.until(lambda: ends_with(ada.inbox, "w599"))

    assert made.hits > 0
    assert " ".join(ada.inbox).split() == [f"w{number}" for number in range(600)]


async def test_killed_between_deferring_and_answering(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    hold = server.faults.hold(ORIGINAL)

    async with hub.connected():
        await ready(hub, "gateway")
        asked = await ada.slash("ask", text="say hello")
        await hold.reached.wait()
    async with hub.connected():
        hold.release()
        await server.until(lambda: asked.texts == ["hello"])

    assert ada.inbox == ["hello"]


async def test_killed_between_storing_and_deferring(
    server: DiscordServer, clock: AdvancingClock
) -> None:
    """Discord never learns of the interaction, so the answer comes to the channel."""
    ada = server.person("ada")
    hub = DiscordHub(server)
    hold = server.faults.hold(CALLBACK)

    async with hub.connected():
        await ready(hub, "gateway")
        await ada.slash("ask", text="say hello")
        await hold.reached.wait()
    clock.ahead += 100
    hold.release()
    async with hub.connected():
        await ada.hears("hello")

    assert ada.inbox == ["hello"]


async def test_an_answer_after_the_tokens_end_comes_to_the_channel() -> None:
    async with DiscordServer(ServerSettings(interaction_token_seconds=0.2)) as server:
        ada = server.person("ada")
        hub = DiscordHub(server, settings={"stream_hold_seconds": 60.0})

        async with hub.connected():
            await ready(hub, "gateway")
            await ada.slash("ask", text="sleep 0.5\nsay late", channel=server.general)
            await server.until(lambda: server.visible(server.general) == ["late"])


async def test_a_private_answer_after_the_tokens_end_comes_by_dm() -> None:
    async with DiscordServer(ServerSettings(interaction_token_seconds=0.0)) as server:
        ada = server.person("ada")
        hub = DiscordHub(server)

        async with hub.connected():
            await ready(hub, "gateway")
            await ada.slash("status", channel=server.general)
            await server.until(lambda: ada.inbox)

        assert server.visible(server.general) == []


async def test_a_draft_that_outlives_its_token_is_replaced_by_the_whole_answer() -> None:
    async with DiscordServer(ServerSettings(interaction_token_seconds=0.3)) as server:
        ada = server.person("ada")
        hub = DiscordHub(server)
        whole = " ".join(f"w{number}" for number in range(30))

        async with hub.connected():
            await ready(hub, "gateway")
            await ada.slash("ask", text="drip 0.03\nwords 30", channel=server.general)
            await server.until(lambda: server.visible(server.general) == [whole])


# -- the HTTP door ---------------------------------------------------------------------------


async def test_discord_accepts_the_endpoint(server: DiscordServer) -> None:
    async with DiscordHub(server).connected() as hub:
        assert await server.signer.probe(hub.url)


@pytest.mark.parametrize("kind", [Signature.WRONG, Signature.MISSING, Signature.TAMPERED])
async def test_a_forged_request_is_refused(server: DiscordServer, kind: Signature) -> None:
    hub = DiscordHub(server)

    async with hub.connected():
        statuses = {(await server.signer.post(hub.url, {"type": 1}, kind)).status for _ in range(9)}
        audit = await hub.store.history.audit(0, 1_000)

    noted = [entry.data["reason"] for entry in audit if entry.kind is AuditKind.MESSAGE_REFUSED]
    assert statuses == {401}
    assert 1 <= len(noted) <= 2, "a line for each minute"
    assert set(noted) == {"signature_wrong"}


@pytest.mark.parametrize("seconds", [-301, 400])
async def test_a_request_of_another_time_is_refused(server: DiscordServer, seconds: int) -> None:
    hub = DiscordHub(server)
    moment = str(int(time.time()) + seconds)

    async with hub.connected():
        answer = await server.signer.post(hub.url, {"type": 1}, timestamp=moment)
        audit = await hub.store.history.audit(0, 1_000)

    assert answer.status == 401
    assert [entry.data["reason"] for entry in audit] == ["request_of_another_time"]


async def test_a_body_over_the_limit_is_refused_unread(server: DiscordServer) -> None:
    hub = DiscordHub(server)
    raw = json.dumps({"type": 1, "pad": "x" * BODY_LIMIT_BYTES}).encode()

    async with hub.connected(), aiohttp.ClientSession() as session:
        headers = server.signer.headers(raw)
        answer = await session.post(hub.url, data=io.BytesIO(raw), headers=headers)
        audit = await hub.store.history.audit(0, 1_000)

    assert answer.status == 413
    assert [entry.data["reason"] for entry in audit] == ["body_too_large"]


async def test_signed_nonsense_is_refused_and_noted_once(server: DiscordServer) -> None:
    hub = DiscordHub(server)

    async with hub.connected():
        odd = {"type": "two", "id": ["x"]}
        statuses = {(await server.signer.post(hub.url, odd)).status for _ in range(9)}
        audit = await hub.store.history.audit(0, 1_000)

    assert statuses == {400}
    assert 1 <= len(audit) <= 2, "a line for each day"
    assert {entry.data["reason"] for entry in audit} == {"not_understood"}


async def test_nothing_is_deferred_that_is_not_stored(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        await ready(hub, "http")
        hub.is_store_down = True
        asked = await ada.slash("ask", text="say hello")

    assert asked.callback_type == 4
    assert asked.texts == ["I can't take this in right now. Please try again in a moment."]


async def test_without_a_gateway_commands_are_answered_over_http(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"has_gateway": False})

    async with hub.running():
        await ready(hub, "http")
        asked = await ada.slash("ask", text="say hello", channel=server.general)
        await server.until(lambda: asked.texts == ["hello"])

        assert hub.adapter.health().is_ready

    assert server.gateway.identifies == 0


def ends_with(texts: list[str], ending: str) -> bool:
    """Whether the last of the texts ends so."""
    return bool(texts) and texts[-1].endswith(ending)
