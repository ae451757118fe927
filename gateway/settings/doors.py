"""Settings of the doors: where the gateway listens, Discord, Slack, and who may talk."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from gateway.rights.policy import AccessMode
from gateway.settings.kinds import (
    Door,
    HttpUrl,
    IdentityKey,
    Prompt,
    PublicKey,
    Section,
    Snowflake,
    Usual,
    Who,
    WsUrl,
    is_loopback,
    rule,
)

_LEAST_SECRET = 16
"""Characters."""


class HttpSettings(Section):
    """Where the gateway listens."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; beyond this machine only with an admin token",
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="Port; 0 takes any free one")
    public_url: HttpUrl | None = Field(
        default=None,
        description="Address under which Slack, Discord and browsers reach the gateway",
    )
    admin_token: SecretStr | None = Field(
        default=None, description="Bearer token of the admin API and the metrics"
    )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _guard_the_open_port(self) -> Self:
        if self.is_local or self.admin_token is not None:
            return self
        raise rule(
            f'http.host is "{self.host}", which other machines can reach, and http.admin_token is '
            "not set; set http.admin_token (POSTERN_HTTP__ADMIN_TOKEN) to a long random text, or "
            'http.host to "127.0.0.1".'
        )


class OidcSettings(Section):
    """Signing in at the web page by OpenID Connect."""

    issuer: HttpUrl | None = Field(
        default=None, description="The sign-in provider; with it the web page asks to sign in"
    )
    client_id: str | None = Field(default=None, description="Client id that the provider gave out")
    client_secret: SecretStr | None = Field(
        default=None, description="Client secret; none where the provider gave out none"
    )
    session_secret: SecretStr | None = Field(
        default=None,
        description="Long random text that signs sessions; the client secret when not set",
    )
    session_hours: float = Field(
        default=12, gt=0, le=720, description="How long one stays signed in, in hours"
    )
    scopes: str = Field(default="openid profile", description="What the provider is asked for")

    @model_validator(mode="after")
    def _have_all_that_it_takes(self) -> Self:
        if self.issuer is None:
            return self
        url = urlsplit(self.issuer)
        if url.scheme != "https" and not is_loopback(url.hostname or ""):
            raise rule("oidc.issuer must start with https://, unless it is on this machine.")
        if not self.client_id:
            raise rule("oidc.issuer is set, and oidc.client_id is not: set both.")
        if len(self.signing_secret) < _LEAST_SECRET:
            raise rule(
                f"oidc.issuer is set, and nothing signs sessions: set oidc.session_secret to a "
                f"random text of at least {_LEAST_SECRET} characters."
            )
        if "openid" not in self.scopes.split():
            raise rule('oidc.scopes must hold "openid".')
        return self

    @property
    def signing_secret(self) -> str:
        """What sessions are signed with; empty when there is nothing."""
        secret = self.session_secret or self.client_secret
        return "" if secret is None else secret.get_secret_value()


class DiscordSettings(Section):
    """The Discord application."""

    token: Annotated[SecretStr | None, Usual("DISCORD_TOKEN")] = Field(
        default=None, description="Bot token; with it Discord is on"
    )
    public_key: Annotated[PublicKey | None, Usual("DISCORD_PUBLIC_KEY")] = Field(
        default=None, description="Public key; with it POST /discord/interactions is served"
    )
    application_id: Annotated[Snowflake | None, Usual("DISCORD_APPLICATION_ID")] = Field(
        default=None, description="Application id; asked from Discord when not set"
    )
    gateway: bool = Field(
        default=True, description="Hold a gateway connection; off where another process holds it"
    )
    api_url: HttpUrl = Field(
        default="https://discord.com/api/v10", description="Address of Discord's REST API"
    )
    gateway_url: WsUrl | None = Field(
        default=None, description="Address of Discord's gateway; asked from the API when not set"
    )
    message_content: bool = Field(
        default=True,
        description="Ask for the message-content intent; without it direct messages and mentions "
        "are heard",
    )
    bots: Literal["none", "mentions", "all"] = Field(
        default="none",
        description="Which messages of other bots are heard: none, mentions (and replies), or all",
    )
    reactions: Literal["off", "own", "all"] = Field(
        default="off",
        description="Which reactions the agent is told of: off, own (on its own messages), or all",
    )
    threads_on_mention: bool = Field(
        default=False, description="Answer a mention in a channel in a thread of its own"
    )
    max_parts: int = Field(
        default=8, ge=1, le=50, description="Messages of one answer; the rest comes as a file"
    )

    @property
    def connects(self) -> bool:
        """Whether this process holds the gateway connection."""
        return self.token is not None and self.gateway

    @property
    def has_webhook(self) -> bool:
        """Whether interactions come by HTTP and can be verified."""
        return self.token is not None and self.public_key is not None

    @property
    def is_on(self) -> bool:
        """Whether Discord can be written to; what is heard there may come by another process."""
        return self.token is not None


class SlackSettings(Section):
    """The Slack app."""

    bot_token: Annotated[SecretStr | None, Usual("SLACK_BOT_TOKEN")] = Field(
        default=None, description="Bot token (xoxb-…) of the workspace"
    )
    signing_secret: Annotated[SecretStr | None, Usual("SLACK_SIGNING_SECRET")] = Field(
        default=None, description="Signing secret; with it POST /slack/events is served"
    )
    app_token: Annotated[SecretStr | None, Usual("SLACK_APP_TOKEN")] = Field(
        default=None, description="App-level token (xapp-…); with it Socket Mode is on"
    )
    client_id: Annotated[str | None, Usual("SLACK_CLIENT_ID")] = Field(
        default=None, description="Client id, for installing into many workspaces"
    )
    client_secret: Annotated[SecretStr | None, Usual("SLACK_CLIENT_SECRET")] = Field(
        default=None, description="Client secret, for installing into many workspaces"
    )
    state_secret: Annotated[SecretStr | None, Usual("POSTERN_SECRET_KEY")] = Field(
        default=None,
        description="Long random text that encrypts stored tokens; the client secret when not set",
    )
    api_url: HttpUrl = Field(
        default="https://slack.com/api", description="Address of Slack's Web API"
    )
    authorize_url: HttpUrl = Field(
        default="https://slack.com/oauth/v2/authorize",
        description="Address where people agree to an installation",
    )
    reactions: bool = Field(
        default=False,
        description="Tell the agent of reactions to its messages in direct messages",
    )
    prompts: tuple[Prompt, ...] = Field(
        default=(),
        max_length=4,
        description="Suggestions shown where somebody opens a fresh conversation",
    )

    @property
    def connects(self) -> bool:
        """Whether this process holds a Socket Mode connection."""
        return self.is_on and self.app_token is not None

    @property
    def installs(self) -> bool:
        """Whether other workspaces can install the app by OAuth."""
        given = (self.client_id, self.client_secret, self.signing_secret)
        return all(part is not None for part in given)

    @property
    def has_webhook(self) -> bool:
        """Whether events come by HTTP and can be verified and answered."""
        return self.installs or (self.bot_token is not None and self.signing_secret is not None)

    @property
    def is_on(self) -> bool:
        """Whether Slack can be written to; what is heard there may come by another process."""
        return self.bot_token is not None or self.installs


class AccessSettings(Section):
    """Who may talk."""

    discord: AccessMode = Field(
        default=AccessMode.PAIRING, description="Strangers on Discord: pairing, allowlist or open"
    )
    slack: AccessMode = Field(
        default=AccessMode.PAIRING, description="Strangers on Slack: pairing, allowlist or open"
    )
    web: AccessMode = Field(
        default=AccessMode.OPEN,
        description="Strangers on the web page; by default open on this machine, else pairing",
    )
    allow: tuple[Who, ...] = Field(
        default=(),
        description="People who may always talk, as platform:workspace:user (Discord's workspace "
        "is discord), Discord roles, Slack usergroups, and circles as @NAME",
    )
    places: tuple[Door, ...] = Field(
        default=(),
        description="Where everybody who writes may talk: discord:SERVER, slack:TEAM:CHANNEL",
    )
    admins: tuple[IdentityKey, ...] = Field(
        default=(),
        description="People who may /pause the agents of a channel, and /ban others, "
        "written likewise",
    )
    pairing_in_channels: bool = Field(
        default=True,
        description="Whether a pairing code lets people talk in channels too; else in direct "
        "messages alone",
    )
    messages_per_minute: int = Field(
        default=60,
        ge=0,
        le=1_000,
        description="What a person may say in a minute, with all their accounts; 0 for any number",
    )
    channel_messages_per_minute: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="What all people together may say in a channel and its threads in a minute; "
        "0 for any number",
    )
