"""What our Slack promises about commands, buttons and forms, seen by the real slack-bolt app."""
# slack-bolt and slack_sdk leave many of their own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.platforms.slack_server import ManualClock, SlackServer
from tests.platforms.slack_server.bolt import bolt_app, over_http, over_socket_mode, web_client

Payload = dict[str, Any]  # Any: JSON from Slack


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[SlackServer]:
    async with SlackServer(clock=clock) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return web_client(slack)


async def test_a_slash_command_is_acknowledged_and_answered_by_its_response_url(
    slack: SlackServer,
) -> None:
    app = bolt_app(slack)

    @app.command("/ask")
    async def ask(ack: AsyncAck, respond: AsyncRespond, command: Payload) -> None:
        await ack("one moment")
        await respond(f"you asked: {command['text']}")

    ada, bob = slack.person("ada"), slack.person("bob")
    general = slack.channel("general")
    async with over_http(slack, app):
        answer = await ada.slash("/ask", "why?", general)
        await slack.until(lambda: len(ada.sees(general)) == 2)

    assert answer.is_acknowledged
    assert set(ada.sees(general)) == {"one moment", "you asked: why?"}
    assert bob.sees(general) == []


async def test_a_response_url_is_used_up_after_five_answers(slack: SlackServer) -> None:
    app, statuses = bolt_app(slack), list[tuple[int, str]]()

    @app.command("/ask")
    async def ask(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        for number in range(6):
            response = await respond(f"answer {number}")
            statuses.append((response.status_code, response.body))

    async with over_socket_mode(slack, app):
        await slack.person("ada").slash("/ask")
        await slack.until(lambda: len(statuses) == 6)

    assert statuses[4] == (200, "ok")
    assert statuses[5][0] == 404
    assert "used_url" in statuses[5][1]


async def test_a_response_url_expires_after_half_an_hour(
    slack: SlackServer, clock: ManualClock
) -> None:
    app, responds = bolt_app(slack), list[AsyncRespond]()

    @app.command("/ask")
    async def ask(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        responds.append(respond)

    async with over_http(slack, app):
        await slack.person("ada").slash("/ask")
        await slack.until(lambda: responds)
        clock.advance(1801)
        response = await responds[0]("too late")

    assert (response.status_code, "expired_url" in response.body) == (404, True)


BUTTONS: list[Payload] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Run it?"}},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "Approve"},
                "action_id": "approve",
                "value": "call-1",
            }
        ],
    },
]


async def test_a_pressed_button_reaches_the_app_and_may_replace_its_message(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    app, values = bolt_app(slack), list[str]()

    @app.action("approve")
    async def approve(ack: AsyncAck, respond: AsyncRespond, action: Payload) -> None:
        await ack()
        values.append(action["value"])
        await respond("Approved.", replace_original=True)

    ada = slack.person("ada")
    async with over_http(slack, app):
        await client.chat_postMessage(channel=ada.id, text="Run it?", blocks=BUTTONS)
        message = slack.transcript(ada.dm_channel)[0]
        answer = await ada.press(message, "approve")
        await slack.until(lambda: ada.sees() == ["Approved."])

    assert (answer.is_acknowledged, values) == (True, ["call-1"])
    assert [r.text for r in message.revisions] == ["Run it?\n[Approve]", "Approved."]


MODAL: Payload = {
    "type": "modal",
    "callback_id": "remind",
    "title": {"type": "plain_text", "text": "Remind me"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "what",
            "label": {"type": "plain_text", "text": "What?"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


async def test_a_form_is_opened_once_filled_in_and_submitted(slack: SlackServer) -> None:
    app, codes, submitted = bolt_app(slack), list[str](), list[str]()

    @app.command("/remind")
    async def remind(ack: AsyncAck, client: AsyncWebClient, body: Payload) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        try:
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        except SlackApiError as error:
            codes.append(error.response["error"])

    @app.view("remind")
    async def save(ack: AsyncAck, view: Payload) -> None:
        await ack()
        submitted.append(view["state"]["values"]["what"]["text"]["value"])

    ada = slack.person("ada")
    async with over_http(slack, app):
        await ada.slash("/remind")
        await slack.until(lambda: codes)
        assert ada.modal is not None
        await ada.submits(ada.modal, {"text": "water the plants"})

    assert codes == ["exchanged_trigger_id"]
    assert submitted == ["water the plants"]
    assert ada.modal is None


async def test_a_trigger_expires_after_three_seconds(
    slack: SlackServer, client: AsyncWebClient, clock: ManualClock
) -> None:
    slack.settings.trigger_seconds = 3.0
    ada = slack.person("ada")
    trigger_id = slack.interactions.new_trigger(slack.workspace(), ada.user)
    clock.advance(3.5)

    with pytest.raises(SlackApiError) as caught:
        await client.views_open(trigger_id=trigger_id, view=MODAL)

    assert caught.value.response["error"] == "expired_trigger_id"


async def test_a_lost_answer_to_a_response_url_was_shown_all_the_same(slack: SlackServer) -> None:
    app, failures = bolt_app(slack), list[str]()
    slack.faults.lose_reply("response_url", times=2)

    @app.command("/ask")
    async def ask(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        try:
            await respond("an answer")
        except aiohttp.ClientConnectionError as error:
            failures.append(type(error).__name__)

    ada = slack.person("ada")
    async with over_http(slack, app):
        await ada.slash("/ask")
        await slack.until(lambda: failures)

    # slack_sdk's webhook client sends once more after a cut connection: seen twice.
    assert ada.sees() == ["an answer", "an answer"]
