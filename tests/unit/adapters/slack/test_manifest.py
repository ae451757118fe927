"""The manifest is one that Slack takes, and asks for what the adapter uses: no less, no more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

import adapters.slack
from adapters.slack import inbound
from adapters.slack.manifest import events_for, scopes_for, slack_manifest
from gateway.domain.commands import CommandSpec

COMMANDS = (CommandSpec("ask", "Ask"), CommandSpec("status", "How"), CommandSpec("help", "What"))
URL = "https://chat.example.com"

EVENTS = {
    "message": {"message.channels", "message.groups", "message.im", "message.mpim"},
    "app_mention": {"app_mention"},
    "reaction_added": {"reaction_added"},
    "app_home_opened": {"app_home_opened"},
    "assistant_thread_started": set[str](),
    "app_uninstalled": {"app_uninstalled"},
    "tokens_revoked": {"tokens_revoked"},
}
"""By the type that the adapter reads; the last one comes only to apps older than `agent_view`."""

SCOPES_OF_EVENTS = {
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
}
"""docs.slack.dev/reference/events; the others need none."""

HISTORIES = {"channels:history", "groups:history", "im:history", "mpim:history"}
SCOPES_OF_METHODS = {
    "apps.connections.open": set[str](),
    "auth.test": set[str](),
    "assistant.threads.setStatus": {"chat:write"},
    "assistant.threads.setSuggestedPrompts": {"assistant:write"},
    "chat.appendStream": {"chat:write"},
    "chat.delete": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.startStream": {"chat:write"},
    "chat.stopStream": {"chat:write"},
    "chat.update": {"chat:write"},
    "files.completeUploadExternal": {"files:write"},
    "files.getUploadURLExternal": {"files:write"},
    "files.info": {"files:read"},
    "oauth.v2.access": set[str](),
    "conversations.history": HISTORIES,
    "conversations.open": {"im:write"},
    "conversations.replies": HISTORIES,
    "users.info": {"users:read"},
    "views.open": set[str](),
    "views.publish": set[str](),
}
"""docs.slack.dev/reference/methods; some go by other tokens or need none."""


@dataclass(frozen=True)
class Choices:
    """Settings as far as the manifest looks at them."""

    app_token: str | None = None
    reactions: bool = False
    prompts: tuple[str, ...] = ()
    bot_token: str | None = None
    installs: bool = False


EVERYTHING = Choices(
    reactions=True, installs=True, prompts=("What can you do?", "What do you know of me?")
)


# -- the shape that Slack describes (slackapi/manifest-schema) -----------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Url = Annotated[str, Field(pattern=r"^https?://", max_length=3000)]
Names = Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=100)]


class Display(Strict):
    name: Annotated[str, Field(min_length=1, max_length=35)]
    description: Annotated[str, Field(min_length=1, max_length=140)]


class Home(Strict):
    home_tab_enabled: bool
    messages_tab_enabled: bool
    messages_tab_read_only_enabled: bool


class BotUser(Strict):
    display_name: Annotated[str, Field(min_length=1, max_length=80)]
    always_online: bool


class Command(Strict):
    command: Annotated[str, Field(pattern="^/", min_length=2, max_length=32)]
    description: Annotated[str, Field(min_length=1, max_length=2000)]
    usage_hint: Annotated[str, Field(min_length=1, max_length=1000)]
    should_escape: bool
    url: Url | None = None


class Shortcut(Strict):
    name: Annotated[str, Field(min_length=1, max_length=24)]
    type: Annotated[str, Field(pattern="^(global|message)$")]
    callback_id: Annotated[str, Field(min_length=1, max_length=255)]
    description: Annotated[str, Field(min_length=1, max_length=150)]


class Suggestion(Strict):
    title: str
    message: str


class AgentView(Strict):
    agent_description: Annotated[str, Field(max_length=300)]
    suggested_prompts: Annotated[list[Suggestion], Field(max_length=4)] = []


class Features(Strict):
    app_home: Home
    bot_user: BotUser
    shortcuts: Annotated[list[Shortcut], Field(max_length=10)]
    slash_commands: Annotated[list[Command], Field(min_length=1, max_length=50)]
    agent_view: AgentView


class Scopes(Strict):
    bot: Names


class OAuth(Strict):
    scopes: Scopes
    redirect_urls: Annotated[list[Url], Field(min_length=1, max_length=1000)] | None = None


class Subscriptions(Strict):
    bot_events: Names
    request_url: Url | None = None


class Interactivity(Strict):
    is_enabled: bool
    request_url: Url | None = None


class AppSettings(Strict):
    event_subscriptions: Subscriptions
    interactivity: Interactivity
    org_deploy_enabled: bool
    socket_mode_enabled: bool
    token_rotation_enabled: bool


class Described(Strict):
    """A manifest as Slack describes it, as far as ours has it."""

    display_information: Display
    features: Features
    oauth_config: OAuth
    settings: AppSettings


def made(choices: Choices, url: str | None = None) -> Described:
    return Described.model_validate(slack_manifest(choices, url, COMMANDS).document)


# -- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [None, URL])
@pytest.mark.parametrize("choices", [Choices(), EVERYTHING])
def test_it_is_what_slack_describes(choices: Choices, url: str | None) -> None:
    manifest = made(choices, url)

    assert manifest.features.app_home.messages_tab_enabled
    assert not manifest.features.app_home.messages_tab_read_only_enabled
    assert len(manifest.features.agent_view.suggested_prompts) == len(choices.prompts)


def test_without_an_address_it_is_for_socket_mode_and_names_none() -> None:
    manifest = made(Choices())

    assert manifest.settings.socket_mode_enabled
    assert manifest.settings.event_subscriptions.request_url is None
    assert {command.url for command in manifest.features.slash_commands} == {None}


def test_with_an_address_everything_goes_to_the_one_door() -> None:
    manifest = made(Choices(), URL)
    settings = manifest.settings

    assert not settings.socket_mode_enabled
    assert settings.event_subscriptions.request_url == f"{URL}/slack/events"
    assert settings.interactivity.request_url == f"{URL}/slack/events"
    assert {command.url for command in manifest.features.slash_commands} == {f"{URL}/slack/events"}


def test_an_app_token_means_socket_mode_also_where_slack_could_reach_us() -> None:
    manifest = made(Choices(app_token="xapp-1"), URL)

    assert manifest.settings.socket_mode_enabled
    assert manifest.settings.event_subscriptions.request_url is None


def test_the_two_commands_are_there_with_the_verbs_as_a_hint() -> None:
    ask, postern = made(Choices()).features.slash_commands

    assert (ask.command, postern.command) == ("/ask", "/postern")
    assert postern.usage_hint == "status | help"


def test_every_event_that_the_adapter_reads_is_subscribed_to() -> None:
    read = set(event_types_read())

    assert read == set(EVENTS)
    assert set(events_for(EVERYTHING)) == set[str]().union(*EVENTS.values())


def test_every_scope_that_events_and_calls_need_is_asked_for_and_no_other() -> None:
    called = set(methods_called())
    of_events = {SCOPES_OF_EVENTS[event] for event in SCOPES_OF_EVENTS}
    of_calls = set[str]().union(*SCOPES_OF_METHODS.values())

    assert called == set(SCOPES_OF_METHODS)
    assert set(scopes_for(EVERYTHING)) == of_events | of_calls | {"commands"}


def test_reactions_are_asked_for_only_when_they_are_heard() -> None:
    silent = replace(EVERYTHING, reactions=False)

    assert set(events_for(EVERYTHING)) - set(events_for(silent)) == {"reaction_added"}
    assert set(scopes_for(EVERYTHING)) - set(scopes_for(silent)) == {"reactions:read"}


def test_an_app_for_many_workspaces_says_where_they_come_back_to() -> None:
    many, one = made(Choices(installs=True), URL), made(Choices(), URL)

    assert many.oauth_config.redirect_urls == [f"{URL}/slack/oauth_redirect"]
    assert many.settings.org_deploy_enabled
    assert many.settings.token_rotation_enabled
    assert one.oauth_config.redirect_urls is None
    assert not one.settings.org_deploy_enabled


def test_tokens_rotate_only_where_none_is_a_setting() -> None:
    both = made(Choices(installs=True, bot_token="xoxb-1"), URL)

    assert not both.settings.token_rotation_enabled


def test_the_page_on_slack_names_every_scope() -> None:
    page = (Path(__file__).parents[4] / "docs" / "slack.md").read_text(encoding="utf-8")

    assert [scope for scope in scopes_for(EVERYTHING) if f"`{scope}`" not in page] == []


def test_no_secret_is_in_it() -> None:
    manifest = slack_manifest(Choices(app_token="xapp-1-s3cr3t"), URL, COMMANDS)

    assert "s3cr3t" not in f"{manifest.document}{manifest.steps}"


def event_types_read() -> Iterator[str]:
    """Give the event types that `parse_event` tells apart, from its source."""
    module = ast.parse(Path(inbound.__file__).read_text(encoding="utf-8"))
    [function] = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name == "parse_event"
    ]
    for node in ast.walk(function):
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_usergroups_are_read_only_where_the_settings_name_one() -> None:
    reading = set(scopes_for(EVERYTHING, reads_usergroups=True))

    assert reading - set(scopes_for(EVERYTHING)) == {"usergroups:read"}


def methods_called() -> Iterator[str]:
    """Give every name of a Web API method in the adapter's source."""
    families = "apps|assistant|auth|bots|chat|conversations|files|oauth|reactions|team|users|views"
    name = re.compile(rf"(?:{families})(?:\.[A-Za-z0-9]+)+")
    [folder] = adapters.slack.__path__
    for file in Path(folder).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value=str(text)) if name.fullmatch(text):
                    yield text
                case _:
                    pass
