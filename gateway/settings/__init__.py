"""What an operator can choose: one typed tree, read once from the file and the environment."""

from __future__ import annotations

from gateway.settings.agents import AgentSettings, BlockSettings, WakeupSettings
from gateway.settings.hooks import HookSettings
from gateway.settings.sources import load_settings
from gateway.settings.tree import (
    AccessSettings,
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
    "BlockSettings",
    "DiscordSettings",
    "HookSettings",
    "HttpSettings",
    "LettaSettings",
    "ModelSettings",
    "RetentionSettings",
    "Settings",
    "SlackSettings",
    "TurnSettings",
    "WakeupSettings",
    "load_settings",
]
