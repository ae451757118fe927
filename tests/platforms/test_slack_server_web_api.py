"""What our Slack's Web API does, refuses and forgets, seen by the real slack_sdk client."""
# slack_sdk leaves many of its own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.platforms.slack_calls import Payload, answered, refusal
from tests.platforms.slack_server import CallFault, ManualClock, Person, SlackServer, SlackSettings
from tests.platforms.slack_server.bolt import web_client


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[SlackServer]:
    settings = SlackSettings(retry_delays_seconds=())
    async with SlackServer(settings, clock=clock) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return web_client(slack)


@pytest.fixture
def ada(slack: SlackServer) -> Person:
    return slack.person("ada")


def section(text: str) -> Payload:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


async def test_only_the_apps_own_messages_can_be_changed(
    client: AsyncWebClient, ada: Person
) -> None:
    hers = ada.dm("hello")
    dm = ada.dm_channel.id

    updated = await refusal(client.chat_update(channel=dm, ts=hers.ts, text="goodbye"))
    deleted = await refusal(client.chat_delete(channel=dm, ts=hers.ts))

    assert (updated, deleted) == ("cant_update_message", "cant_delete_message")
    assert ada.sees() == ["hello"]


async def test_a_message_keeps_all_its_revisions_until_after_its_deletion(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    posted = await answered(client.chat_postMessage(channel=ada.id, text="one"))
    message = slack.transcript(ada.dm_channel)[0]
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
    await client.chat_delete(channel=posted["channel"], ts=posted["ts"])

    assert [revision.text for revision in message.revisions] == ["one", "two"]
    assert ada.sees() == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "no_text"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"markdown_text": "x", "text": "x"}, "markdown_text_conflict"),
        ({"text": "x", "blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 3_001)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "shout", "text": "x"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 2_900)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "blocks": "[not json"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "section", "fields": 3}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "actions", "elements": [3]}]}, "invalid_blocks"),
        ({"text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        (
            {"text": "x", "metadata": {"event_type": "x", "event_payload": []}},
            "invalid_metadata_format",
        ),
        ({"text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
    ],
)
async def test_content_that_slack_refuses_is_refused(
    client: AsyncWebClient, ada: Person, content: Payload, code: str
) -> None:
    call = client.api_call("chat.postMessage", json={"channel": ada.id, **content})

    assert await refusal(call) == code
    assert ada.sees() == []


async def test_what_just_fits_is_posted(client: AsyncWebClient, ada: Person) -> None:
    await client.chat_postMessage(channel=ada.id, markdown_text="x" * 12_000)
    await client.chat_postMessage(channel=ada.id, text="x", blocks=[section("x" * 3_000)])
    cut = await answered(client.chat_postMessage(channel=ada.id, text="x" * 40_001))

    assert [len(text) for text in ada.sees()] == [12_000, 3_000, 40_000]
    assert cut["warning"] == "message_truncated"


async def test_a_long_text_cannot_be_put_into_a_message_later(
    client: AsyncWebClient, ada: Person
) -> None:
    posted = await answered(client.chat_postMessage(channel=ada.id, text="short"))
    call = client.chat_update(channel=posted["channel"], ts=posted["ts"], text="x" * 4_001)

    assert await refusal(call) == "msg_too_long"


async def test_places_where_the_app_may_not_write_are_refused(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    outside = slack.channel("outside", with_app=False)
    archived = slack.channel("archived")
    archived.is_archived = True

    assert await refusal(client.chat_postMessage(channel="C404", text="x")) == "channel_not_found"
    assert await refusal(client.chat_postMessage(channel=outside.id, text="x")) == "not_in_channel"
    assert await refusal(client.chat_postMessage(channel=archived.id, text="x")) == "is_archived"


async def test_bad_tokens_and_missing_scopes_are_refused(slack: SlackServer, ada: Person) -> None:
    narrow = slack.world.installations.issue(slack.workspace(), frozenset({"im:history"}))

    assert await refusal(web_client(slack, "xoxb-unknown").auth_test()) == "invalid_auth"
    call = web_client(slack, narrow.text).chat_postMessage(channel=ada.id, text="x")
    assert await refusal(call) == "missing_scope"


async def test_forms_are_understood_as_well_as_json(slack: SlackServer, ada: Person) -> None:
    form = {
        "token": slack.bot_token(),
        "channel": ada.id,
        "text": "x",
        "blocks": '[{"type": "divider"}]',
    }
    url = f"{slack.api_url}chat.postMessage"
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as answer:
        body = await answer.json()

    assert body["ok"] is True
    assert body["message"]["blocks"][0]["type"] == "divider"


async def test_metadata_is_found_again_in_history_and_replies(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    root = ada.dm("question")
    metadata: Payload = {"event_type": "delivery", "event_payload": {"id": "d-1"}}
    dm = ada.dm_channel.id
    await client.chat_postMessage(channel=dm, text="a", metadata=metadata)
    await client.chat_postMessage(channel=dm, text="b", metadata=metadata, thread_ts=root.ts)

    history = await answered(client.conversations_history(channel=dm, include_all_metadata=True))
    replies = await answered(
        client.conversations_replies(channel=dm, ts=root.ts, include_all_metadata=True)
    )
    without = await answered(client.conversations_history(channel=dm))

    assert [m["text"] for m in history["messages"]] == ["a", "question"]
    assert history["messages"][0]["metadata"] == metadata
    assert [m["text"] for m in replies["messages"]] == ["question", "b"]
    assert replies["messages"][1]["metadata"] == metadata
    assert "metadata" not in without["messages"][0]


async def test_history_is_paged_and_cut_by_time(client: AsyncWebClient, ada: Person) -> None:
    messages = [ada.dm(str(number)) for number in range(5)]
    dm = ada.dm_channel.id

    first = await answered(client.conversations_history(channel=dm, limit=3))
    cursor = first["response_metadata"]["next_cursor"]
    rest = await answered(client.conversations_history(channel=dm, limit=3, cursor=cursor))
    later = await answered(client.conversations_history(channel=dm, oldest=messages[2].ts))

    assert [m["text"] for m in first["messages"]] == ["4", "3", "2"]
    assert [m["text"] for m in rest["messages"]] == ["1", "0"]
    assert [m["text"] for m in later["messages"]] == ["4", "3"]


async def test_history_can_lag(
    slack: SlackServer, client: AsyncWebClient, ada: Person, clock: ManualClock
) -> None:
    slack.settings.history_lag_seconds = 5
    ada.dm("hello")

    early = await answered(client.conversations_history(channel=ada.dm_channel.id))
    clock.advance(5)
    late = await answered(client.conversations_history(channel=ada.dm_channel.id))

    assert (len(early["messages"]), len(late["messages"])) == (0, 1)


async def test_a_lost_reply_leaves_its_message_behind(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    slack.faults.lose_reply("chat.postMessage")

    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel=ada.id, text="seen all the same")

    assert ada.sees() == ["seen all the same"]


async def test_a_call_cut_before_leaves_nothing_behind(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    slack.faults.cut_before("chat.*")
    slack.faults.answer_status("chat.*", 503)

    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel=ada.id, text="one")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=ada.id, text="two")
    await client.chat_postMessage(channel=ada.id, text="three")

    assert ada.sees() == ["three"]
    outcomes = [call.outcome for call in slack.calls("chat.postMessage")]
    assert outcomes == ["cut_before", "status 503", "ok"]


async def test_a_429_says_when_to_come_back_and_the_client_obeys(
    slack: SlackServer, ada: Person
) -> None:
    slack.faults.ratelimit("chat.postMessage", retry_after_seconds=1)
    handler = AsyncRateLimitErrorRetryHandler(max_retry_count=1)
    client = AsyncWebClient(slack.bot_token(), base_url=slack.api_url, retry_handlers=[handler])

    await client.chat_postMessage(channel=ada.id, text="hello")

    outcomes = [call.outcome for call in slack.calls("chat.postMessage")]
    assert outcomes == ["ratelimited", "ok"]


async def test_rate_tiers_count_per_method_and_channel(
    slack: SlackServer, client: AsyncWebClient, ada: Person, clock: ManualClock
) -> None:
    slack.settings.rate_limits = True
    await client.chat_postMessage(channel=ada.id, text="one")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=ada.id, text="too soon")
    clock.advance(1)
    await client.chat_postMessage(channel=ada.id, text="two")
    for _ in range(50):
        await client.conversations_history(channel=ada.dm_channel.id)

    assert caught.value.response.headers["Retry-After"] == "1"
    assert ada.sees() == ["one", "two"]
    history = client.conversations_history(channel=ada.dm_channel.id)
    assert await refusal(history) == "ratelimited"


async def test_a_file_is_uploaded_shared_and_protected(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    uploaded = await answered(
        client.files_upload_v2(
            channel=ada.dm_channel.id, filename="plan.txt", content="water", initial_comment="here"
        )
    )
    url = uploaded["file"]["url_private_download"]
    good = await fetch(url, slack.bot_token())
    bad = await fetch(url, "xoxb-wrong")

    assert ada.sees() == ["here"]
    assert slack.transcript(ada.dm_channel)[0].subtype == "file_share"
    assert good == (200, "text/plain", b"water")
    assert bad[:2] == (200, "text/html")


async def fetch(url: str, token: str) -> tuple[int, str, bytes]:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, answer.content_type, await answer.read()


async def test_a_persons_file_can_be_read_by_the_app(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    message = ada.shares_file(ada.dm_channel, "note.txt", b"hello", text="look")

    info = await answered(client.files_info(file=message.files[0]))
    body = await fetch(info["file"]["url_private"], slack.bot_token())

    assert body[2] == b"hello"


# slack_sdk hands aiohttp a BasicAuth, which aiohttp 3.14 wants to be rid of.
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
async def test_a_refresh_token_works_once_and_old_tokens_expire(
    slack: SlackServer, clock: ManualClock
) -> None:
    slack.settings.token_rotation = True
    app, anonymous = slack.app, AsyncWebClient(base_url=slack.api_url, retry_handlers=[])
    code = slack.world.installations.new_code(slack.workspace(), "U1", slack.settings.scopes)
    secrets: Payload = {"client_id": app.client_id, "client_secret": app.client_secret}

    first = await answered(anonymous.oauth_v2_access(code=code, **secrets))
    renewal: Payload = {
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
        **secrets,
    }
    second = await answered(anonymous.oauth_v2_access(**renewal))

    assert await refusal(anonymous.oauth_v2_access(**renewal)) == "invalid_refresh_token"
    assert await refusal(anonymous.oauth_v2_access(code=code, **secrets)) == "code_already_used"
    await web_client(slack, second["access_token"]).auth_test()
    clock.advance(43_201)
    assert await refusal(web_client(slack, second["access_token"]).auth_test()) == "token_expired"


async def test_workspaces_share_user_ids_but_no_messages(slack: SlackServer, ada: Person) -> None:
    slack.add_workspace("globex")
    eve = slack.person("eve", "globex")
    client = web_client(slack, slack.bot_token("globex"))
    await client.chat_postMessage(channel=eve.id, text="for eve")

    assert eve.id == ada.id
    assert (eve.sees(), ada.sees()) == (["for eve"], [])


async def test_a_call_can_be_held_up(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    delay = CallFault("delay", seconds=0.05, where=lambda args: args.get("text") == "slow")
    slack.faults.add(delay)

    async with asyncio.TaskGroup() as group:
        for text in ("slow", "fast"):
            group.create_task(client.chat_postMessage(channel=ada.id, text=text))

    assert ada.sees() == ["fast", "slow"]
