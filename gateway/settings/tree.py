"""The settings tree: all sections, and the rules that hold between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, field_validator
from pydantic_core.core_schema import ValidationInfo

from gateway.rights.policy import AccessMode
from gateway.settings.agents import Agents, AgentSettings, Bindings, SourceSettings
from gateway.settings.circles import Circles, check_known
from gateway.settings.doors import (
    AccessSettings,
    DiscordSettings,
    HttpSettings,
    OidcSettings,
    SlackSettings,
)
from gateway.settings.groups import Groups, check_members
from gateway.settings.hooks import Hooks, HookSettings
from gateway.settings.keeping import (
    ArtifactSettings,
    RetentionSettings,
    SessionSettings,
    TraceSettings,
)
from gateway.settings.kinds import (
    DatabaseUrl,
    Folder,
    Section,
    Usual,
    rule,
)
from gateway.settings.mcp_servers import McpServers
from gateway.settings.minds import (
    ImageGenerationSettings,
    LettaSettings,
    ModelSettings,
    TranscriptionSettings,
    check_choice_of_models,
)
from gateway.settings.muscle import ComputeSettings, McpSettings
from gateway.settings.places import Places
from gateway.settings.turns import ApprovalSettings, BudgetSettings, CanvasSettings, TurnSettings


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
    oidc: OidcSettings = OidcSettings()
    discord: DiscordSettings = DiscordSettings()
    slack: SlackSettings = SlackSettings()
    letta: LettaSettings = LettaSettings()
    model: ModelSettings = ModelSettings()
    transcription: TranscriptionSettings = TranscriptionSettings()
    image_generation: ImageGenerationSettings = ImageGenerationSettings()
    circles: Circles = Field(default=(), description="Names for people whom rules mean")
    access: AccessSettings = Field(default=AccessSettings(), validate_default=True)
    places: Places = Field(default=(), description="What is heard in channels")
    agents: Agents = Field(
        default=(AgentSettings(name="postern"),),
        min_length=1,
        validate_default=True,
        description="The agents",
    )
    hooks: Hooks = Field(default=(), description="Addresses at which other systems wake agents")
    sources: SourceSettings = SourceSettings()
    bindings: Bindings = Field(default=(), description="Which agent answers where, and to whom")
    groups: Groups = Field(default=(), description="Agents that answer together")
    turns: TurnSettings = TurnSettings()
    budgets: BudgetSettings = BudgetSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    canvas: CanvasSettings = CanvasSettings()
    sessions: SessionSettings = SessionSettings()
    retention: RetentionSettings = RetentionSettings()
    traces: TraceSettings = TraceSettings()
    artifacts: ArtifactSettings = ArtifactSettings()
    compute: ComputeSettings = ComputeSettings()
    mcp: McpSettings = McpSettings()
    mcp_servers: McpServers = Field(
        default=(), description="MCP servers elsewhere, whose tools agents use"
    )

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
        sections = (*sections, self.artifacts, self.compute, self.oidc)
        sections = (*sections, self.transcription, self.image_generation)
        values = [value for section in sections for _, value in section]
        values += [hook.secret for hook in self.hooks]
        values += [server.token for server in self.mcp_servers]
        found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        password = urlsplit(self.database_url.get_secret_value()).password
        return [*found, password] if password else found

    @field_validator("access", mode="after")
    @classmethod
    def _pair_strangers_from_afar(
        cls, access: AccessSettings, info: ValidationInfo
    ) -> AccessSettings:
        """The web page is open by default only where nobody else can reach it."""
        check_known(access.allow, info.data.get("circles", ()), "access.allow")
        http = info.data.get("http")
        if "web" in access.model_fields_set or not isinstance(http, HttpSettings) or http.is_local:
            return access
        return access.model_copy(update={"web": AccessMode.PAIRING})

    @field_validator("agents", mode="after")
    @classmethod
    def _have_models_to_choose_from(cls, agents: Agents, info: ValidationInfo) -> Agents:
        letta, model = info.data.get("letta"), info.data.get("model")
        if isinstance(letta, LettaSettings) and isinstance(model, ModelSettings):
            is_choice = bool(letta.models) or any(agent.models for agent in agents)
            check_choice_of_models(letta, model, is_choice=is_choice)
        return agents

    @field_validator("agents", mode="after")
    @classmethod
    def _know_the_circles_of_agents(cls, agents: Agents, info: ValidationInfo) -> Agents:
        for agent in agents:
            where = f'The access of the agent "{agent.name}"'
            check_known(agent.access, info.data.get("circles", ()), where)
        return agents

    @field_validator("bindings", mode="after")
    @classmethod
    def _know_the_agents_of_bindings(cls, bindings: Bindings, info: ValidationInfo) -> Bindings:
        known = [agent.name for agent in info.data.get("agents", ())]
        named = (key for binding in bindings for key in binding.people)
        check_known(named, info.data.get("circles", ()), "A [[bindings]] rule")
        for binding in bindings:
            if known and binding.agent not in (None, *known):
                raise rule(f'A [[bindings]] rule names "{binding.agent}", which is no agent.')
        return bindings

    @field_validator("groups", mode="after")
    @classmethod
    def _know_the_agents_of_groups(cls, groups: Groups, info: ValidationInfo) -> Groups:
        check_members(groups, [agent.name for agent in info.data.get("agents", ())])
        return groups

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
