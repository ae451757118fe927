"""Roles and usergroups: they let people in, and choose the agent; unknown, they do neither."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest

from gateway.domain.circles import Circle
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route
from gateway.domain.routing import BindingRule, Routing
from gateway.errors import RetryLater
from gateway.rights.circles import Circles
from gateway.rights.policy import AccessMode, AccessPolicy
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

STAFF = "discord:7:@70"
OTHERS = "discord:8:@80"
CHANNEL = Conversation("discord", "7", "1")
ROUTES = Routing(
    {"postern": Route("postern"), "desk": Route("desk"), "vault": Route("vault")},
    [
        BindingRule("desk", people=frozenset({STAFF})),
        BindingRule("postern", people=frozenset({"discord:discord:3"})),
    ],
    {"vault": frozenset({STAFF})},
)
OPEN = AccessPolicy({"discord": AccessMode.OPEN})
STAFF_ALONE = AccessPolicy({"discord": AccessMode.PAIRING}, allowed=frozenset({STAFF, OTHERS}))


@dataclass
class Roles:
    """A Discord that says who has which role, or does not."""

    of: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    is_away: bool = False
    asked: int = 0

    async def ask(self, identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        self.asked += 1
        if self.is_away:
            raise RetryLater("Discord could not be reached.")
        await asyncio.sleep(0.1)
        return {circle.key for circle in circles} & self.of.get(identity.user, set())


@pytest.fixture
def roles() -> Roles:
    """Account 1 is of the staff."""
    return Roles({"1": {STAFF}})


def hub_of(roles: Roles, policy: AccessPolicy, *named: str) -> FakeHub:
    circles = Circles(named or {STAFF, OTHERS}, roles.ask)
    options = HubOptions(
        doors=("discord",), access=policy, routes=ROUTES, circles=circles, tickers=1
    )
    return FakeHub(MemoryStore(), options=options)


def direct(hub: FakeHub, user: str) -> FakePerson:
    identity = Identity("discord", "discord", user)
    return hub.account(identity, Conversation("discord", "dm", f"9{user}"))


async def said_in_channel(hub: FakeHub, user: str, *circles: str) -> InboundMessage:
    """Write in a channel of the server 7, whose message tells these roles of its author."""
    person = hub.account(Identity("discord", "discord", user), CHANNEL)
    message = hub.message(person, "hello")
    message = replace(message, sender=replace(message.sender, circles=frozenset(circles)))
    await hub.inbox.receive(message)
    return message


async def reasons(hub: FakeHub) -> list[object]:
    entries = await hub.store.history.audit(0, 1_000)
    return [entry.data["reason"] for entry in entries if "refused" in entry.kind]


async def agents_asked(hub: FakeHub) -> list[str]:
    return [role for _, role, _ in hub.agents.created]


async def test_a_role_lets_in_and_who_has_none_gets_a_code(roles: Roles) -> None:
    hub = hub_of(roles, STAFF_ALONE)
    async with hub.running():
        staff, stranger = direct(hub, "1"), direct(hub, "2")
        await staff.says("hello")
        await stranger.says("hello")
        await staff.reads()
        told = await stranger.reads()

    assert len(hub.agents.heard) == 1
    assert "pairing code" in told[0]


async def test_a_message_that_tells_its_authors_roles_asks_nobody_for_that_server(
    roles: Roles,
) -> None:
    hub = hub_of(roles, STAFF_ALONE, STAFF)
    async with hub.running():
        await said_in_channel(hub, "2", STAFF)
        await hub.platform.until_visible(CHANNEL.id, 1)
        await said_in_channel(hub, "1", "discord:7:@7")
        await asyncio.sleep(60)

    assert roles.asked == 0
    assert len(hub.agents.heard) == 1
    assert await reasons(hub) == ["pairing_asked"]


async def test_a_role_chooses_the_agent_and_the_account_itself_counts_more(roles: Roles) -> None:
    roles.of["3"] = {STAFF}
    hub = hub_of(roles, OPEN)
    async with hub.running():
        for user in ("1", "2", "3"):
            person = direct(hub, user)
            await person.says("hello")
            await person.reads()

    assert await agents_asked(hub) == ["desk", "postern", "postern"]


async def test_an_agent_for_a_role_is_for_nobody_else(roles: Roles) -> None:
    hub = hub_of(roles, OPEN)
    async with hub.running():
        staff, stranger = direct(hub, "1"), direct(hub, "2")
        await staff.says("@vault open up")
        await stranger.says("@vault open up")
        await staff.reads()
        told = await stranger.reads()
        await staff.says("/agent")
        await stranger.says("/agent")
        listed = [(await each.reads(2))[-1] for each in (staff, stranger)]

    assert await agents_asked(hub) == ["vault"]
    assert told == ['The agent "vault" is not for you. Ask the operator of this bot.']
    assert await reasons(hub) == ["agent_not_allowed"]
    assert "There is `postern`, `desk`, `vault`." in listed[0]
    assert "There is `postern`, `desk`." in listed[1]


async def test_while_nobody_can_tell_nobody_is_let_in_and_no_other_agent_hears_it(
    roles: Roles,
) -> None:
    roles.is_away = True
    doors = [hub_of(roles, STAFF_ALONE), hub_of(roles, OPEN)]
    for hub in doors:
        async with hub.running():
            staff = direct(hub, "1")
            await staff.says("hello")
            told = await staff.reads()
            await asyncio.sleep(60)

        assert told[0].startswith("I could not find out whether this is for you, because Discord")
        assert hub.agents.heard == []
        assert await reasons(hub) == ["circles_unknown"]


async def test_a_role_that_only_lets_in_is_not_taken_for_granted_either(roles: Roles) -> None:
    roles.is_away = True
    circles = Circles({STAFF}, roles.ask)
    options = HubOptions(doors=("discord",), access=STAFF_ALONE, circles=circles)
    hub = FakeHub(MemoryStore(), options=options)
    async with hub.running():
        staff = direct(hub, "1")
        await staff.says("hello")
        told = await staff.reads()
        await asyncio.sleep(60)

    assert told[0].startswith("I could not find out whether this is for you")
    assert hub.agents.heard == []
    assert await reasons(hub) == ["circles_unknown"]


async def test_what_one_server_tells_says_nothing_of_another_one(roles: Roles) -> None:
    roles.of["2"] = {OTHERS}
    hub = hub_of(roles, STAFF_ALONE)
    async with hub.running():
        await said_in_channel(hub, "2", "discord:7:@7")
        await hub.platform.until_visible(CHANNEL.id, 1)

    assert roles.asked == 1, "the other server alone"
    assert await agents_asked(hub) == ["postern"], "its role does not choose the staff's agent"


async def test_who_needs_no_role_is_let_in_while_nobody_can_tell(roles: Roles) -> None:
    roles.is_away = True
    policy = replace(STAFF_ALONE, allowed=frozenset({STAFF, "discord:discord:2"}))
    hub = FakeHub(
        MemoryStore(),
        options=HubOptions(doors=("discord",), access=policy, circles=Circles({STAFF}, roles.ask)),
    )
    async with hub.running():
        person = direct(hub, "2")
        await person.says("hello")
        await person.reads()

    assert len(hub.agents.heard) == 1


async def test_who_loses_a_role_loses_its_rights_within_a_minute(roles: Roles) -> None:
    hub = hub_of(roles, STAFF_ALONE)
    async with hub.running():
        staff = direct(hub, "1")
        await staff.says("hello")
        await staff.reads()
        roles.of.clear()
        await asyncio.sleep(61)
        await staff.says("and now?")
        await staff.reads(2)

    assert len(hub.agents.heard) == 1
    assert await reasons(hub) == ["pairing_asked"]


async def test_many_messages_at_once_ask_once(roles: Roles) -> None:
    hub = hub_of(roles, STAFF_ALONE)
    async with hub.running():
        staff = direct(hub, "1")
        await asyncio.gather(*(staff.says(f"hello {number}") for number in range(50)))
        await staff.reads()

    assert roles.asked == 2, "once for each server that has a named role"


async def test_a_place_lets_in_who_writes_there_and_nowhere_else(roles: Roles) -> None:
    policy = AccessPolicy({"discord": AccessMode.ALLOWLIST}, places=frozenset({"discord:7:1"}))
    hub = hub_of(roles, policy)
    async with hub.running():
        await said_in_channel(hub, "2", "discord:7:@7")
        await hub.platform.until_visible(CHANNEL.id, 1)
        elsewhere = hub.account(
            Identity("discord", "discord", "2"), Conversation("discord", "7", "2")
        )
        await elsewhere.says("hello")
        await direct(hub, "2").says("hello")
        await asyncio.sleep(60)

    assert len(hub.agents.heard) == 1
    assert await reasons(hub) == ["not_on_the_allowlist"] * 2


async def test_a_reminder_of_a_roles_agent_comes_to_its_holders_alone(roles: Roles) -> None:
    hub = hub_of(roles, OPEN)
    async with hub.running():
        staff = direct(hub, "1")
        for count, command in enumerate(
            ("/agent vault", "/remind in 5 minutes count", "/remind in 20 minutes count"), start=1
        ):
            await staff.says(command)
            await staff.reads(count)
        await staff.reads(4)
        roles.of.clear()
        await asyncio.sleep(1_800)

    assert await agents_asked(hub) == ["vault"]
    assert len(hub.agents.heard) == 1
    missed = [e for e in await hub.store.history.audit(0, 1_000) if e.kind == "schedule.missed"]
    assert [entry.data["why"] for entry in missed] == ["no_agent"]
