"""What is to be switched on in Discord's developer portal, and the link that invites the bot. Pure.

Names of pages and switches: Discord's developer portal. Permissions and scopes: the pages
"Permissions" and "OAuth2" of Discord's reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Protocol
from urllib.parse import quote, urlencode

from gateway.domain.manifests import Manifest

PORTAL = "https://discord.com/developers/applications"
INTERACTIONS = "/discord/interactions"

_AUTHORIZE = "https://discord.com/oauth2/authorize"
_SCOPES = ("bot", "applications.commands")


class Permission(IntFlag):
    """What the bot may be allowed in a guild; only what this adapter uses."""

    VIEW_CHANNELS = 1 << 10
    SEND_MESSAGES = 1 << 11
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


_ALWAYS = (
    Permission.VIEW_CHANNELS
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""Links unfold, long answers end in a file, and histories are read to miss nothing."""


class Choices(Protocol):
    """Those of the settings that the application has to fit."""

    @property
    def application_id(self) -> str | None:
        """Application id, once it is known."""
        ...

    @property
    def gateway(self) -> bool:
        """Whether a gateway connection is held."""
        ...

    @property
    def public_key(self) -> str | None:
        """With it, interactions are taken by HTTP."""
        ...

    @property
    def message_content(self) -> bool:
        """Whether the message-content intent is asked for."""
        ...

    @property
    def threads_on_mention(self) -> bool:
        """Whether mentions are answered in threads of their own."""
        ...


def discord_manifest(choices: Choices, public_url: str | None) -> Manifest:
    """Return how an application is made for these settings."""
    permissions = permissions_for(choices)
    invite = invite_url(choices)
    document: Mapping[str, object] = {
        "invite_url": invite,
        "scopes": list(_SCOPES),
        "permissions": str(permissions.value),
        "permission_names": [_spoken(one) for one in permissions],
        "privileged_intents": _intents(choices),
        "installation_contexts": ["Guild Install", "User Install"],
        "interactions_endpoint_url": _endpoint(choices, public_url),
    }
    return Manifest(list(_steps(choices, public_url, invite)), document)


def permissions_for(choices: Choices) -> Permission:
    """Return what the bot needs in a guild, and nothing more."""
    return _ALWAYS | Permission.CREATE_PUBLIC_THREADS if choices.threads_on_mention else _ALWAYS


def invite_url(choices: Choices) -> str | None:
    """Return the link by which the bot comes into a guild; None without an application id."""
    if choices.application_id is None:
        return None
    asked = {
        "client_id": choices.application_id,
        "scope": " ".join(_SCOPES),
        "permissions": permissions_for(choices).value,
    }
    return f"{_AUTHORIZE}?{urlencode(asked, quote_via=quote)}"


def _intents(choices: Choices) -> list[str]:
    is_wanted = choices.gateway and choices.message_content
    return ["Message Content Intent"] if is_wanted else []


def _endpoint(choices: Choices, public_url: str | None) -> str | None:
    if choices.public_key is None or public_url is None:
        return None
    return f"{public_url}{INTERACTIONS}"


def _steps(choices: Choices, public_url: str | None, invite: str | None) -> Sequence[str]:
    return [
        f'Open {PORTAL} and choose "New Application".',
        'On the page "General Information", copy the Application ID into DISCORD_APPLICATION_ID.',
        'On the page "Bot", choose "Reset Token" and copy the token into DISCORD_TOKEN.',
        _step_for_intents(choices),
        'On the page "Installation", tick "User Install" and "Guild Install".',
        _step_for_endpoint(choices, public_url),
        _step_for_invitation(choices, invite),
    ]


def _step_for_intents(choices: Choices) -> str:
    if _intents(choices):
        return (
            'On the page "Bot", under "Privileged Gateway Intents", switch on "Message Content '
            'Intent". Left off, the bot hears direct messages and mentions only.'
        )
    return 'On the page "Bot", leave the three "Privileged Gateway Intents" off.'


def _step_for_endpoint(choices: Choices, public_url: str | None) -> str:
    field = 'On the page "General Information", the "Interactions Endpoint URL"'
    endpoint = _endpoint(choices, public_url)
    if endpoint is not None:
        return (
            f"{field} may be {endpoint} while Postern runs there: Discord tries it when it is "
            "saved. Commands come by HTTP then, and no longer by the gateway."
        )
    if choices.gateway:
        return f"{field} stays empty: commands come by the gateway."
    return (
        f"{field} has to be set, as this process holds no gateway connection: copy the Public Key "
        "into DISCORD_PUBLIC_KEY, set http.public_url, and ask for this list again."
    )


def _step_for_invitation(choices: Choices, invite: str | None) -> str:
    if invite is None:
        return "Set DISCORD_APPLICATION_ID, and ask for this list again: it will have the link."
    names = ", ".join(_spoken(one) for one in permissions_for(choices))
    return f"Invite the bot into your server with {invite} (it asks for: {names})."


def _spoken(permission: Permission) -> str:
    return (permission.name or "").replace("_", " ").title().replace(" In ", " in ")
