"""What an operator can choose: one typed tree, read once from the file and the environment."""

from __future__ import annotations

from gateway.settings.sources import load_settings
from gateway.settings.tree import (
    AccessSettings,
    AgentSettings,
    ArtifactSettings,
    DiscordSettings,
    HttpSettings,
    LettaSettings,
    ModelSettings,
    RetentionSettings,
    Settings,
    SlackSettings,
    TurnSettings,
)

__all__ = [
    "AccessSettings",
    "AgentSettings",
    "ArtifactSettings",
    "DiscordSettings",
    "HttpSettings",
    "LettaSettings",
    "ModelSettings",
    "RetentionSettings",
    "Settings",
    "SlackSettings",
    "TurnSettings",
    "load_settings",
]
