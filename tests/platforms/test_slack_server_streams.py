"""What our Slack does with streams, Home tabs and assistant threads, seen by slack_sdk."""
# slack_sdk leaves many of its own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.platforms.slack_calls import Payload, answered, refusal
from tests.platforms.slack_server import ManualClock, Person, SlackServer, SlackSettings
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


async def test_a_stream_grows_and_is_final_after_its_stop(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    root = ada.dm("tell me")
    stream = await client.chat_stream(channel=ada.dm_channel.id, thread_ts=root.ts, buffer_size=1)
    await stream.append(markdown_text="one ")
    await stream.append(markdown_text="two ")
    shown_meanwhile = ada.sees(thread=root.ts)
    await stream.stop(markdown_text="three")

    message = slack.transcript(ada.dm_channel, root.ts)[1]
    assert shown_meanwhile == ["tell me", "one two "]
    assert message.shown == "one two three"
    late = client.chat_appendStream(channel=ada.dm_channel.id, ts=message.ts, markdown_text="four")
    assert await refusal(late) == "message_not_in_streaming_state"


async def test_a_stream_that_nobody_feeds_dies(
    slack: SlackServer, client: AsyncWebClient, ada: Person, clock: ManualClock
) -> None:
    slack.settings.stream_idle_seconds = 60
    root, dm = ada.dm("tell me"), ada.dm_channel.id
    started = await answered(
        client.chat_startStream(channel=dm, thread_ts=root.ts, markdown_text="one")
    )
    clock.advance(61)

    append = client.chat_appendStream(channel=dm, ts=started["ts"], markdown_text="two")

    assert await refusal(append) == "message_not_in_streaming_state"
    await client.chat_update(channel=dm, ts=started["ts"], markdown_text="one two")
    assert ada.sees(thread=root.ts) == ["tell me", "one two"]


async def test_a_stream_in_a_channel_needs_to_know_for_whom(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    general = slack.channel("general")
    root = ada.says(general, "tell us")
    call = client.chat_startStream(channel=general.id, thread_ts=root.ts)

    assert await refusal(call) == "missing_recipient_team_id"


async def test_blocks_given_at_the_stop_are_shown_below_the_text(
    slack: SlackServer, client: AsyncWebClient, ada: Person
) -> None:
    root = ada.dm("tell me")
    feedback: Payload = {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "feedback",
                "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "+"},
                "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "-"},
            }
        ],
    }
    stream = await client.chat_stream(channel=ada.dm_channel.id, thread_ts=root.ts)
    await stream.append(markdown_text="an answer")
    await stream.stop(blocks=[feedback])

    message = slack.transcript(ada.dm_channel, root.ts)[1]
    assert [block["type"] for block in message.blocks] == ["markdown", "context_actions"]
    assert message.shown == "an answer"


async def test_a_stream_may_have_a_longest_life(
    slack: SlackServer, client: AsyncWebClient, ada: Person, clock: ManualClock
) -> None:
    slack.settings.stream_seconds = 100
    root, dm = ada.dm("tell me"), ada.dm_channel.id
    started = await answered(client.chat_startStream(channel=dm, thread_ts=root.ts))
    for _ in range(2):
        clock.advance(50)
        await client.chat_appendStream(channel=dm, ts=started["ts"], markdown_text="more ")
    clock.advance(1)

    stop = client.chat_stopStream(channel=dm, ts=started["ts"])

    assert await refusal(stop) == "message_not_in_streaming_state"


async def test_a_home_tab_is_published_for_one_person(
    client: AsyncWebClient, slack: SlackServer, ada: Person
) -> None:
    text: Payload = {"type": "section", "text": {"type": "mrkdwn", "text": "Your agent"}}
    await client.views_publish(user_id=ada.id, view={"type": "home", "blocks": [text]})

    assert ada.home is not None
    assert ada.home.content["blocks"][0]["text"]["text"] == "Your agent"
    assert slack.person("bob").home is None


async def test_a_status_goes_away_after_two_minutes_or_an_answer(
    slack: SlackServer, client: AsyncWebClient, ada: Person, clock: ManualClock
) -> None:
    root, dm = ada.dm("hello"), ada.dm_channel
    other = ada.dm("and this")
    for message in (root, other):
        await client.assistant_threads_setStatus(
            channel_id=dm.id, thread_ts=message.ts, status="is thinking..."
        )
    await client.chat_postMessage(channel=dm.id, thread_ts=root.ts, text="done")
    after_the_answer = [slack.status(dm, message.ts) for message in (root, other)]
    clock.advance(121)

    assert after_the_answer == [None, "is thinking..."]
    assert slack.status(dm, other.ts) is None
