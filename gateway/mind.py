"""What bootstrap gives a turn to think with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field

from gateway.budgets import Budgets
from gateway.domain.people import Route
from gateway.images import Images
from gateway.models import Models
from gateway.ports import (
    AgentArchive,
    AgentFiles,
    AgentMemory,
    AgentModels,
    AgentRuntime,
    ArtifactStore,
    Briefing,
    Constellation,
    PersonalSchedules,
    Toolbox,
    ToolServers,
)
from gateway.renewals import Renewals
from gateway.rights.circles import Circles
from gateway.teamwork import Teamwork
from gateway.transcripts import Transcripts


@dataclass(frozen=True, slots=True)
class Mind:
    """All that a turn needs to think: who answers, where it runs, with which hands and eyes."""

    constellation: Constellation
    runtime: AgentRuntime
    toolbox: Toolbox
    _: KW_ONLY
    routes: Mapping[str, Route] = field(default_factory=lambda: {"postern": Route("postern")})
    """The agents that there are, the default one first."""
    images: Images | None = None
    """None where agents read text alone."""
    memory: AgentMemory | None = None
    """None where agents keep no memory that people could look at."""
    artifacts: ArtifactStore | None = None
    """None where no files are taken in."""
    budgets: Budgets | None = None
    """None where nothing is limited."""
    briefing: Briefing | None = None
    """None where wakeups are told their prompts alone."""
    wakeups: PersonalSchedules | None = None
    """None where people can schedule nothing."""
    teamwork: Teamwork | None = None
    """None where agents can ask nobody."""
    models: Models | None = None
    """None where agents think with their own models alone."""
    own_models: AgentModels | None = None
    """None where nobody can tell which these are."""
    archive: AgentArchive | None = None
    """None where agents have no archival memory that people could look through."""
    files: AgentFiles | None = None
    """None where agents look nothing up in files."""
    renewals: Renewals | None = None
    """None where no conversation begins anew by itself."""
    servers: ToolServers | None = None
    """None where no tools come from elsewhere."""
    circles: Circles = field(default_factory=Circles)
    transcripts: Transcripts | None = None
    """None where nobody writes down what is said in recordings."""
