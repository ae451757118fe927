"""Any fault of Discord within a streamed reply: the text is complete, and there once."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from agents.scripted import Say, Until
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, ServerSettings
from tests.platforms.discord_server.faults import Fail, Fault, TooMany

POST = "POST /channels/*/messages"
EDIT = "PATCH /channels/*/messages/*"

BUCKET = "PATCH /channels/{channel_id}/messages/{message_id}"

Break = Callable[[DiscordServer], Fault | None]


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


def words(count: int) -> str:
    return " ".join(f"w{number}" for number in range(count))


FAULTS: dict[str, Break] = {
    "post: reply lost": lambda s: s.faults.lose_reply(POST),
    "post: reply lost, and of the repeat": lambda s: s.faults.lose_reply(POST, times=2),
    "post: cut before": lambda s: s.faults.cut(POST),
    "post: 500": lambda s: s.faults.fail(POST, 500),
    "post: 503": lambda s: s.faults.fail(POST, 503),
    "post: 503, carried out": lambda s: s.faults.add(POST, Fail(503, carried_out=True)),
    "post: 502, carried out": lambda s: s.faults.add(POST, Fail(502, carried_out=True)),
    "post: 429": lambda s: s.faults.too_many(POST, 0.2),
    "post: 429, global": lambda s: s.faults.too_many(POST, 0.2, scope="global"),
    "post: 429, shared": lambda s: s.faults.too_many(POST, 0.2, scope="shared"),
    "post: 429, of Cloudflare": lambda s: s.faults.add(POST, TooMany(0.2, from_discord=False)),
    "edit: reply lost": lambda s: s.faults.lose_reply(EDIT),
    "edit: cut before": lambda s: s.faults.cut(EDIT, times=2),
    "edit: 500": lambda s: s.faults.fail(EDIT, 500),
    "edit: 503": lambda s: s.faults.fail(EDIT, 503, times=3),
    "edit: 429": lambda s: s.faults.too_many(EDIT, 0.2),
    "gateway: cut": lambda s: s.gateway.cut(),
    "gateway: RECONNECT": lambda s: s.gateway.reconnect(),
    "gateway: invalid session": lambda s: s.gateway.invalidate(),
    "gateway: invalid session, yet resumable": lambda s: s.gateway.invalidate(resumable=True),
    "gateway: closed with 1000": lambda s: s.gateway.cut(code=1000),
    "gateway: closed with 4000": lambda s: s.gateway.cut(code=4000),
    "gateway: wrong sequence number": lambda s: s.gateway.cut(code=4007),
    "gateway: too much was sent": lambda s: s.gateway.cut(code=4008),
    "gateway: session timed out": lambda s: s.gateway.cut(code=4009),
    "gateway: session forgotten": lambda s: (s.gateway.cut(), s.gateway.forget())[0],
    "gateway: next event thrice": lambda s: s.gateway.repeat("MESSAGE_CREATE", 2),
    "bucket: one edit left": lambda s: s.limits.set_bucket(BUCKET, 1, 0.5),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_within_a_streamed_reply_is_not_seen(
    server: DiscordServer, fault: str
) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected():
        # What goes wrong with an edit is ordered first: on a busy machine there may be but one.
        is_of_the_gateway = fault.startswith("gateway")
        made = None if is_of_the_gateway else FAULTS[fault](server)
        ada.dm("drip 0.03\nwords 30")
        if is_of_the_gateway:
            await ada.hears("w2")
            made = FAULTS[fault](server)
        await ada.hears(words(30))
        ada.dm("say next")
        await ada.hears("next")

    assert made is None or made.hits > 0
    assert ada.inbox == [words(30), "next"]
    assert server.said_by_bot(ada.dm_channel) == [words(30), "next"]


async def test_a_gateway_that_falls_silent_within_a_streamed_reply_is_not_seen() -> None:
    """No ACK, no event and no close: only the heartbeats tell."""
    quick: dict[str, object] = {"heartbeat_timeout_seconds": 0.3}
    async with DiscordServer(ServerSettings(heartbeat_interval_ms=200)) as server:
        ada = server.person("ada")
        async with DiscordHub(server, settings=quick).connected():
            (session,) = server.gateway.live
            ada.dm("drip 0.05\nwords 30")
            await ada.hears("w2")
            resumes = session.resumes
            server.gateway.fall_silent()
            ada.dm("say next")
            await ada.hears("next")

        assert session.resumes > resumes
        assert server.gateway.identifies == 1
        assert ada.inbox == [words(30), "next"]
        assert server.said_by_bot(ada.dm_channel) == [words(30), "next"]


def said(piece: str) -> Say:
    """Return a step that says a piece of one message."""
    return Say(piece, message="m")


async def test_a_streamed_reply_grows_in_one_message(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"stream_hold_seconds": 0.0})
    seen = [asyncio.Event() for _ in range(3)]
    pieces = ("one", " two", " three")
    hub.agents.will(
        *(step for piece, at in zip(pieces, seen, strict=True) for step in (said(piece), Until(at)))
    )

    async with hub.connected():
        ada.dm("tell me")
        for piece, at in zip(pieces, seen, strict=True):
            await ada.hears(piece)
            at.set()

    (shown,) = ada.inbox_messages
    assert shown.texts == ["one", "one two", "one two three"]
