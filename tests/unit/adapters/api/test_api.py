"""What scripts can do with the admin token, and that nobody can without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import WorkerId
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Identity, Pairing, Sender
from gateway.rights.pairing_codes import hash_code
from gateway.rights.pairings import WELCOME
from gateway.settings import Settings
from storage.memory.store import MemoryStore
from tests.unit.adapters.api.api_client import NOW, api_client

PAPERS: dict[str, Any] = {
    "name": "papers",
    "conversation": "slack:T1:C2",
    "prompt": "Look around.",
    "at": "every weekday 8:30",
    "timezone": "Europe/Vienna",
}
POST = {"conversation": "discord:dm:99", "text": "**Hello**"}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def posts(store: MemoryStore) -> tuple[Delivery, ...]:
    claim = await store.deliveries.claim(WorkerId("w"), ["discord"], 10, timedelta(seconds=30), NOW)
    return claim.deliveries


@pytest.mark.parametrize(
    "path", ["/schedules", "/schedules/papers", "/messages/x", "/pairings", "/anything"]
)
async def test_without_the_token_nothing_is_told(store: MemoryStore, path: str) -> None:
    async with api_client(store, token=None) as client:
        missing = await client.get(f"/api/v1{path}")
        wrong = await client.get(f"/api/v1{path}", headers={"Authorization": "Bearer nope"})

    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert missing.json() == wrong.json()


async def test_there_is_no_api_where_no_token_is_set(store: MemoryStore) -> None:
    async with api_client(store, settings=Settings()) as client:
        answers = [
            await client.get("/api/v1/schedules"),
            await client.post("/api/v1/messages", json=POST),
            await client.get("/api/v1/schedules", headers={"Authorization": "Bearer "}),
        ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert await posts(store) == ()


async def test_a_post_goes_out_by_the_outbox_once_for_each_key(store: MemoryStore) -> None:
    async with api_client(store) as client:
        key = {"Idempotency-Key": "k1"}
        first = await client.post("/api/v1/messages", json=POST, headers=key)
        again = await client.post("/api/v1/messages", json=POST, headers=key)
        by_id = await client.post("/api/v1/messages", json={**POST, "id": "k1"})

    assert [each.status_code for each in (first, again, by_id)] == [201, 200, 200]
    assert first.json()["id"] == again.json()["id"] == by_id.json()["id"]
    assert [each.text for each in await posts(store)] == ["**Hello**"]


async def test_a_key_stands_for_one_text(store: MemoryStore) -> None:
    async with api_client(store) as client:
        await client.post("/api/v1/messages", json={**POST, "id": "k1"})
        other = await client.post("/api/v1/messages", json={**POST, "text": "Bye", "id": "k1"})

    assert other.status_code == 422
    assert 'key "k1"' in other.json()["error"]


async def test_a_broadcast_needs_a_key(store: MemoryStore) -> None:
    async with api_client(store) as client:
        without = await client.post("/api/v1/broadcasts", json={"text": "News."})
        good = await client.post("/api/v1/broadcasts", json={"text": "News.", "id": "k1"})

    assert without.status_code == 422
    assert (good.status_code, good.json()) == (200, {"new": 0})


async def test_a_delivery_says_how_it_stands(store: MemoryStore) -> None:
    async with api_client(store) as client:
        (delivery,) = (await client.post("/api/v1/messages", json=POST)).json()["deliveries"]
        found = await client.get(f"/api/v1/messages/{delivery}")
        missing = await client.get("/api/v1/messages/nothing")

    assert found.json()["state"] == "pending"
    assert found.json()["receipt"] is None
    assert missing.status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"conversation": "nowhere"},
        {"conversation": "irc:a:b"},
        {"conversation": "slack:T1:general"},
        {"text": "  "},
        {"text": "x" * 40_001},
        {"text": None},
        {"surprise": 1},
        {"id": ""},
        {"id": "a\nb"},
    ],
)
async def test_what_can_not_be_posted_is_refused_in_words(
    store: MemoryStore, change: dict[str, Any]
) -> None:
    async with api_client(store) as client:
        answer = await client.post("/api/v1/messages", json={**POST, **change})

    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")
    assert await posts(store) == ()


async def test_a_body_over_the_limit_is_refused(store: MemoryStore) -> None:
    async with api_client(store) as client:
        answer = await client.post("/api/v1/messages", content=b" " * 300_000)

    assert answer.status_code == 413


async def test_a_schedule_lives_from_its_making_to_its_end(store: MemoryStore) -> None:
    async with api_client(store) as client:
        made = await client.post("/api/v1/schedules", json=PAPERS)
        paused = await client.post("/api/v1/schedules/papers/pause", json={"until": "monday at 9"})
        resumed = await client.post("/api/v1/schedules/papers/resume")
        run = await client.post("/api/v1/schedules/papers/run")
        shown = await client.get("/api/v1/schedules/papers")
        removed = await client.delete("/api/v1/schedules/papers")
        gone = await client.get("/api/v1/schedules/papers")

    assert made.status_code == 201
    assert made.json()["when"] == "every weekday at 08:30 (Europe/Vienna)"
    assert len(made.json()["next_fires"]) == 3
    assert paused.json()["paused_until"] is not None
    assert resumed.json()["paused_until"] is None
    assert run.status_code == 202
    assert [slot["outcome"] for slot in shown.json()["past"]] == ["fired"]
    assert (removed.status_code, gone.status_code) == (200, 404)


async def test_schedules_come_in_pages(store: MemoryStore) -> None:
    async with api_client(store) as client:
        for name in ("a", "b", "c"):
            await client.post("/api/v1/schedules", json={**PAPERS, "name": name})
        first = (await client.get("/api/v1/schedules?limit=2")).json()
        rest = (await client.get(f"/api/v1/schedules?limit=2&after={first['next']}")).json()

    assert [each["id"] for each in first["schedules"]] == ["a", "b"]
    assert [each["id"] for each in rest["schedules"]] == ["c"]
    assert rest["next"] is None


async def test_the_activity_of_an_agent_comes_in_pages(store: MemoryStore) -> None:
    async with api_client(store) as client:
        for name in ("a", "b"):
            await client.post("/api/v1/schedules", json={**PAPERS, "name": name})
            await client.post(f"/api/v1/schedules/{name}/run")
        first = (await client.get("/api/v1/agents/postern/activity?limit=1")).json()
        more = {"limit": 1, "before": first["next"]}
        rest = (await client.get("/api/v1/agents/postern/activity", params=more)).json()
        unknown = await client.get("/api/v1/agents/nobody/activity")
        wrong = await client.get("/api/v1/agents/postern/activity?before=x")

    lines = [*first["activity"], *rest["activity"]]
    assert [(line["schedule"], line["outcome"]) for line in lines] == [("b", "open"), ("a", "open")]
    assert (unknown.status_code, wrong.status_code) == (404, 422)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"at": None}, "Say when in one way"),
        ({"at": None, "cron": "0 0 30 2 *"}, "day-of-month does not fit"),
        ({"at": None, "every": "1s"}, "too often"),
        ({"at": None, "cron": "* * * * * *"}, "a cron line has five"),
        ({"timezone": "Mars/Base"}, "Mars/Base"),
        ({"prompt": " "}, "The prompt is empty"),
        ({"agent": "nobody"}, 'no agent "nobody"'),
        ({"conversation": "irc:a:b"}, "is no platform"),
        ({"conversation": "slack:T1:general"}, "is no place on Slack"),
        ({"misfire": "often"}, "misfire"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_what_commands_refuse_the_api_refuses(
    store: MemoryStore, change: dict[str, Any], said: str
) -> None:
    async with api_client(store) as client:
        answer = await client.post("/api/v1/schedules", json={**PAPERS, **change})

    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert await store.schedules.page("", 10) == []


async def test_the_trail_of_a_post_is_told(store: MemoryStore) -> None:
    async with api_client(store) as client:
        posted = (await client.post("/api/v1/messages", json={**POST, "id": "k1"})).json()
        trail = await client.get(f"/api/v1/trail/{posted['deliveries'][0]}")
        unknown = await client.get("/api/v1/trail/turn-99")

    assert [each["kind"] for each in trail.json()["entries"]] == ["delivery.stored"]
    assert trail.json()["open"] == [f"{posted['deliveries'][0]} waits to be sent."]
    assert unknown.status_code == 404
    assert 'knows nothing of "turn-99"' in unknown.json()["error"]


async def _stranger(store: MemoryStore, code: str) -> None:
    sender = Sender(Identity("discord", "discord", "7"), "Ada")
    place = Conversation("discord", "dm", "99")
    said = InboundMessage("e1", place, sender, "hello", NOW)
    wish = Pairing(sender.identity, "Ada", hash_code(code), NOW, NOW + timedelta(hours=1), place.id)
    await store.turns.refuse(Refusal(said, "pairing_asked", pairing=wish), NOW)


async def test_a_stranger_is_let_in_once_and_told(store: MemoryStore) -> None:
    await _stranger(store, "ABCD2345")
    who = {
        "identity": "discord:discord:7",
        "name": "Ada",
        "asked_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(hours=1)).isoformat(),
    }
    async with api_client(store) as client:
        waiting = await client.get("/api/v1/pairings")
        let_in = await client.post("/api/v1/pairings/abcd-2345/approve")
        again = await client.post("/api/v1/pairings/ABCD2345/approve")
        nobody = await client.get("/api/v1/pairings")

    assert waiting.json() == {"pairings": [who]}
    assert let_in.json() == {**who, "allowed": True}
    assert again.status_code == 404
    assert nobody.json() == {"pairings": []}
    assert [post.text for post in await posts(store)] == [WELCOME]
    assert await store.people.is_paired(Identity("discord", "discord", "7"))


async def test_a_stranger_is_turned_away(store: MemoryStore) -> None:
    await _stranger(store, "ABCD2345")
    async with api_client(store) as client:
        denied = await client.post("/api/v1/pairings/ABCD2345/deny")
        wrong = await client.post("/api/v1/pairings/x/approve")

    assert denied.json()["allowed"] is False
    assert wrong.json() == {"error": '"x" is not a pairing code, such as ABCD2345.'}
    assert await posts(store) == ()
