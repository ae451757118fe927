"""The ingress: only what is genuine goes on, and only what went on is acknowledged."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import httpx
import pytest
from nacl.signing import SigningKey

from deploy.ingress import BODY_LIMIT_BYTES, Keys, make_ingress, slack_signature
from gateway.domain.handed import DISCORD, SLACK, Handed
from gateway.errors import StoreUnavailable

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "shhh"
KEY = SigningKey(b"\7" * 32)


class Queue:
    """What was handed over; full when a test says so."""

    def __init__(self) -> None:
        self.taken: list[Handed] = []
        self.is_down = False

    async def hand_over(self, handed: Handed) -> None:
        if self.is_down:
            raise ConnectionError("the queue is down")
        self.taken.append(handed)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
async def ingress(queue: Queue) -> AsyncGenerator[httpx.AsyncClient]:
    keys = Keys(SECRET, KEY.verify_key.encode().hex())
    app = make_ingress(keys, queue.hand_over, lambda: NOW)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingress") as client:
        yield client


def slack_headers(body: bytes, age: int = 0, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(NOW.timestamp()) - age)
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": slack_signature(secret, stamp, body),
        "Content-Type": "application/json",
        "Cookie": "not for the worker",
    }


def discord_headers(body: bytes, age: int = 0) -> dict[str, str]:
    stamp = str(int(NOW.timestamp()) - age)
    signature = KEY.sign(stamp.encode() + body).signature.hex()
    return {"X-Signature-Timestamp": stamp, "X-Signature-Ed25519": signature}


EVENT = json.dumps({"type": "event_callback", "event_id": "Ev1"}).encode()
SAID = [{"name": "text", "value": "What is new?"}]
ASK = json.dumps({"type": 2, "id": "1", "data": {"name": "ask", "options": SAID}}).encode()
STATUS = json.dumps({"type": 2, "id": "1", "data": {"name": "status"}}).encode()


async def test_a_signed_event_is_handed_over_as_it_came(
    ingress: httpx.AsyncClient, queue: Queue
) -> None:
    answer = await ingress.post(SLACK, content=EVENT, headers=slack_headers(EVENT))

    (handed,) = queue.taken
    assert answer.status_code == 200
    assert (handed.path, handed.body) == (SLACK, EVENT)
    assert dict(handed.headers)["content-type"] == "application/json"
    assert "cookie" not in dict(handed.headers)


async def test_what_was_not_taken_is_not_acknowledged(
    ingress: httpx.AsyncClient, queue: Queue
) -> None:
    queue.is_down = True

    slack = await ingress.post(SLACK, content=EVENT, headers=slack_headers(EVENT))
    discord = await ingress.post(DISCORD, content=ASK, headers=discord_headers(ASK))

    assert slack.status_code == 503
    assert discord.json()["type"] == 4
    assert "try again" in discord.json()["data"]["content"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        slack_headers(EVENT, secret="other"),
        slack_headers(EVENT + b" "),
        slack_headers(EVENT, age=301),
        slack_headers(EVENT, age=-301),
        {**slack_headers(EVENT), "X-Slack-Request-Timestamp": "²"},
        {**slack_headers(EVENT), "X-Slack-Request-Timestamp": "9" * 400},
    ],
)
async def test_what_is_not_from_slack_goes_no_further(
    ingress: httpx.AsyncClient, queue: Queue, headers: dict[str, str]
) -> None:
    encoded = [(name.encode(), text.encode()) for name, text in headers.items()]

    answer = await ingress.post(SLACK, content=EVENT, headers=encoded)

    assert answer.status_code == 401
    assert queue.taken == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        discord_headers(ASK + b" "),
        discord_headers(ASK, age=301),
        {**discord_headers(ASK), "X-Signature-Ed25519": "zz"},
        {**discord_headers(ASK), "X-Signature-Ed25519": "00"},
    ],
)
async def test_what_is_not_from_discord_goes_no_further(
    ingress: httpx.AsyncClient, queue: Queue, headers: dict[str, str]
) -> None:
    answer = await ingress.post(DISCORD, content=ASK, headers=headers)

    assert answer.status_code == 401
    assert queue.taken == []


async def test_the_platforms_own_questions_are_answered_here(
    ingress: httpx.AsyncClient, queue: Queue
) -> None:
    asked = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    ping = b'{"type": 1}'

    slack = await ingress.post(SLACK, content=asked, headers=slack_headers(asked))
    discord = await ingress.post(DISCORD, content=ping, headers=discord_headers(ping))

    assert (slack.json(), discord.json()) == ({"challenge": "abc"}, {"type": 1})
    assert queue.taken == []


@pytest.mark.parametrize(("body", "flags"), [(ASK, 0), (STATUS, 64)])
async def test_an_interaction_is_deferred_for_those_who_will_see_the_answer(
    ingress: httpx.AsyncClient, queue: Queue, body: bytes, flags: int
) -> None:
    answer = await ingress.post(DISCORD, content=body, headers=discord_headers(body))

    assert answer.json() == {"type": 5, "data": {"flags": flags}}
    assert [each.body for each in queue.taken] == [body]


async def test_a_body_over_the_limit_is_refused(ingress: httpx.AsyncClient, queue: Queue) -> None:
    body = b"x" * (BODY_LIMIT_BYTES + 1)

    answer = await ingress.post(SLACK, content=body, headers=slack_headers(body))

    assert answer.status_code == 413
    assert queue.taken == []


async def test_a_platform_without_its_key_is_off(queue: Queue) -> None:
    app = make_ingress(Keys(), queue.hand_over, lambda: NOW)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingress") as client:
        assert (await client.post(SLACK, content=EVENT)).status_code == 404
        assert (await client.post(DISCORD, content=ASK)).status_code == 404
        assert (await client.get("/health")).json() == {"status": "alive"}


def test_open_commands_are_those_whose_answers_all_may_see() -> None:
    from deploy.first_answers import OPEN_COMMANDS
    from gateway.commands import SPECS

    assert set(OPEN_COMMANDS) == {spec.name for spec in SPECS if not spec.is_private}


BUTTON = json.dumps({"type": 3, "id": "1", "data": {"custom_id": "approve"}}).encode()
MODAL = json.dumps({"type": 5, "id": "1"}).encode()
COMPLETION = json.dumps({"type": 4, "id": "1"}).encode()


@pytest.mark.parametrize(
    ("body", "answer", "handed"),
    [
        (BUTTON, {"type": 5, "data": {"flags": 0}}, 1),
        (MODAL, {"type": 5, "data": {"flags": 0}}, 1),
        (COMPLETION, {"type": 8, "data": {"choices": []}}, 0),
    ],
)
async def test_buttons_and_forms_are_handed_over_and_completions_are_not(
    ingress: httpx.AsyncClient, queue: Queue, body: bytes, answer: object, handed: int
) -> None:
    told = await ingress.post(DISCORD, content=body, headers=discord_headers(body))

    assert told.json() == answer
    assert len(queue.taken) == handed


async def test_an_interaction_of_an_unknown_kind_is_refused(
    ingress: httpx.AsyncClient, queue: Queue
) -> None:
    body = b'{"type": 99}'

    told = await ingress.post(DISCORD, content=body, headers=discord_headers(body))

    assert (told.status_code, queue.taken) == (400, [])


async def test_a_wrong_signing_secret_shows_in_the_status(ingress: httpx.AsyncClient) -> None:
    fine = await ingress.get("/ready")
    for _ in range(2):
        await ingress.post(SLACK, content=EVENT, headers=slack_headers(EVENT, secret="other"))
    wrong = await ingress.get("/ready")
    await ingress.post(SLACK, content=EVENT, headers=slack_headers(EVENT))
    again = await ingress.get("/ready")

    assert (fine.status_code, wrong.status_code, again.status_code) == (200, 503, 200)
    state = wrong.json()["channels"]["slack"]["state"]
    assert "All 2 requests so far had a wrong signature: is SLACK_SIGNING_SECRET right?" in state


async def test_a_database_that_is_away_shows_in_the_status(queue: Queue) -> None:
    async def look() -> None:
        raise StoreUnavailable("The database is away.")

    app = make_ingress(Keys(SECRET), queue.hand_over, lambda: NOW, look)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingress") as client:
        told = await client.get("/ready")

    assert told.status_code == 503
    assert told.json()["hand_over"] == {"ready": False, "state": "The database is away."}
