"""What our Slack sends has the shape of what Slack was seen to send.

The captured samples are no part of this project: POSTERN_SPEC_DIR names the folder that holds them.
"""
# slack_sdk leaves many of its own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.platforms.slack_server import SlackServer, SlackSettings, Workspace
from tests.platforms.slack_server.bolt import web_client
from tests.platforms.slack_server.limits import TIERS

Payload = dict[str, Any]  # Any: JSON from Slack
SPEC_DIR = os.environ.get("POSTERN_SPEC_DIR")
pytestmark = pytest.mark.skipif(
    not SPEC_DIR, reason="POSTERN_SPEC_DIR is not set: no captured samples to compare with"
)
# Seen in Slack's answers and documented, but not in these captures.
KNOWN_BESIDES = {"streaming_state", "response_metadata", "warning", "client_msg_id"}


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(SlackSettings(retry_delays_seconds=())) as server:
        yield server


def sample(path: str) -> Payload:
    return json.loads((Path(SPEC_DIR or "") / "slack" / path).read_text())


def strange_fields(ours: object, theirs: object, where: str = "") -> list[str]:
    """Paths of ours that the sample does not have; free-form values are not looked into."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and theirs:
        return [
            path
            for name, value in ours.items()
            if name not in KNOWN_BESIDES
            for path in (
                strange_fields(value, theirs[name], f"{where}/{name}")
                if name in theirs
                else [f"{where}/{name}"]
            )
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and theirs and where[-6:] != "blocks":
        return [path for item in ours for path in strange_fields(item, theirs[0], where)]
    return []


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("auth.test", {}),
        ("apps.connections.open", {}),
        ("bots.info", {}),
        ("team.info", {}),
        ("users.info", {"user": "ada"}),
        ("users.list", {}),
        ("conversations.info", {"channel": "general"}),
        ("conversations.list", {}),
        ("conversations.members", {"channel": "general"}),
        ("conversations.history", {"channel": "general"}),
        ("conversations.replies", {"channel": "general", "ts": "root"}),
        ("conversations.open", {"users": "ada", "return_im": True}),
        ("chat.postMessage", {"channel": "general", "text": "x"}),
        ("chat.postEphemeral", {"channel": "general", "user": "ada", "text": "x"}),
        ("reactions.add", {"channel": "general", "timestamp": "root", "name": "eyes"}),
        ("files.getUploadURLExternal", {"filename": "a.txt", "length": 1}),
    ],
)
async def test_answers_have_captured_fields_only(
    slack: SlackServer, method: str, args: Payload
) -> None:
    ada, general = slack.person("ada"), slack.channel("general")
    root = ada.says(general, "question")
    ada.says(general, "more", thread_ts=root.ts)
    names = {"ada": ada.id, "general": general.id, "root": root.ts}
    token = slack.app.app_token if method.startswith("apps.") else slack.bot_token()

    filled = {name: names.get(str(value), value) for name, value in args.items()}
    answer = await web_client(slack, token).api_call(method, params=filled)

    assert strange_fields(answer.data, sample(f"api/{method}.json")) == []


class Collected:
    """The events that would be sent, instead of sending them."""

    def __init__(self) -> None:
        self.events: list[Payload] = []

    def publish(self, _workspace: Workspace, event: Payload) -> None:
        self.events.append(event)


async def test_events_have_captured_fields_only(slack: SlackServer) -> None:
    collected = Collected()
    slack.world.publish = collected.publish
    ada = slack.person("ada")
    general = slack.channel("general")
    message = ada.mentions(general, "hello")
    ada.edits(message, "hello again")
    ada.deletes(message)
    ada.reacts(message, "eyes")
    ada.shares_file(general, "note.txt", b"x", text="look")
    ada.opens_home()
    slack.bot_token()
    slack.uninstall()

    names = ("AppMention", "Message", "MessageChanged", "MessageDeleted", "ReactionAdded")
    names = (*names, "FileShared", "MessageFileShare", "AppHomeOpened")
    names = (*names, "TokensRevoked", "AppUninstalled")
    samples = [sample(f"events/{name}Payload.json")["event"] for name in names]
    strange = [strange_fields(*pair) for pair in zip(collected.events, samples, strict=True)]
    assert dict(zip(names, strange, strict=True)) == {name: [] for name in names}


def test_rate_tiers_are_the_published_ones() -> None:
    published = sample("rate_limit_tiers.json")

    assert {method: f"Tier{tier}" for method, tier in TIERS.items()} == {
        method: published[method] for method in TIERS
    }
