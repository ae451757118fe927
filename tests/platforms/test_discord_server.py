"""The Discord for tests, driven by the real discord.py client."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import pytest
from aiohttp import web
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import (
    DiscordServer,
    ManualClock,
    Permission,
    ServerSettings,
    Signature,
    Upload,
)
from tests.platforms.discord_server.aim import aimed_at
from tests.platforms.discord_server.errors import Refusal


class Bot(discord.AutoShardedClient):
    """Answers "ping" with "pong", and keeps what it was told."""

    def __init__(
        self, intents: discord.Intents | None = None, heartbeat_timeout: float = 60.0
    ) -> None:
        default = discord.Intents.default()
        default.message_content = True
        super().__init__(
            intents=intents or default,
            guild_ready_timeout=0.01,
            heartbeat_timeout=heartbeat_timeout,
        )
        self.heard: list[discord.Message] = []
        self.edits: list[discord.RawMessageUpdateEvent] = []
        self.deletes: list[int] = []
        self.reactions: list[str] = []
        self.interactions: list[discord.Interaction] = []
        self.resumed = 0

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip the 5 s that discord.py waits before it identifies again."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot:
            return
        self.heard.append(message)
        if message.content == "ping":
            await message.channel.send("pong")

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.edits.append(payload)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self.deletes.append(payload.message_id)

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        self.reactions.append(payload.emoji.name)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.append(interaction)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self.resumed += 1

    @property
    def texts(self) -> list[str]:
        return [message.content for message in self.heard]


@asynccontextmanager
async def running(
    server: DiscordServer, bot: Bot | None = None, *, shards: int = 1
) -> AsyncGenerator[Bot]:
    """Run a bot against a server, connected with all its shards."""
    bot = bot or Bot()
    with aimed_at(server):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bot.start(server.token))
            try:
                await server.connected(shards)
                yield bot
            finally:
                await bot.close()


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


async def test_a_dm_reaches_the_bot_and_its_answer_the_person(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        ada.dm("ping")
        await ada.hears("pong")

    assert bot.texts == ["ping"]
    assert ada.sees() == ["ping", "pong"]


async def test_a_wrong_token_is_a_login_failure(server: DiscordServer) -> None:
    bot = Bot()

    with aimed_at(server), pytest.raises(discord.LoginFailure):
        await bot.start("not-the-token")
    await bot.close()


async def test_an_intent_that_is_not_allowed_closes_with_4014(server: DiscordServer) -> None:
    bot = Bot(discord.Intents.all())

    with aimed_at(server), pytest.raises(discord.PrivilegedIntentsRequired):
        await bot.start(server.token)
    await bot.close()

    assert server.gateway.closes == [4014]


async def test_two_shards_each_get_the_events_of_their_guilds() -> None:
    async with DiscordServer(ServerSettings(shards=2)) as server:
        ada = server.person("ada")
        far = server.channel("far", server.guild("annex", shard=1))

        async with running(server, shards=2) as bot:
            ada.says(server.general, "near")
            ada.says(far, "far")
            await server.until(lambda: len(bot.heard) == 2)
            shards = {m.content: m.guild.shard_id for m in bot.heard if m.guild}

    assert shards == {"near": 0, "far": 1}


async def test_without_the_content_intent_only_dms_and_mentions_carry_text(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    bot = Bot(discord.Intents.default())

    async with running(server, bot):
        ada.says(server.general, "hidden")
        ada.says(server.general, f"<@{server.world.bot.id}> shown")
        ada.dm("private")
        await server.until(lambda: len(bot.heard) == 3)

    assert bot.texts == ["", f"<@{server.world.bot.id}> shown", "private"]


async def test_a_repeated_nonce_returns_the_first_message_within_the_window() -> None:
    clock = ManualClock()
    settings = ServerSettings(clock=clock, nonce_window_seconds=60)
    async with DiscordServer(settings) as server, running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)

        first = await place.send("once", nonce="n1")
        again = await place.send("once", nonce="n1")
        clock.advance(61)
        later = await place.send("once", nonce="n1")

        assert first.id == again.id != later.id
        assert server.visible(server.general) == ["once", "once"]


async def test_a_lost_reply_is_one_message_when_sent_again_with_its_nonce(
    server: DiscordServer,
) -> None:
    server.faults.lose_reply("POST /channels/*/messages")

    async with running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)
        with pytest.raises(aiohttp.ClientOSError):
            await place.send("precious", nonce="n1")
        await place.send("precious", nonce="n1")

    assert server.said_by_bot(server.general) == ["precious"]
    lost, again = server.log.find("POST /channels/*/messages")
    assert (lost.status, lost.carried_out, again.status) == (None, True, 200)


async def test_a_cut_before_carrying_out_posts_nothing(server: DiscordServer) -> None:
    server.faults.cut("POST /channels/*/messages")

    async with running(server) as bot:
        with pytest.raises(aiohttp.ClientOSError):
            await bot.get_partial_messageable(server.general.id).send("lost")

    assert server.said_by_bot(server.general) == []


async def test_a_503_is_an_error_for_the_client(server: DiscordServer) -> None:
    server.faults.fail("POST /channels/*/messages", 503)

    async with running(server) as bot:
        with pytest.raises(discord.DiscordServerError) as caught:
            await bot.get_partial_messageable(server.general.id).send("x")

    assert caught.value.status == 503


async def test_a_held_request_waits_for_the_test(server: DiscordServer) -> None:
    hold = server.faults.hold("POST /channels/*/messages")

    async with running(server) as bot, asyncio.TaskGroup() as tasks:
        place = bot.get_partial_messageable(server.general.id)
        tasks.create_task(place.send("late"))
        await asyncio.wait_for(hold.reached.wait(), PATIENCE_SECONDS)
        seen_before = server.visible(server.general)
        hold.release()
        await server.until(lambda: server.visible(server.general))

    assert seen_before == []


async def test_resume_replays_what_was_missed(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        server.gateway.cut()
        await server.until(lambda: not server.gateway.live)
        ada.dm("while you were away")
        await server.until(lambda: bot.texts)
        await server.until(lambda: bot.resumed)

    assert bot.texts == ["while you were away"]
    assert server.gateway.identifies == 1


async def test_reconnect_is_followed_by_a_resume(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        server.gateway.reconnect()
        await server.until(lambda: bot.resumed)
        ada.dm("still here?")
        await server.until(lambda: bot.texts)

    assert server.gateway.identifies == 1


async def test_an_invalid_session_identifies_anew_and_replays_nothing(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        server.gateway.invalidate()
        ada.dm("never delivered")
        await server.until(lambda: server.gateway.identifies == 2)
        ada.dm("delivered")
        await server.until(lambda: bot.texts)

    assert bot.texts == ["delivered"]


async def test_a_forgotten_session_cannot_be_resumed(server: DiscordServer) -> None:
    async with running(server):
        server.gateway.reconnect()
        server.gateway.forget()
        await server.until(lambda: server.gateway.identifies == 2)

    assert server.gateway.invalidations == 1


async def test_an_event_can_come_twice_or_never(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        server.gateway.repeat("MESSAGE_CREATE")
        ada.dm("twice")
        server.gateway.drop("MESSAGE_CREATE")
        ada.dm("never")
        ada.dm("once")
        await server.until(lambda: len(bot.heard) == 3)

    assert bot.texts == ["twice", "twice", "once"]


async def test_edits_deletes_and_reactions_go_both_ways(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        asked = ada.dm("helo")
        ada.edits(asked, "hello")
        ada.reacts(asked, "👍")
        ada.deletes(asked)
        await server.until(lambda: bot.deletes)
        answer = await bot.get_partial_messageable(ada.dm_channel.id).send("one")
        await answer.edit(content="two")
        await answer.add_reaction("✅")
        record = await ada.hears("two")

    assert [edit.message.content for edit in bot.edits[:1]] == ["hello"]
    assert (bot.reactions[0], bot.deletes) == ("👍", [asked.id])
    assert record.texts == ["one", "two"]
    assert record.reactions == {"✅": [server.world.bot.id]}


async def test_2001_characters_are_refused_as_discord_refuses_them(server: DiscordServer) -> None:
    async with running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)
        await place.send("x" * 2000)
        with pytest.raises(discord.HTTPException) as caught:
            await place.send("x" * 2001)

    assert (caught.value.status, caught.value.code) == (400, 50035)
    assert "In content: Must be 2000 or fewer in length." in str(caught.value)


async def test_someone_elses_message_cannot_be_edited(server: DiscordServer) -> None:
    message = server.person("ada").says(server.general, "mine")

    async with running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)
        with pytest.raises(discord.Forbidden) as caught:
            await place.get_partial_message(message.id).edit(content="yours")

    assert caught.value.code == 50005
    assert message.texts == ["mine"]


async def test_missing_permissions_are_refused(server: DiscordServer) -> None:
    server.deny(server.general, Permission.SEND_MESSAGES)

    async with running(server) as bot:
        with pytest.raises(discord.Forbidden) as caught:
            await bot.get_partial_messageable(server.general.id).send("hush")

    assert caught.value.code == 50013


async def test_a_person_who_forbids_dms_gets_none(server: DiscordServer) -> None:
    ada = server.person("ada")
    ada.forbids_dms()

    async with running(server) as bot:
        user = await bot.fetch_user(ada.id)
        with pytest.raises(discord.Forbidden) as caught:
            await user.send("psst")

    assert caught.value.code == 50007
    assert ada.sees() == []


async def test_files_go_up_and_come_down(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        ada.dm("read this", files=[Upload("in.txt", b"from ada", "text/plain")])
        await server.until(lambda: bot.heard)
        read = await bot.heard[0].attachments[0].read()
        place = bot.get_partial_messageable(ada.dm_channel.id)
        sent = discord.File(io.BytesIO(b"from bot"), "out.txt", description="an answer")
        await place.send("here", file=sent)
        answer = await ada.hears("here")

    stored = answer.revisions[-1].attachments[0]
    assert read == b"from ada"
    assert (stored.filename, stored.data, stored.description) == (
        "out.txt",
        b"from bot",
        "an answer",
    )


async def test_a_file_over_the_limit_is_refused() -> None:
    settings = ServerSettings(file_limit_bytes=1000)
    async with DiscordServer(settings) as server, running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)
        with pytest.raises(discord.HTTPException) as caught:
            await place.send(file=discord.File(io.BytesIO(b"x" * 1001), "big.bin"))

        assert (caught.value.status, caught.value.code) == (413, 40005)


async def test_history_after_a_message_is_what_followed_it(server: DiscordServer) -> None:
    ada = server.person("ada")
    sent = [ada.dm(f"m{number}") for number in range(120)]

    async with running(server) as bot:
        place = bot.get_partial_messageable(ada.dm_channel.id)
        mark = discord.Object(sent[9].id)
        after = [m.content async for m in place.history(after=mark, limit=None)]
        before = [m.content async for m in place.history(before=mark, limit=2)]
        around = [m.content async for m in place.history(around=mark, limit=3)]

    assert after == [f"m{number}" for number in range(10, 120)]
    assert before == ["m8", "m7"]
    assert around == ["m10", "m9", "m8"]


async def test_a_full_bucket_answers_429_and_says_how_long(server: DiscordServer) -> None:
    server.limits.set_bucket("POST /channels/{channel_id}/messages", 2, 60)
    url = f"{server.api_url}/channels/{server.general.id}/messages"
    token = {"Authorization": f"Bot {server.token}"}

    async with aiohttp.ClientSession(headers=token) as session:
        answers = [await session.post(url, json={"content": "x"}) for _ in range(3)]
        body = await answers[2].json()

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[1].headers["X-RateLimit-Remaining"] == "0"
    assert answers[2].headers["Via"]
    assert body["global"] is False
    assert 0 < body["retry_after"] <= 60


async def test_discord_py_waits_for_the_bucket_by_itself(server: DiscordServer) -> None:
    server.limits.set_bucket("POST /channels/{channel_id}/messages", 5, 0.2)

    async with running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)
        for number in range(11):
            await place.send(str(number))

    assert server.limits.refused == 0
    assert server.visible(server.general) == [str(number) for number in range(11)]


async def test_the_global_limit_counts_every_route_but_interactions() -> None:
    async with DiscordServer() as server:
        server.limits.enabled, server.limits.global_per_second = True, 2
        token = {"Authorization": f"Bot {server.token}"}

        async with aiohttp.ClientSession(headers=token) as session:
            users = [await session.get(f"{server.api_url}/users/@me") for _ in range(3)]
            callback = await session.post(f"{server.api_url}/interactions/1/x/callback", json={})

        assert [answer.status for answer in users] == [200, 200, 429]
        assert users[2].headers["X-RateLimit-Scope"] == "global"
        assert callback.status == 404


async def test_a_slash_command_is_deferred_and_followed_up(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        tree = discord.app_commands.CommandTree(bot)

        @tree.command(name="ask", description="Ask something")
        async def ask(interaction: discord.Interaction, text: str) -> None:
            await interaction.response.defer(thinking=True)
            await server.until(lambda: server.thinking(ada.dm_channel))
            await interaction.followup.send(f"You asked: {text}")
            await interaction.followup.send("And more.")
            await interaction.edit_original_response(content=f"Answer to {text}")

        await tree.sync()
        used = await ada.slash("ask", text="why?")
        await ada.hears("Answer to why?")

    assert used.texts == ["Answer to why?", "And more."]
    assert used.original is not None
    assert used.original.texts == ["You asked: why?", "Answer to why?"]
    assert server.commands.syncs == 1


async def test_an_interaction_has_three_seconds_and_one_callback() -> None:
    clock = ManualClock()
    settings = ServerSettings(clock=clock, interaction_answer_seconds=3.0)
    async with DiscordServer(settings) as server, running(server) as bot:
        ada = server.person("ada")
        server.commands.add("ask")

        await ada.slash("ask")
        await server.until(lambda: bot.interactions)
        clock.advance(3.1)
        with pytest.raises(discord.NotFound) as late:
            await bot.interactions[0].response.send_message("too late")
        record = await ada.slash("ask")
        await server.until(lambda: len(bot.interactions) == 2)
        await bot.interactions[1].response.send_message("in time", ephemeral=True)
        with pytest.raises(Refusal, match="40060"):
            server.interactions.answer(record, {"type": 5}, {})

        assert late.value.code == 10062
        assert ada.sees() == ["in time"]
        assert server.visible(ada.dm_channel) == []


async def test_an_interaction_token_ends_after_fifteen_minutes() -> None:
    clock = ManualClock()
    async with DiscordServer(ServerSettings(clock=clock)) as server, running(server) as bot:
        server.commands.add("ask")
        await server.person("ada").slash("ask")
        await server.until(lambda: bot.interactions)
        await bot.interactions[0].response.defer()

        clock.advance(901)
        with pytest.raises(discord.HTTPException) as caught:
            await bot.interactions[0].followup.send("too late")

        assert (caught.value.status, caught.value.code) == (401, 50027)


async def test_a_pressed_button_updates_its_message(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with running(server) as bot:
        view = discord.ui.View().add_item(discord.ui.Button(label="Approve", custom_id="yes"))
        await bot.get_partial_messageable(server.general.id).send("Allow it?", view=view)
        question = server.messages(server.general)[0]
        await ada.press(question, "Approve")
        await server.until(lambda: bot.interactions)
        await bot.interactions[0].response.edit_message(content="Allowed.", view=None)
        with pytest.raises(LookupError):
            await ada.press(question, "Approve")

    assert question.texts == ["Allow it?", "Allowed."]


async def test_a_thread_is_a_place_of_its_own(server: DiscordServer) -> None:
    start = server.person("ada").says(server.general, "topic")

    async with running(server) as bot:
        place = await bot.fetch_channel(server.general.id)
        assert isinstance(place, discord.TextChannel)
        message = await place.fetch_message(start.id)
        thread = await message.create_thread(name="talk")
        await thread.send("inside")

    assert server.visible(server.world.channels[thread.id]) == ["inside"]
    assert server.visible(server.general) == ["topic"]


async def test_a_webhook_posts_under_its_own_name(server: DiscordServer) -> None:
    async with running(server) as bot:
        place = await bot.fetch_channel(server.general.id)
        assert isinstance(place, discord.TextChannel)
        hook = await place.create_webhook(name="relay")
        sent = await hook.send("hi", username="Agent", wait=True)
        await sent.edit(content="hi there")

    message = server.messages(server.general)[0]
    assert (message.author.name, message.texts) == ("Agent", ["hi", "hi there"])


async def test_an_http_interaction_is_signed_and_its_answer_remembered(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    server.commands.add("ask")
    async with endpoint(server.signer.public_key) as url:
        is_accepted = await server.signer.probe(url)
        server.application.interactions_url = url
        record = await ada.slash("ask")
        tampered = await server.signer.post(url, {"type": 1}, Signature.TAMPERED)

    assert is_accepted
    assert record.texts == ["over http"]
    assert tampered.status == 401


@asynccontextmanager
async def endpoint(public_key: str) -> AsyncGenerator[str]:
    """Serve an interactions endpoint that verifies, and answers every command."""

    async def answer(request: web.Request) -> web.Response:
        signed = request.headers["X-Signature-Timestamp"].encode() + await request.read()
        try:
            signature = bytes.fromhex(request.headers["X-Signature-Ed25519"])
            VerifyKey(bytes.fromhex(public_key)).verify(signed, signature)
        except BadSignatureError:
            return web.Response(status=401)
        if (await request.json())["type"] == 1:
            return web.json_response({"type": 1})
        return web.json_response({"type": 4, "data": {"content": "over http"}})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_it_runs_by_itself_and_is_driven_over_its_control_api() -> None:
    module = "tests.platforms.discord_server"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        urls = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS))
        async with aiohttp.ClientSession() as session:
            control = Remote(session, urls["control_url"])
            said = await control.ask("say", person="ada", text="hello")
            await control.ask("faults", where="POST /channels/*/messages", trouble="lose_reply")
            answer = f"{urls['api_url']}/channels/{said['channel']}/messages"
            token = {"Authorization": f"Bot {urls['token']}"}
            with pytest.raises(aiohttp.ClientError):
                await session.post(answer, json={"content": "hi"}, headers=token)
            seen = await control.ask("visible", person="ada")
            log = await control.ask("log", where="POST *")
    finally:
        process.terminate()
        code = await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)

    assert seen == ["hello", "hi"]
    assert [(entry["status"], entry["carried_out"]) for entry in log] == [(None, True)]
    assert code == 0


@dataclass(frozen=True)
class Remote:
    """A driver of a server in another process."""

    session: aiohttp.ClientSession
    url: str

    # Any: what the control API answers depends on what was asked.
    async def ask(self, act: str, **body: object) -> Any:
        async with self.session.post(f"{self.url}/{act}", json=body) as response:
            assert response.status == 200
            return await response.json()


@asynccontextmanager
async def rest(server: DiscordServer) -> AsyncGenerator[aiohttp.ClientSession]:
    """Speak REST with the bot's token; addresses are relative to the API."""
    token = {"Authorization": f"Bot {server.token}"}
    base = server.api_url + "/"
    async with aiohttp.ClientSession(base_url=base, headers=token) as session:
        yield session


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, 50006, None),
        ({"content": "   "}, 50006, None),
        ({"content": "x" * 2001}, 50035, "content"),
        ({"content": 5}, 50035, "content"),
        ({"content": "x", "contnet": "y"}, 50035, "contnet"),
        ({"content": "x", "nonce": "n" * 26}, 50035, "nonce"),
        ({"content": "x", "tts": "yes"}, 50035, "tts"),
        ({"embeds": [{"title": "x"}] * 11}, 50035, "embeds"),
        ({"embeds": [{"title": "x" * 257}]}, 50035, "embeds"),
        ({"embeds": [{"description": "x" * 4000}] * 2}, 50035, "embeds"),
        ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, 50035, "allowed_mentions"),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 50035, "message_reference"),
        ({"content": "x", "components": [{"type": 2}]}, 50035, "components"),
        ({"content": "x", "flags": 1 << 6}, 50035, "flags"),
    ],
)
async def test_a_message_that_discord_refuses_is_refused(
    server: DiscordServer, body: dict[str, Any], code: int, field: str | None
) -> None:
    async with rest(server) as session:
        answer = await session.post(f"channels/{server.general.id}/messages", json=body)
        refusal = await answer.json()

    assert (answer.status, refusal["code"]) == (400, code)
    assert field is None or list(refusal["errors"]) == [field]
    assert server.visible(server.general) == []


async def test_unknown_things_have_their_own_codes(server: DiscordServer) -> None:
    place = f"channels/{server.general.id}"

    async with rest(server) as session:
        answers = [
            await session.get("channels/1/messages"),
            await session.get(f"{place}/messages/1"),
            await session.get("users/1"),
            await session.post("webhooks/1/token", json={"content": "x"}),
            await session.post("interactions/1/token/callback", json={"type": 5}),
            await session.get("nowhere"),
        ]
        codes = [(answer.status, (await answer.json())["code"]) for answer in answers]

    assert codes == [(404, 10003), (404, 10008), (404, 10013), (404, 10015), (404, 10062), (404, 0)]


async def test_a_wrong_token_and_broken_json_are_refused(server: DiscordServer) -> None:
    address = f"channels/{server.general.id}/messages"
    json_type = {"Content-Type": "application/json"}

    async with rest(server) as session:
        wrong = await session.get("users/@me", headers={"Authorization": "Bot wrong"})
        broken = await session.post(address, data=b"{", headers=json_type)

        assert (wrong.status, await wrong.json()) == (
            401,
            {"message": "401: Unauthorized", "code": 0},
        )
        assert (broken.status, (await broken.json())["code"]) == (400, 50109)
        assert broken.headers["Content-Type"] == "application/json"


async def test_nobody_is_pinged_who_is_not_allowed_to_be(server: DiscordServer) -> None:
    ada = server.person("ada")
    text = f"@everyone <@{ada.id}>"

    async with running(server) as bot:
        place = bot.get_partial_messageable(server.general.id)
        await place.send(text)
        await place.send(text, allowed_mentions=discord.AllowedMentions.none())

    loud, quiet = server.messages(server.general)
    assert (loud.mentions.everyone, loud.mentions.user_ids) == (True, (ada.id,))
    assert (quiet.mentions.everyone, quiet.mentions.user_ids) == (False, ())


async def test_a_client_without_heartbeat_answers_comes_back_and_resumes() -> None:
    settings = ServerSettings(heartbeat_interval_ms=50)
    async with DiscordServer(settings) as server:
        bot = Bot(heartbeat_timeout=0.2)
        async with running(server, bot):
            server.gateway.acknowledge_heartbeats(answers=False)
            await server.until(lambda: bot.resumed)
            server.gateway.acknowledge_heartbeats(answers=True)

        assert server.gateway.identifies == 1


async def test_a_server_that_was_down_still_remembers(server: DiscordServer) -> None:
    server.person("ada").says(server.general, "before")

    await server.stop()
    await server.start()
    async with rest(server) as session:
        answer = await session.get(f"channels/{server.general.id}/messages")
        found = [message["content"] for message in await answer.json()]

    assert found == ["before"]
