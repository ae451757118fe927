"""`POST /slack/events`: what is let in, and how everything else is refused."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping
from urllib.parse import urlencode

import httpx
import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.options import Options
from adapters.slack.routes import make_router
from gateway.clock import SystemClock
from gateway.domain.audit import AuditKind
from gateway.domain.oddities import MOST_A_DAY, REASON
from gateway.errors import SettingsWrong
from storage.artifacts.memory import MemoryArtifacts
from storage.memory import MemoryStore
from tests.platforms.slack_hub import SlackHub, Ways, dead_hub, slack_hub
from tests.platforms.slack_server import Person, sign

FIVE_MINUTES = 301
JSON = {"Content-Type": "application/json"}
EMPTY_WINDOW = {"id": "V1", "callback_id": "ask"}


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


@pytest.fixture
async def browser() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def event_body(hub: SlackHub, event: Mapping[str, object], number: int = 900) -> bytes:
    """Return an event as Slack wraps it."""
    place = hub.slack.workspace()
    authorization = {"team_id": place.id, "user_id": place.bot.id, "is_bot": True}
    return json.dumps(
        {
            "type": "event_callback",
            "team_id": place.id,
            "event_id": f"Ev{number}",
            "authorizations": [authorization],
            "event": event,
        }
    ).encode()


def dm_event(ada: Person, text: str = "hello") -> dict[str, object]:
    """Return the event of a DM that is just written."""
    place, ts = {"channel": ada.dm_channel.id, "channel_type": "im"}, f"{time.time():.6f}"
    return {"type": "message", "user": ada.id, "text": text, "ts": ts, **place}


def signed(hub: SlackHub, body: bytes, age_seconds: float = 0) -> dict[str, str]:
    """Return the headers of a request that Slack signed so long ago."""
    return {**JSON, **sign(hub.slack.app.signing_secret, body, time.time() - age_seconds)}


async def test_a_signed_event_is_stored_and_answered(
    hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    body = event_body(hub, dm_event(ada))

    answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))
    await hub.slack.until(lambda: ada.sees() == ["re: hello"])

    assert answer.status_code == 200
    assert answer.text == ""


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=sé"},
        {"X-Slack-Request-Timestamp": "yesterday"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": "²"},
    ],
    ids=str,
)
async def test_a_request_that_slack_did_not_sign_is_turned_away(
    change: dict[str, str], hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    body = event_body(hub, dm_event(ada))
    headers = httpx.Headers({**signed(hub, body), **change}, encoding="utf-8")

    answer = await browser.post(hub.events_url, content=body, headers=headers)

    assert answer.status_code == 401
    assert hub.agents.heard == []


async def test_a_request_without_a_signature_is_turned_away(
    hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    body = event_body(hub, dm_event(ada))

    answer = await browser.post(hub.events_url, content=body, headers=JSON)

    assert answer.status_code == 401


async def _refused(hub: SlackHub) -> list[object]:
    """Return why the audit log says that messages were turned away."""
    log = await hub.hub.store.history.audit(0, 1_000)
    return [entry.data["reason"] for entry in log if entry.kind is AuditKind.MESSAGE_REFUSED]


async def _not_understood(hub: SlackHub) -> set[str]:
    """Return the kinds of what nobody could read; each of them was noted once a day."""
    log = await hub.hub.store.history.audit(0, 1_000)
    lines = [str(entry.ref).split(":") for entry in log if entry.data.get("reason") == REASON]
    assert len({tuple(line) for line in lines}) == len(lines)
    return {kind for _, _, _, kind, _ in lines}


@pytest.mark.parametrize("age_seconds", [FIVE_MINUTES, -FIVE_MINUTES])
async def test_a_signature_of_another_time_is_turned_away(
    age_seconds: int, hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    body = event_body(hub, dm_event(ada))

    answer = await browser.post(
        hub.events_url, content=body, headers=signed(hub, body, age_seconds)
    )

    assert answer.status_code == 401


async def test_a_changed_body_is_turned_away(
    hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    headers = signed(hub, event_body(hub, dm_event(ada)))

    other = event_body(hub, dm_event(ada, "other"))
    answers = [await browser.post(hub.events_url, content=other, headers=headers) for _ in range(9)]

    assert {answer.status_code for answer in answers} == {401}
    refused = await _refused(hub)
    assert 1 <= len(refused) <= 2, "a line for each minute"
    assert set(refused) == {"signature_wrong"}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"[1]", b'"text"', b"[" * 100_000], ids=len)
async def test_nothing_is_parsed_before_it_is_verified(
    body: bytes, hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    unsigned = {**JSON, **sign("another secret", b"", time.time())}

    answer = await browser.post(hub.events_url, content=body, headers=unsigned)

    assert answer.status_code == 401


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b"[" * 100_000], ids=len)
async def test_a_signed_body_that_is_no_event_is_refused(
    body: bytes, hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))

    assert answer.status_code == 400


async def test_a_replayed_request_is_one_turn(
    hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    body = event_body(hub, dm_event(ada))
    headers = signed(hub, body)

    for _ in range(5):
        assert (await browser.post(hub.events_url, content=body, headers=headers)).is_success
    await hub.slack.until(lambda: ada.sees() != [])
    ada.dm("next")
    await hub.slack.until(lambda: "re: next" in ada.sees())

    assert ada.sees() == ["re: hello", "next", "re: next"]


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_over_a_megabyte_is_refused(
    is_announced: bool, hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    body = b"x" * (1024 * 1024 + 1)

    async def pieces() -> AsyncGenerator[bytes]:
        yield body[:1000]
        yield body[1000:]

    content = body if is_announced else pieces()
    answer = await browser.post(hub.events_url, content=content, headers=signed(hub, body))

    assert answer.status_code == 413
    assert await _refused(hub) == ["body_too_large"]


async def test_events_of_every_other_kind_are_acknowledged_and_noted_once(
    hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    kinds = ("member_joined_channel", "brand_new_event", "link_shared", "app_home_opened")
    for number, kind in enumerate(kinds * 3):
        body = event_body(
            hub, {"type": kind, "user": ada.id, "channel": "C1", "tab": "home"}, number
        )
        answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))
        assert answer.status_code == 200

    assert await _not_understood(hub) == {"member_joined_channel", "brand_new_event"}
    assert hub.agents.heard == []


@pytest.mark.parametrize(
    "event", [{"type": "message"}, {"type": "message", "ts": 5, "channel": []}, {"x": 1}], ids=str
)
async def test_an_event_of_a_shape_that_nobody_knows_is_noted_and_stands_in_nobodys_way(
    event: dict[str, object], hub: SlackHub, ada: Person, browser: httpx.AsyncClient
) -> None:
    body = event_body(hub, event)

    for _ in range(3):
        answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))
        assert answer.status_code == 200
    ada.dm("hello")
    await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])

    assert await _not_understood(hub) == {"event_shape" if "type" in event else "nameless"}


@pytest.mark.parametrize("kind", ["app_rate_limited", "brand_new", None, 7, ["x"]], ids=str)
async def test_a_body_of_another_kind_is_noted(
    kind: object, hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    body = json.dumps({"type": kind, "team_id": "T1"}).encode()

    for _ in range(3):
        answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))
        assert answer.status_code == 200

    assert await _not_understood(hub) == {kind if isinstance(kind, str) else "nameless"}


async def test_a_flood_of_made_up_kinds_is_a_bounded_number_of_lines(
    hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    for number in range(MOST_A_DAY + 20):
        body = event_body(hub, {"type": f"kind{number}"}, number)
        await browser.post(hub.events_url, content=body, headers=signed(hub, body))

    assert len(await _refused(hub)) <= 2 * (MOST_A_DAY + 1), "as many for each day"


async def test_slack_can_verify_the_address(hub: SlackHub) -> None:
    assert await hub.slack.events.verify_url(hub.events_url)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"user": {"id": 5}},
        {"user": {"id": "U1"}, "team": None},
        {"user": {"id": "U1"}, "actions": [{"action_id": "say-0", "value": "x"}]},
        {"user": {"id": "U1"}, "actions": [{"action_id": "say-0", "value": ["x"]}]},
        {"user": {"id": "U1"}, "view": {"id": "V1", "callback_id": "ask", "state": []}},
        {"user": {"id": "U1"}, "view": EMPTY_WINDOW},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "kind", ["block_actions", "view_submission", "shortcut", "message_action", "view_closed", "x"]
)
async def test_interactions_of_a_strange_shape_are_acknowledged_and_change_nothing(
    kind: str, payload: dict[str, object], hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    whole = {"type": kind, "team": {"id": "T1"}, **payload}
    body = urlencode({"payload": json.dumps(whole)}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await browser.post(hub.events_url, content=body, headers={**signed(hub, body), **form})

    assert answer.status_code == 200
    assert {entry.kind for entry in await hub.hub.store.history.audit(0, 10)} <= {
        AuditKind.MESSAGE_REFUSED
    }
    noted = await _not_understood(hub)
    is_answered = kind == "view_submission" and payload.get("view") == EMPTY_WINDOW
    assert len(noted) == (0 if is_answered else 1)
    assert hub.agents.heard == []


@pytest.mark.parametrize("form", [{}, {"team_id": "T1"}, {"team_id": "", "trigger_id": "1"}])
async def test_commands_of_a_strange_shape_are_acknowledged(
    form: dict[str, str], hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    body = urlencode({"command": "/ask", **form}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await browser.post(hub.events_url, content=body, headers={**signed(hub, body), **kind})

    assert answer.status_code == 200
    assert await _not_understood(hub) == {"command_shape"}
    assert hub.agents.heard == []


async def test_buttons_that_nobody_made_are_acknowledged(
    hub: SlackHub, browser: httpx.AsyncClient
) -> None:
    body = b"payload=" + json.dumps({"type": "block_actions", "team": {"id": "T1"}}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await browser.post(hub.events_url, content=body, headers={**signed(hub, body), **form})

    assert answer.status_code == 200


async def test_a_gateway_that_does_not_run_yet_lets_slack_come_again(
    browser: httpx.AsyncClient,
) -> None:
    async with dead_hub() as hub:
        async with hub.living():
            pass
        body = event_body(hub, dm_event(hub.slack.person("ada")))

        answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))

        assert answer.status_code == 503


async def test_events_are_stored_while_slack_itself_can_not_be_asked(
    browser: httpx.AsyncClient,
) -> None:
    async with dead_hub() as hub:
        hub.slack.faults.answer_status("*", 503, times=50)
        async with hub.hub.running():
            ada = hub.slack.person("ada")
            body = event_body(hub, dm_event(ada))
            answer = await browser.post(hub.events_url, content=body, headers=signed(hub, body))
            hub.slack.faults.clear()
            await hub.slack.until(lambda: ada.sees() == ["re: hello"])

        assert answer.status_code == 200


async def test_a_token_that_slack_does_not_take_is_said_plainly() -> None:
    async with dead_hub() as hub:
        options = Options(bot_token="xoxb-wrong", signing_secret="s", api_url=hub.slack.api_url)
        adapter = SlackAdapter(
            options, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()
        )

        async def accept(_: object) -> None:
            """Take nothing in: it never comes so far."""

        with pytest.raises(SettingsWrong, match="SLACK_BOT_TOKEN"):
            await adapter.run(accept)

        assert not adapter.health().is_ready
        assert "invalid_auth" in adapter.health().sentence


async def test_an_app_token_that_slack_does_not_take_is_said_plainly() -> None:
    async with dead_hub() as hub:
        options = Options(
            bot_token=hub.slack.bot_token(), app_token="xapp-wrong", api_url=hub.slack.api_url
        )
        adapter = SlackAdapter(
            options, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()
        )

        async def accept(_: object) -> None:
            """Take nothing in: it never comes so far."""

        with pytest.raises(SettingsWrong, match="SLACK_APP_TOKEN"):
            await adapter.run(accept)


def test_requests_that_can_not_be_verified_are_not_served() -> None:
    adapter = SlackAdapter(
        Options("xoxb-1"), MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()
    )

    with pytest.raises(SettingsWrong, match="SLACK_SIGNING_SECRET"):
        make_router(adapter)


async def test_the_names_of_bolt_in_the_environment_change_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("BOT_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "SIGNING_SECRET", "APP_TOKEN"):
        monkeypatch.setenv(f"SLACK_{name}", "from-elsewhere")
    async with slack_hub(ways=Ways(is_socket=True)) as hub:
        ada = hub.slack.person("ada")
        ada.dm("hello")
        await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])

    assert "from-elsewhere" not in caplog.text
