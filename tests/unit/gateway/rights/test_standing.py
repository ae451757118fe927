"""What a door may tell somebody about being heard, before they write."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from adapters.web.sessions import COOKIE, new_token
from gateway.bootstrap.doors import make_web
from gateway.clock import SystemClock
from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender, Standing
from gateway.domain.places import PlacePolicy, PlaceRules
from gateway.rights.access import Access
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.settings import load_settings
from storage.artifacts.memory import MemoryArtifacts
from storage.memory import MemoryStore

ADA = Identity("web", "local", "ada")
PLACE = Conversation("web", "postern", "ada")


async def _standing(
    policy: AccessPolicy, place: Conversation = PLACE, *, is_banned: bool = False
) -> Standing:
    store, clock = MemoryStore(), SystemClock()
    if is_banned:
        now = clock.now()
        await store.people.ban(Ban(ADA, now, now + timedelta(days=1), OPERATOR))
    return await Access(policy, store.people, clock).standing(Sender(ADA, ""), place)


@pytest.mark.parametrize(
    ("mode", "standing"),
    [
        (AccessMode.OPEN, Standing.ADMITTED),
        (AccessMode.PAIRING, Standing.STRANGER),
        (AccessMode.ALLOWLIST, Standing.UNLISTED),
    ],
)
async def test_a_newcomer_stands_as_the_mode_of_the_door_says(
    mode: AccessMode, standing: Standing
) -> None:
    assert await _standing(AccessPolicy({"web": mode})) is standing


async def test_who_is_listed_is_admitted_where_others_are_not() -> None:
    policy = AccessPolicy({"web": AccessMode.ALLOWLIST}, frozenset({ADA.key}))

    assert await _standing(policy) is Standing.ADMITTED


async def test_where_nobody_is_heard_no_code_lets_anybody_in() -> None:
    rules = PlaceRules({"*": PlacePolicy.DISABLED})
    policy = AccessPolicy({"slack": AccessMode.PAIRING}, rules=rules)

    assert await _standing(policy, Conversation("slack", "T1", "C1")) is Standing.UNLISTED


async def test_a_ban_is_not_told_before_its_person_writes() -> None:
    policy = AccessPolicy({"web": AccessMode.OPEN})

    assert await _standing(policy, is_banned=True) is Standing.ADMITTED


@pytest.mark.parametrize(("mode", "standing"), [("allowlist", "unlisted"), ("pairing", "stranger")])
async def test_the_page_of_a_gateway_asks_how_its_person_stands(mode: str, standing: str) -> None:
    settings, clock, app = load_settings({"POSTERN_ACCESS__WEB": mode}), SystemClock(), FastAPI()
    _, router = make_web(settings, MemoryStore(), MemoryArtifacts(clock), clock)
    assert router is not None
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as nobody:
        unknown = await nobody.get("/me")
        nobody.cookies.set(COOKIE, new_token())
        known = await nobody.get("/me")

    assert (unknown.json()["identity"], unknown.json()["standing"]) == (None, None)
    assert known.json()["standing"] == standing
    assert known.json()["identity"] == f"web:local:{known.json()['user']}"
