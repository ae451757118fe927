"""The manifest by which Slack makes an app that fits our settings. Pure.

Source of its shape and limits: docs.slack.dev/reference/app-manifest and Slack's own schema
(slackapi/manifest-schema); of scopes: the page of each event and method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from adapters.slack.forms import ASK, ASK_ABOUT
from gateway.domain.commands import CommandSpec, Tier
from gateway.domain.manifests import Manifest

APPS = "https://api.slack.com/apps"
REQUESTS = "/slack/events"
REDIRECT = "/slack/oauth_redirect"

_NAME = "Postern"
_SENTENCE = "Your own agent: it remembers you, and comes back to you when there is something to say"

_SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "im:history",
    "im:write",
    "mpim:history",
    "users:read",
)
"""Histories are read to follow threads, and to find what an earlier try of a send has posted."""

_EVENTS = (
    "app_home_opened",
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
)
"""`assistant_thread_started` comes only to older apps, which keep the manifest they have."""


_SHORTCUTS = (
    {
        "name": "Ask my agent",
        "type": "global",
        "callback_id": ASK,
        "description": "Write a question to your agent",
    },
    {
        "name": "Ask my agent about it",
        "type": "message",
        "callback_id": ASK_ABOUT,
        "description": "Show this message to your agent, for you alone",
    },
)


class Choices(Protocol):
    """Those of the settings that the app has to fit."""

    @property
    def app_token(self) -> object | None:
        """With it, Socket Mode connects."""
        ...

    @property
    def reactions(self) -> bool:
        """Whether reactions are heard."""
        ...

    @property
    def bot_token(self) -> object | None:
        """With it, one workspace is a setting."""
        ...

    @property
    def installs(self) -> bool:
        """Whether workspaces install the app by OAuth."""
        ...

    @property
    def prompts(self) -> Sequence[str]:
        """What is suggested where somebody opens a fresh conversation."""
        ...


def slack_manifest(
    choices: Choices,
    public_url: str | None,
    commands: Sequence[CommandSpec],
    *,
    reads_usergroups: bool = False,
) -> Manifest:
    """Return the manifest: for Socket Mode, unless Slack can reach us and no app token is set."""
    is_socket = choices.app_token is not None or public_url is None
    url = None if is_socket else f"{public_url}{REQUESTS}"
    document: Mapping[str, object] = {
        "display_information": {"name": _NAME, "description": _SENTENCE},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": _NAME, "always_online": True},
            "shortcuts": list(_SHORTCUTS),
            "slash_commands": [{**one, **_at(url, "url")} for one in _commands(commands)],
            "agent_view": {"agent_description": f"{_SENTENCE}.", **_suggested(choices.prompts)},
        },
        "oauth_config": {
            "scopes": {"bot": scopes_for(choices, reads_usergroups=reads_usergroups)},
            **_redirect(choices, public_url),
        },
        "settings": {
            "event_subscriptions": {"bot_events": events_for(choices), **_at(url, "request_url")},
            "interactivity": {"is_enabled": True, **_at(url, "request_url")},
            "org_deploy_enabled": choices.installs,
            "socket_mode_enabled": is_socket,
            "token_rotation_enabled": choices.installs and choices.bot_token is None,
        },
    }
    return Manifest(_steps(url), document, is_pasted=True)


def scopes_for(choices: Choices, *, reads_usergroups: bool = False) -> list[str]:
    """Return what the bot token has to be allowed; usergroups only where settings name one."""
    reactions = ["reactions:read"] if choices.reactions else []
    usergroups = ["usergroups:read"] if reads_usergroups else []
    return sorted([*_SCOPES, *reactions, *usergroups])


def events_for(choices: Choices) -> list[str]:
    """Return what the app has to be told of."""
    reactions = ["reaction_added"] if choices.reactions else []
    leaving = ["app_uninstalled", "tokens_revoked"] if choices.installs else []
    return sorted([*_EVENTS, *reactions, *leaving])


def _commands(commands: Sequence[CommandSpec]) -> list[Mapping[str, object]]:
    """Return `/ask`, and `/postern` for everything else: names are one space for all apps."""
    listed = [spec for spec in commands if spec.name != "ask" and spec.tier is not Tier.ADMIN]
    verbs = " | ".join(spec.name for spec in listed)
    return [
        {
            "command": "/ask",
            "description": "Ask your agent",
            "usage_hint": "what you want to say",
            "should_escape": False,
        },
        {
            "command": "/postern",
            "description": "Ask the gateway itself",
            "usage_hint": verbs or "help",
            "should_escape": False,
        },
    ]


def _suggested(prompts: Sequence[str]) -> Mapping[str, object]:
    if not prompts:
        return {}
    return {"suggested_prompts": [{"title": prompt, "message": prompt} for prompt in prompts]}


def _redirect(choices: Choices, public_url: str | None) -> Mapping[str, object]:
    if not choices.installs or public_url is None:
        return {}
    return {"redirect_urls": [f"{public_url}{REDIRECT}"]}


def _at(url: str | None, key: str) -> Mapping[str, object]:
    """Socket Mode needs no addresses."""
    return {} if url is None else {key: url}


def _steps(url: str | None) -> Sequence[str]:
    making = (
        f'Open {APPS}, choose "Create New App" and "From a manifest", and give it the JSON that '
        "`postern manifest slack --json` prints."
    )
    installing = (
        'On the page "Install App", install it into your workspace, and copy the Bot User OAuth '
        "Token (xoxb-…) into SLACK_BOT_TOKEN."
    )
    return [making, installing, *(_steps_for_socket() if url is None else _steps_for_http(url))]


def _steps_for_socket() -> Sequence[str]:
    making = (
        'On the page "Basic Information", under "App-Level Tokens", make a token with the scope '
        "connections:write and copy it (xapp-…) into SLACK_APP_TOKEN."
    )
    return [making, "Start Postern: it connects by Socket Mode, and needs no public address."]


def _steps_for_http(url: str) -> Sequence[str]:
    copying = 'On the page "Basic Information", copy the Signing Secret into SLACK_SIGNING_SECRET.'
    start = (
        f'Start Postern at {url}; then, on the page "Event Subscriptions", choose "Retry": Slack '
        "takes the address once Postern answers there."
    )
    return [copying, start]
