"""All that Postern and the Discord for tests say to each other, held to Discord's own description.

Needs `discord/openapi.json` below the folder in POSTERN_SPEC_DIR; skipped without it.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.discord.interactions import Handle
from agents.scripted import Ask
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.text.canvas import in_words
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Person
from tests.platforms.discord_server.openapi import Description
from tests.platforms.discord_server.people import shown_text
from tests.platforms.discord_server.records import ChannelKind
from tests.platforms.discord_server.requests import LoggedRequest
from tests.platforms.discord_server.state import Upload
from tests.platforms.hands import ASKS_FIRST, PAY, Bank, hands
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_reading import read_canvas

_FOLDER = os.environ.get("POSTERN_SPEC_DIR")

pytestmark = pytest.mark.skipif(
    _FOLDER is None, reason="POSTERN_SPEC_DIR is not set: Discord's description is not at hand"
)

MESSAGES = "/channels/{channel_id}/messages"
ANSWERS = "/webhooks/{webhook_id}/{webhook_token}"
COMMANDS = "/applications/{application_id}/commands"
CALLED = {
    "GET /users/@me",
    "GET /oauth2/applications/@me",
    "GET /gateway/bot",
    f"GET {COMMANDS}",
    f"PUT {COMMANDS}",
    "POST /users/@me/channels",
    "GET /channels/{channel_id}",
    "POST /channels/{channel_id}/typing",
    f"GET {MESSAGES}",
    f"POST {MESSAGES}",
    f"PATCH {MESSAGES}/{{message_id}}",
    f"DELETE {MESSAGES}/{{message_id}}",
    f"POST {MESSAGES}/{{message_id}}/threads",
    "POST /interactions/{interaction_id}/{interaction_token}/callback",
    f"POST {ANSWERS}",
    f"GET {ANSWERS}/messages/@original",
    f"PATCH {ANSWERS}/messages/@original",
    f"PATCH {ANSWERS}/messages/{{message_id}}",
    f"DELETE {ANSWERS}/messages/{{message_id}}",
}
"""Every route that Postern ever calls."""
MANY = tuple(Button(f"Tea {n}", f"say {n}") for n in range(25))
SHAPES = {"MESSAGE_CREATE": "MessageResponse", "THREAD_CREATE": "ThreadResponse"}
"""Of those events whose contents the description knows."""


async def test_every_request_and_every_answer_fits_the_description() -> None:
    description = Description(Path(_FOLDER or "") / "discord" / "openapi.json")
    async with DiscordServer() as server:
        events = [json.loads(frame) for frame in await live_through_everything(server)]
        requests = [one for one in server.log.entries if "/attachments/" not in one.call.path]

    called = {route_of(description, one) for one in requests}
    complaints = [f"{one.route}: {c}" for one in requests for c in misfits(description, one)]
    known = [(SHAPES[event["t"]], event["d"]) for event in events if event["t"] in SHAPES]
    odd = [f"{shape}: {c}" for shape, data in known for c in description.named(shape, data)]
    assert complaints == []
    assert called == CALLED
    assert odd == []
    assert {shape for shape, _ in known} == set(SHAPES.values())


def route_of(description: Description, request: LoggedRequest) -> str:
    call = request.call
    return f"{call.method} {description.template_of(call.method, call.path)}"


def misfits(description: Description, request: LoggedRequest) -> list[str]:
    """Tell what the description has against a request and what the server answered."""
    call = request.call
    template = description.template_of(call.method, call.path)
    found = description.query_complaints(call.method, template, call.query)
    if call.body:
        found += description.request_complaints(call.method, template, call.body)
    if request.status is not None:
        found += description.complaints(call.method, template, request.status, request.body)
    return found


async def live_through_everything(server: DiscordServer) -> list[str]:
    """Take every route: two lives of a hub, and all that people do. Returns the first's events."""
    ada = server.person("ada")
    settings: dict[str, object] = {"threads_on_mention": True, "max_parts": 2}
    hub = DiscordHub(server, settings=settings, turns=ASKS_FIRST)
    hub.toolbox = hands(Bank(), hub.store, hub.artifacts, hub.clock)
    async with hub.connected():
        await server.until(lambda: server.commands.registered)
        ada.dm("sleep 0.6\ndrip 0.05\nwords 10", files=[Upload("a.txt", b"tea", "text/plain")])
        await ada.hears("w9")
        ada.dm("words 3000")
        await ada.hears("answer.md")
        await talk_in_a_thread(server, ada)
        await ask_by_command(server, ada)
        await post_and_take_back(hub, ada)
        await show_a_canvas(hub, ada)
        hub.agents.will(Ask((PAY,)))
        ada.dm("pay Bob 5 euros")
        question = await ada.hears("wants to use")
        assert question.revisions[-1].embeds
        frames = [frame for session in server.gateway.live for _, frame in session.replay]
    ada.dm("say while you were away")
    async with hub.connected():
        await ada.hears("while you were away")
    return frames


async def talk_in_a_thread(server: DiscordServer, ada: Person) -> None:
    asked = ada.says(server.general, f"<@{server.world.bot.id}> say hello")
    await server.until(lambda: asked.thread_id)
    thread = server.world.channels[asked.thread_id or 0]
    await server.until(lambda: server.said_by_bot(thread))
    kind = ChannelKind.PUBLIC_THREAD
    server.gateway.drop("THREAD_CREATE")
    unheard = server.world.add_thread(server.general, "plans", ada.user, kind, None)
    ada.says(unheard, f"<@{server.world.bot.id}> say hello")
    await server.until(lambda: server.said_by_bot(unheard))


async def ask_by_command(server: DiscordServer, ada: Person) -> None:
    """Get an answer in parts, of which one reply is lost; a refusal; and a private answer."""
    server.faults.lose_reply("POST /webhooks/*/*")
    asked = await ada.slash("ask", text="drip 0.001\nwords 600", channel=server.general)
    await server.until(lambda: asked.texts and asked.texts[-1].endswith("w599"))
    opened = await ada.slash("ask", channel=server.general)
    await server.until(lambda: opened.modal)
    server.commands.add("dance")
    refused = await ada.slash("dance", channel=server.general)
    private = await ada.slash("status", channel=server.general)
    await server.until(lambda: refused.texts and private.texts)


async def post_and_take_back(hub: DiscordHub, ada: Person) -> None:
    """Show a message in a channel and one by an interaction, and take both away.

    One more, for ada alone, answers an interaction whose time is long over.
    """
    handle = next(m.handle for m in hub.stored.values() if m.handle is not None)
    late = str(replace(Handle.parse(handle), interaction="175928847299117063"))
    place = Conversation("discord", str(hub.server.house.id), str(hub.server.general.id))
    direct = Conversation("discord", "dm", str(ada.dm_channel.id))
    posts = [
        NewDelivery(DeliveryId("posted"), direct, "Tea?", buttons=(Button("Yes", "say tea"),)),
        NewDelivery(DeliveryId("answered"), place, "Tea?", handle=handle, buttons=MANY),
        NewDelivery(DeliveryId("late"), place, "For you.", handle=late, is_private=True),
    ]
    shown = hub.server.visible
    await hub.store.deliveries.enqueue(posts, hub.clock.now())
    await hub.server.until(lambda: "Tea?" in shown(hub.server.general) and "For you." in ada.inbox)
    for text in ("Coffee?", ""):
        for post in posts:
            await hub.store.deliveries.revise(post.id, text, (), hub.clock.now())
        await hub.server.until(lambda t=text: not t or t in shown(hub.server.general))
    await hub.server.until(lambda: "Coffee?" not in shown(hub.server.general))
    await hub.server.until(lambda: "Coffee?" not in ada.inbox)


async def show_a_canvas(hub: DiscordHub, ada: Person) -> None:
    """Show one of each kind, open its form, change it, and take it back."""
    canvas, badge = read_canvas(EVERY_KIND), read_canvas([{"type": "badge", "text": "booked"}])
    direct = Conversation("discord", "dm", str(ada.dm_channel.id))
    post = NewDelivery(DeliveryId("canvas"), direct, in_words(canvas), canvas=canvas)
    count = len(ada.dm_channel.messages)
    await hub.store.deliveries.enqueue([post], hub.clock.now())
    await hub.server.until(lambda: len(ada.dm_channel.messages) > count)
    message = ada.dm_channel.messages[-1]
    pressed = await ada.press(message, "Your trip")
    await hub.server.until(lambda: pressed.modal)
    await hub.store.deliveries.revise(post.id, "booked", (), hub.clock.now(), canvas=badge)
    await hub.server.until(lambda: shown_text(message) == "**booked**")
    await hub.store.deliveries.revise(post.id, "", (), hub.clock.now())
    await hub.server.until(lambda: message.deleted_at is not None)
