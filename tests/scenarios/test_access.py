"""Deny by default: what a stranger gets, and how the operator lets one in."""

from __future__ import annotations

import asyncio
import re

from gateway.access import AccessMode, AccessPolicy
from gateway.domain.people import person_id_of
from gateway.pairing_codes import hash_code
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions

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
