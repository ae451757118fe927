"""What an operator can choose: one typed tree, read once from the file and the environment."""

from __future__ import annotations

from gateway.settings.agents import AgentSettings, BlockSettings, WakeupSettings
from gateway.settings.doors import AccessSettings, DiscordSettings, HttpSettings, SlackSettings
from gateway.settings.hooks import HookSettings
from gateway.settings.keeping import ArtifactSettings, RetentionSettings
from gateway.settings.minds import (
    ImageGenerationSettings,
    LettaSettings,
    ModelSettings,
    TranscriptionSettings,
)
from gateway.settings.sources import load_settings
from gateway.settings.tree import Settings
from gateway.settings.turns import TurnSettings

__all__ = [
    "AccessSettings",
    "AgentSettings",
    "ArtifactSettings",
    "BlockSettings",
    "DiscordSettings",
    "HookSettings",
    "HttpSettings",
    "ImageGenerationSettings",
    "LettaSettings",
    "ModelSettings",
    "RetentionSettings",
    "Settings",
    "SlackSettings",
    "TranscriptionSettings",
    "TurnSettings",
    "WakeupSettings",
    "load_settings",
]
