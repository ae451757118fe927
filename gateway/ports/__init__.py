"""Every part that the hub asks of the spokes. A spoke implements one; bootstrap plugs it in.

Moments are aware UTC and are passed in: only `Clock` knows what time it is.
"""

from __future__ import annotations

from gateway.ports.approvals import ApprovalStore
from gateway.ports.artifacts import ABSENT, ArtifactStore
from gateway.ports.clock import Clock
from gateway.ports.compute import ComputeBackend, OutsideCallStore, TaskStore
from gateway.ports.dead_letters import DeadLetterStore
from gateway.ports.deliveries import DeliveryStore
from gateway.ports.errands import Colleagues, ErrandStore
from gateway.ports.fires import FireStore, NoteStore
from gateway.ports.hands import Toolbox, ToolServers
from gateway.ports.health import Health
from gateway.ports.history import HistoryStore, StoreCounts
from gateway.ports.installations import InstallationStore
from gateway.ports.links import LinkStore
from gateway.ports.memory import AgentArchive, AgentFiles, AgentMemory, MemoryEditStore
from gateway.ports.minds import (
    AgentHost,
    AgentModels,
    AgentRuntime,
    AgentTemplates,
    Briefing,
    Constellation,
)
from gateway.ports.people import PeopleStore
from gateway.ports.personal import PersonalSchedules
from gateway.ports.platforms import Accept, Adapter, Streaming, WhyNot
from gateway.ports.privacy import Failure, Kept, LastQuestion, PersonalStore, Record, Said
from gateway.ports.schedules import ScheduleStore
from gateway.ports.singles import HandedStore, LeaseStore
from gateway.ports.store import Store
from gateway.ports.teamwork import Coordination
from gateway.ports.tokens import TokenStore
from gateway.ports.transcriber import Transcriber
from gateway.ports.turns import TurnStore
from gateway.ports.usage import UsageStore

__all__ = [
    "ABSENT",
    "Accept",
    "Adapter",
    "AgentArchive",
    "AgentFiles",
    "AgentHost",
    "AgentMemory",
    "AgentModels",
    "AgentRuntime",
    "AgentTemplates",
    "ApprovalStore",
    "ArtifactStore",
    "Briefing",
    "Clock",
    "Colleagues",
    "ComputeBackend",
    "Constellation",
    "Coordination",
    "DeadLetterStore",
    "DeliveryStore",
    "ErrandStore",
    "Failure",
    "FireStore",
    "HandedStore",
    "Health",
    "HistoryStore",
    "InstallationStore",
    "Kept",
    "LastQuestion",
    "LeaseStore",
    "LinkStore",
    "MemoryEditStore",
    "NoteStore",
    "OutsideCallStore",
    "PeopleStore",
    "PersonalSchedules",
    "PersonalStore",
    "Record",
    "Said",
    "ScheduleStore",
    "Store",
    "StoreCounts",
    "Streaming",
    "TaskStore",
    "TokenStore",
    "ToolServers",
    "Toolbox",
    "Transcriber",
    "TurnStore",
    "UsageStore",
    "WhyNot",
]
