"""Deny by default: what a stranger gets, and how the operator lets one in."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.domain.people import Route, person_id_of
from gateway.domain.places import PlacePolicy, PlaceRules
from gateway.domain.routing import Routing
from gateway.rights.pairing_codes import hash_code
from gateway.rights.policy import AccessMode, AccessPolicy
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

PAIRING = AccessPolicy(modes={"fake": AccessMode.PAIRING})


def _hub(policy: AccessPolicy) -> FakeHub:
    return FakeHub(MemoryStore(), options=HubOptions(access=policy))


def _code_in(text: str) -> str:
    found = re.search(r"\*\*(\w{8})\*\*", text)
    assert found, text
    return found[1]


async def test_a_stranger_gets_a_code_and_nothing_else() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        mallory = hub.person("mallory")
        await mallory.says("let me in")
        seen = await mallory.reads()
        await asyncio.sleep(60)

    assert len(_code_in(seen[0])) == 8
    assert mallory.sees == seen
    assert hub.agents.heard == []
    assert hub.agents.created == []


async def test_an_approved_stranger_is_answered_from_then_on() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("hello")
        code = _code_in((await ada.reads())[0])
        await hub.store.people.decide_pairing(hash_code(code), is_allowed=True, now=hub.clock.now())
        hub.agents.will_say("Welcome.")
        await ada.says("hello again")
        seen = await ada.reads(2)

    assert seen[1] == "Welcome."


async def test_who_was_forgotten_is_a_stranger_again() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("hello")
        code = _code_in((await ada.reads())[0])
        await hub.store.people.decide_pairing(hash_code(code), is_allowed=True, now=hub.clock.now())
        hub.agents.will_say("Welcome.")
        await ada.says("hello again")
        await ada.reads(2)

        await hub.store.personal.forget(person_id_of(ada.identity), hub.clock.now())
        await asyncio.sleep(61)
        await ada.says("do you know me?")
        await asyncio.sleep(1)

    assert "I don't know you yet" in ada.sees[-1]


async def test_a_denied_stranger_stays_outside() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        mallory = hub.person("mallory")
        await mallory.says("hello")
        code = _code_in((await mallory.reads())[0])
        await hub.store.people.decide_pairing(
            hash_code(code), is_allowed=False, now=hub.clock.now()
        )
        await mallory.says("hello again")
        await mallory.reads(2)

    assert hub.agents.heard == []


async def test_a_stranger_has_at_most_three_codes_in_an_hour() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        mallory = hub.person("mallory")
        for number in range(10):
            await mallory.says(f"knock {number}")
        await asyncio.sleep(60)
        within_the_hour = len(mallory.sees)
        await asyncio.sleep(3600)
        await mallory.says("knock again")
        await mallory.reads(4)

    assert within_the_hour == 3
    assert len(await hub.store.people.pairings(hub.clock.now())) == 1


async def test_one_event_delivered_100_times_gives_one_code() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        mallory = hub.person("mallory")
        await asyncio.gather(*(mallory.says("hi", event_id="e1") for _ in range(100)))
        await asyncio.sleep(60)

    assert len(mallory.sees) == 1


async def test_an_expired_code_lets_nobody_in() -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        mallory = hub.person("mallory")
        await mallory.says("hello")
        code = _code_in((await mallory.reads())[0])
        await asyncio.sleep(3601)
        now = hub.clock.now()
        decided = await hub.store.people.decide_pairing(hash_code(code), is_allowed=True, now=now)

    assert decided is None


async def test_an_allowlist_lets_in_the_listed_and_says_nothing_to_others() -> None:
    allowed = frozenset({"fake:w1:ada"})
    hub = _hub(AccessPolicy(modes={"fake": AccessMode.ALLOWLIST}, allowed=allowed))
    async with hub.running():
        ada, mallory = hub.person("ada"), hub.person("mallory")
        hub.agents.will_say("Hello Ada.")
        await mallory.says("hello")
        await ada.says("hello")
        await ada.reads()
        await asyncio.sleep(60)

    assert ada.sees == ["Hello Ada."]
    assert mallory.sees == []


async def test_a_platform_without_a_rule_lets_nobody_in() -> None:
    hub = _hub(AccessPolicy(modes={}))
    async with hub.running():
        await hub.person("ada").says("hello")
        await asyncio.sleep(60)

    assert hub.agents.heard == []


CHANNEL = Conversation("slack", "T1", "C1")


async def _let_in(hub: FakeHub, ada: FakePerson) -> None:
    """Have the operator approve the code that somebody is shown in direct messages."""
    await ada.says("hello")
    code = _code_in((await ada.reads())[0])
    await hub.store.people.decide_pairing(hash_code(code), is_allowed=True, now=hub.clock.now())


async def test_where_pairing_is_for_direct_messages_it_gives_nothing_in_channels() -> None:
    policy = AccessPolicy({"slack": AccessMode.PAIRING}, pairs_for_channels=False)
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=policy))
    async with hub.running():
        ada = hub.on_slack("ada", Conversation("slack", "T1", "D1"))
        await _let_in(hub, ada)
        in_channel = hub.on_slack("ada", CHANNEL)
        await in_channel.says("and here?")
        await in_channel.says("and now?")
        told = await in_channel.reads()
        hub.agents.will_say("Welcome.")
        await ada.says("hello again")
        await ada.reads(2)
        await asyncio.sleep(60)

    assert told[0].startswith("Here I hear only those whom the operator has listed.")
    assert len(in_channel.sees) == 1, "told once an hour, and shown no code"
    assert len(hub.agents.heard) == 1
    reasons = [e.data.get("reason") for e in await hub.store.history.audit(0, 1_000)]
    assert reasons.count("not_listed_here") == 2


async def test_in_such_channels_the_listed_are_heard_and_places_stay_open() -> None:
    policy = AccessPolicy(
        {"slack": AccessMode.PAIRING},
        allowed=frozenset({"slack:T1:boss"}),
        places=frozenset({"slack:T1:C2"}),
        pairs_for_channels=False,
    )
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=policy))
    async with hub.running():
        boss = hub.on_slack("boss", CHANNEL)
        ada = hub.on_slack("ada", Conversation("slack", "T1", "C2"))
        for each in (boss, ada):
            await each.says("hello")
            await each.reads()

    assert len(hub.agents.heard) == 2


async def test_a_place_is_open_for_what_is_written_there_and_not_in_direct_messages() -> None:
    policy = AccessPolicy({"slack": AccessMode.ALLOWLIST}, places=frozenset({"slack:T1"}))
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=policy))
    async with hub.running():
        in_channel = hub.on_slack("ada", CHANNEL)
        direct = hub.on_slack("ada", Conversation("slack", "T1", "D1"))
        await direct.says("hello")
        await in_channel.says("hello, all")
        await in_channel.reads()
        await asyncio.sleep(60)

    assert direct.sees == []
    assert len(hub.agents.heard) == 1


@pytest.mark.parametrize("kind", [MessageKind.DELETE, MessageKind.REACTION, MessageKind.EDIT])
async def test_a_stranger_who_changes_their_words_or_reacts_is_told_nothing(
    kind: MessageKind,
) -> None:
    hub = _hub(PAIRING)
    async with hub.running():
        mallory = hub.person("mallory")
        said = hub.message(mallory, "what I said to others")
        await hub.inbox.receive(replace(said, kind=kind, target="their-own"))
        await asyncio.sleep(60)

    assert mallory.sees == []
    assert await hub.store.people.pairings(hub.clock.now()) == []
    assert hub.agents.heard == []


async def test_a_pairing_makes_no_admin_and_opens_no_agent_for_others() -> None:
    policy = AccessPolicy({"slack": AccessMode.PAIRING})
    routes = Routing(
        {"postern": Route("postern"), "vault": Route("vault")},
        access={"vault": frozenset({"slack:T1:boss"})},
    )
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=policy, routes=routes))
    async with hub.running():
        ada = hub.on_slack("ada", Conversation("slack", "T1", "D1"))
        await _let_in(hub, ada)
        await ada.says("@vault open up")
        await ada.reads(2)
        await ada.says("/ban ubob")
        seen = await ada.reads(3)

    assert seen[1] == 'The agent "vault" is not for you. Ask the operator of this bot.'
    assert "`access.admins`" in seen[2]
    assert hub.agents.heard == []


async def _in_channel(place: PlacePolicy, mode: AccessMode, *names: str) -> FakeHub:
    """Have these people write in a channel with this policy, where UBOSS is listed."""
    rules = PlaceRules({"slack:T1": place})
    policy = AccessPolicy({"slack": mode}, frozenset({"slack:T1:boss"}), rules=rules)
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=policy))
    async with hub.running():
        for name in names:
            await hub.on_slack(name, CHANNEL).says(f"hello from {name}")
        await asyncio.sleep(60)
    return hub


async def _reasons(hub: FakeHub) -> list[object]:
    entries = await hub.store.history.audit(0, 1_000)
    return [entry.data["reason"] for entry in entries if "refused" in entry.kind]


async def test_where_a_list_decides_nothing_else_lets_anybody_in() -> None:
    hub = await _in_channel(PlacePolicy.ALLOWLIST, AccessMode.OPEN, "boss", "ada", "ada")

    assert len(hub.agents.heard) == 1
    assert "hello from boss" in str(hub.agents.heard)
    seen = hub.platform.visible(CHANNEL.id)
    assert sum("those whom the operator has listed" in text for text in seen) == 1
    assert await _reasons(hub) == ["not_listed_here"] * 2


async def test_where_nobody_is_heard_nothing_is_said_either() -> None:
    hub = await _in_channel(PlacePolicy.DISABLED, AccessMode.OPEN, "boss", "ada")

    assert hub.agents.heard == []
    assert hub.platform.visible(CHANNEL.id) == []
    assert await _reasons(hub) == ["place_disabled"] * 2


async def test_a_command_where_nobody_is_heard_is_told_so_to_whoever_waits() -> None:
    rules = PlaceRules({"*": PlacePolicy.DISABLED})
    policy = AccessPolicy({"slack": AccessMode.OPEN}, rules=rules)
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=policy))
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        asked = hub.message(ada, "/status")
        await hub.inbox.receive(replace(asked, handle="h1", is_private=True))
        seen = await ada.reads()

    assert seen == ["Nobody is heard here: the operator has turned me off in this place."]


async def test_a_code_that_let_somebody_in_counts_no_more_under_an_allowlist() -> None:
    store = MemoryStore()
    before = FakeHub(store, options=HubOptions(access=PAIRING))
    async with before.running():
        await _let_in(before, before.person("ada"))
    after = FakeHub(store, options=HubOptions(access=AccessPolicy({"fake": AccessMode.ALLOWLIST})))
    async with after.running():
        await after.person("ada").says("hello again")
        await asyncio.sleep(60)

    assert after.agents.heard == []
