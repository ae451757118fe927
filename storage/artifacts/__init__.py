"""Artifacts: files of agents and people, kept apart by owner, within quotas."""

from storage.artifacts.agent_storage import ActivityLog, AgentStorage
from storage.artifacts.limits import Limits
from storage.artifacts.local import LocalArtifacts
from storage.artifacts.memory import MemoryArtifacts

__all__ = ["ActivityLog", "AgentStorage", "Limits", "LocalArtifacts", "MemoryArtifacts"]
