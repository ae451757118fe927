"""The settings tree: every setting of Postern with its default and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

from gateway.access import AccessMode
from gateway.settings.agents import Agents, AgentSettings, Bindings, SourceSettings
from gateway.settings.hooks import Hooks, HookSettings
from gateway.settings.kinds import (
    ArtifactsUrl,
    DatabaseUrl,
    Folder,
    HttpUrl,
    IdentityKey,
    LettaUrl,
    Prompt,
    PublicKey,
    Section,
    Snowflake,
    Usual,
    WsUrl,
    is_loopback,
    rule,
)
from gateway.settings.muscle import ComputeSettings, McpSettings
from gateway.settings.turns import ApprovalSettings, TurnSettings

_LETTA_CLOUD = "https://api.letta.com"
_OPENAI = "https://api.openai.com/v1"


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


class LettaSettings(Section):
    """Where the agents live."""

    base_url: Annotated[LettaUrl | None, Usual("LETTA_BASE_URL")] = Field(
        default=None,
        description="Address of a Letta server, or of an App Server (ws://…, wss://…); "
        "without it and a key, the embedded one runs",
    )
    api_key: Annotated[SecretStr | None, Usual("LETTA_API_KEY")] = Field(
        default=None, description="Key of the Letta server; without an address, of Letta Cloud"
    )
    model: str | None = Field(
        default=None, description="Model handle for new agents; the server's first when not set"
    )
    embedding: str | None = Field(
        default=None, description="Embedding handle for new agents; the server's own when not set"
    )
    images: bool = Field(
        default=True, description="Show agents the pictures that people send; off for blind models"
    )

    @property
    def server_url(self) -> str | None:
        """Address of the server; None for the embedded one."""
        if self.base_url is None and self.api_key is not None:
            return _LETTA_CLOUD
        return self.base_url

    @property
    def is_embedded(self) -> bool:
        """Whether the Letta-compatible server of this project runs in the gateway."""
        return self.server_url is None

    @property
    def is_app_server(self) -> bool:
        """Whether the agents live in Letta's App Server, behind its WebSocket."""
        return self.base_url is not None and self.base_url.startswith(("ws://", "wss://"))


class ModelSettings(Section):
    """The language model of the embedded server."""

    base_url: Annotated[HttpUrl | None, Usual("OPENAI_BASE_URL")] = Field(
        default=None,
        description="Address of an OpenAI-compatible API; without it and a key, offline",
    )
    api_key: Annotated[SecretStr | None, Usual("OPENAI_API_KEY")] = Field(
        default=None, description="Its key; without an address, OpenAI's own"
    )
    name: str = Field(default="gpt-4o-mini", description="Name of the model there")
    context_window: int = Field(
        default=128_000, ge=4_000, description="Tokens that it takes in at most"
    )
    embedding: str | None = Field(
        default=None,
        description="Name of an embedding model there; without it, memory is searched by words",
    )

    @model_validator(mode="after")
    def _embed_somewhere(self) -> Self:
        if self.embedding is None or not self.is_offline:
            return self
        raise rule(
            f'model.embedding is "{self.embedding}", and there is no API to ask it of; set '
            "model.base_url (OPENAI_BASE_URL) or model.api_key (OPENAI_API_KEY), or remove it."
        )

    @property
    def server_url(self) -> str | None:
        """Address of the API; None for the offline model."""
        if self.base_url is None and self.api_key is not None:
            return _OPENAI
        return self.base_url

    @property
    def is_offline(self) -> bool:
        """Whether the deterministic offline model answers."""
        return self.server_url is None


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
    allow: tuple[IdentityKey, ...] = Field(
        default=(),
        description="People who may always talk, as platform:workspace:user "
        "(Discord's workspace is discord)",
    )


class BudgetSettings(Section):
    """What a day (UTC) may cost; without a number there is no limit."""

    person_turns: int | None = Field(default=None, ge=1, description="Turns of one person")
    person_tokens: int | None = Field(
        default=None, ge=1, description="Tokens of one person, with all their agents"
    )
    agent_turns: int | None = Field(
        default=None, ge=1, description="Turns of one agent, with all people"
    )
    agent_tokens: int | None = Field(
        default=None, ge=1, description="Tokens of one agent, with all people"
    )
    schedule_turns: int | None = Field(default=None, ge=1, description="Wakeups of one schedule")
    schedule_tokens: int | None = Field(default=None, ge=1, description="Tokens of one schedule")
    unlimited: tuple[IdentityKey, ...] = Field(
        default=(), description="People without a budget of their own, as platform:workspace:user"
    )


class RetentionSettings(Section):
    """How long things are kept."""

    days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days after which the texts of ended turns are dropped; kept when not set",
    )
    audit_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days after which entries of the audit log are dropped; kept when not set",
    )


class ArtifactSettings(Section):
    """Where the files of agents and people are kept, and how many."""

    url: ArtifactsUrl | None = Field(
        default=None,
        description="A folder, s3://BUCKET/PREFIX or modal://VOLUME/FOLDER; else in data_dir",
    )
    s3_endpoint: HttpUrl | None = Field(
        default=None, description="Address of an S3-compatible service; Amazon's when not set"
    )
    s3_region: str = Field(default="us-east-1", description="Region that requests are signed for")
    access_key_id: Annotated[str | None, Usual("AWS_ACCESS_KEY_ID")] = Field(
        default=None, description="Name of the key for the bucket"
    )
    secret_access_key: Annotated[SecretStr | None, Usual("AWS_SECRET_ACCESS_KEY")] = Field(
        default=None, description="The key for the bucket"
    )
    file_bytes: int = Field(default=50_000_000, ge=1, description="The largest file")
    attachment_bytes: int = Field(
        default=25_000_000, ge=0, description="The largest file that comes with a message"
    )
    attachment_types: tuple[str, ...] = Field(
        default=("*",),
        description="Media types that may come with a message: image/*, text/plain …",
    )
    owner_bytes: int = Field(
        default=1_000_000_000, ge=1, description="All files of one owner, with older versions"
    )
    owner_files: int = Field(default=10_000, ge=1, description="Files of one owner")
    older_versions: int = Field(
        default=3, ge=0, le=100, description="Versions of a file that are kept beside the newest"
    )


def _database_in_data_dir(validated: Mapping[str, object]) -> SecretStr:
    return SecretStr(f"sqlite:///{validated.get('data_dir', '.postern')}/postern.db")


class Settings(Section):
    """Everything that an operator can choose. Read once, handed down in parts."""

    data_dir: Folder = Field(
        default=Path(".postern"), description="Folder of the database and everything kept in files"
    )
    database_url: Annotated[DatabaseUrl, Usual("DATABASE_URL")] = Field(
        default_factory=_database_in_data_dir,
        description="sqlite:///FILE or postgresql://…; by default postern.db in data_dir",
    )
    http: HttpSettings = HttpSettings()
    discord: DiscordSettings = DiscordSettings()
    slack: SlackSettings = SlackSettings()
    letta: LettaSettings = LettaSettings()
    model: ModelSettings = ModelSettings()
    access: AccessSettings = Field(default=AccessSettings(), validate_default=True)
    agents: Agents = Field(
        default=(AgentSettings(name="postern"),), min_length=1, description="The agents"
    )
    hooks: Hooks = Field(default=(), description="Addresses at which other systems wake agents")
    sources: SourceSettings = SourceSettings()
    bindings: Bindings = Field(default=(), description="Which agent answers where, and to whom")
    turns: TurnSettings = TurnSettings()
    budgets: BudgetSettings = BudgetSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    retention: RetentionSettings = RetentionSettings()
    artifacts: ArtifactSettings = ArtifactSettings()
    compute: ComputeSettings = ComputeSettings()
    mcp: McpSettings = McpSettings()

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict[str, str])

    def model_post_init(self, context: object, /) -> None:
        """Remember where each value came from (dotted name → source), as the reader found it."""
        if isinstance(context, Mapping):
            found = cast("Mapping[object, object]", context)  # isinstance can not see inside
            self._origins = {str(name): str(source) for name, source in found.items()}

    def origin(self, name: str) -> str:
        """Say where the setting of this dotted name came from: a file, a variable, `default`."""
        return self._origins.get(name, "default")

    @property
    def sqlite_path(self) -> Path | None:
        """The database file; None when the database is Postgres."""
        url = self.database_url.get_secret_value()
        file = url.removeprefix("sqlite:///")
        return None if file == url else Path(file)

    @property
    def artifacts_url(self) -> str:
        """Where artifacts are kept: a folder, or s3://BUCKET/PREFIX."""
        return self.artifacts.url or str(self.data_dir / "artifacts")

    def secrets(self) -> list[str]:
        """Return every secret among the values, for the log to leave out."""
        sections = (self.http, self.discord, self.slack, self.letta, self.model)
        sections = (*sections, self.artifacts, self.compute)
        values = [value for section in sections for _, value in section]
        values += [hook.secret for hook in self.hooks]
        found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        password = urlsplit(self.database_url.get_secret_value()).password
        return [*found, password] if password else found

    @field_validator("access", mode="after")
    @classmethod
    def _pair_strangers_from_afar(
        cls, access: AccessSettings, info: ValidationInfo
    ) -> AccessSettings:
        """The web page is open by default only where nobody else can reach it."""
        http = info.data.get("http")
        if "web" in access.model_fields_set or not isinstance(http, HttpSettings) or http.is_local:
            return access
        return access.model_copy(update={"web": AccessMode.PAIRING})

    @field_validator("bindings", mode="after")
    @classmethod
    def _know_the_agents_of_bindings(cls, bindings: Bindings, info: ValidationInfo) -> Bindings:
        known = [agent.name for agent in info.data.get("agents", ())]
        for binding in bindings:
            if known and binding.agent not in (None, *known):
                raise rule(f'A [[bindings]] rule names "{binding.agent}", which is no agent.')
        return bindings

    @field_validator("hooks", mode="after")
    @classmethod
    def _know_the_agents_of_hooks(
        cls, hooks: tuple[HookSettings, ...], info: ValidationInfo
    ) -> tuple[HookSettings, ...]:
        known = [agent.name for agent in info.data.get("agents", ())]
        for hook in hooks:
            if known and hook.agent not in (None, *known):
                raise rule(f'The hook "{hook.name}" wakes "{hook.agent}", which is no agent.')
        return hooks
