"""Roles of Discord: told by messages in servers, asked for elsewhere, by the real protocol."""

from collections.abc import AsyncGenerator, Collection, Sequence

import pytest

from adapters.discord.roles import circles_of
from gateway.domain.circles import Circle
from gateway.domain.people import Identity
from gateway.errors import RetryLater
from gateway.rights.circles import Circles
from gateway.rights.policy import AccessMode, AccessPolicy
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer
from tests.platforms.discord_server.records import Guild

ROLE = 4711
MEMBER = "GET /guilds/*/members/*"


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


class Asking:
    """Asks the server, and counts."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server
        self.asked = 0

    async def __call__(self, identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        self.asked += 1
        server = self._server
        return await circles_of(server.api_url, server.token, identity, circles)


def hub_for(server: DiscordServer, guild: Guild, asking: Asking) -> DiscordHub:
    """Return one that hears those alone who have the role."""
    role = frozenset({f"discord:{guild.id}:@{ROLE}"})
    policy = AccessPolicy({"discord": AccessMode.ALLOWLIST}, allowed=role)
    return DiscordHub(server, access=policy, circles=Circles(role, asking))


async def test_a_role_is_told_by_a_message_in_its_server(server: DiscordServer) -> None:
    ada, bob, asking = server.person("ada"), server.person("bob"), Asking(server)
    guild = server.guild("home")
    guild.roles[ada.id] = [ROLE]
    place = server.channel("general", guild)
    hub, me = hub_for(server, guild, asking), f"<@{server.world.bot.id}>"

    async with hub.connected():
        bob.says(place, f"{me} say no")
        ada.says(place, f"{me} say yes")
        await server.until(lambda: "yes" in ada.sees(place))

    assert ada.sees(place) == [f"{me} say no", f"{me} say yes", "yes"]
    assert asking.asked == 0


async def test_a_role_is_told_by_a_command_in_its_server(server: DiscordServer) -> None:
    ada, asking = server.person("ada"), Asking(server)
    guild = server.guild("home")
    guild.roles[ada.id] = [ROLE]
    place = server.channel("general", guild)

    async with hub_for(server, guild, asking).connected():
        await ada.slash("ask", channel=place, text="say yes")
        await server.until(lambda: "yes" in ada.sees(place))

    assert asking.asked == 0


async def test_in_a_direct_message_the_server_is_asked_for_the_role(server: DiscordServer) -> None:
    ada, bob, asking = server.person("ada"), server.person("bob"), Asking(server)
    guild = server.guild("home")
    guild.roles[ada.id] = [ROLE]

    async with hub_for(server, guild, asking).connected():
        bob.dm("say no")
        ada.dm("say yes")
        await ada.hears("yes")
        ada.dm("say again")
        await ada.hears("again")

    assert bob.inbox == []
    assert asking.asked == 2, "once for each of them"


async def test_while_discord_does_not_tell_nobody_is_let_in(server: DiscordServer) -> None:
    ada = server.person("ada")
    guild = server.guild("home")
    guild.roles[ada.id] = [ROLE]
    server.faults.fail(MEMBER, 500, times=None)

    async with hub_for(server, guild, Asking(server)).connected():
        ada.dm("say yes")
        await server.until(lambda: bool(ada.inbox))

    assert ada.inbox[0].startswith("I could not find out whether this is for you")


async def test_every_member_has_the_servers_own_id_as_a_role(server: DiscordServer) -> None:
    ada = server.person("ada")
    guild = server.guild("home")
    eve = server.world.add_user("eve")
    circle = Circle("discord", str(guild.id), str(guild.id))
    account = Identity("discord", "discord", str(ada.id))
    stranger = Identity("discord", "discord", str(eve.id))
    async with DiscordHub(server).connected():
        parts = (server.api_url, server.token)

        assert circle.key in await circles_of(*parts, account, [circle])
        assert not await circles_of(*parts, stranger, [circle])
        with pytest.raises(RetryLater, match="Discord answered 404"):
            await circles_of(*parts, account, [Circle("discord", "12345", "1")])
        with pytest.raises(RetryLater, match="Discord answered 401"):
            await circles_of(parts[0], "wrong", account, [circle])
