"""What the embedded server is started with. Nothing here reads the environment."""

from dataclasses import dataclass, field
from pathlib import Path

from agents.embedded.sandbox.limits import Limits

OFFLINE_HANDLE = "postern/offline"


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """An OpenAI-compatible endpoint: where it is, what it is called, how patient we are."""

    name: str
    """The endpoint's own name of the model, such as `gpt-4o-mini`."""
    api_key: str = field(default="", repr=False)
    base_url: str | None = None
    """Without it the OpenAI SDK's own address is used."""
    timeout_seconds: float = 120.0
    """How long the endpoint may be silent, before its first token and between two of them."""
    context_window: int = 128_000
    """In tokens; the sliding window of recent chat is cut to fit."""


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """Everything the embedded server needs to know."""

    database: Path
    """The server's own SQLite file; made, with its folder, when it is not there."""
    token: str | None = field(default=None, repr=False)
    """The bearer token every request must carry; `None` lets everybody in (loopback only)."""
    model: ModelOptions | None = None
    """The language model; without one the offline model answers."""
    embedding: str | None = None
    """The endpoint's name of an embedding model; without one memory is searched by its words."""
    context_window: int | None = None
    """In tokens; None for the model's own."""
    tool_limits: Limits = field(default_factory=Limits)
    """What one call of a tool that a client stored may use."""
    scripted: bool = False
    """Let messages script the model (`say`, `words`, `sleep`, `fail` …): for tests only."""
    word_delay_seconds: float = 0.015
    """How long the offline model takes for a word, so that its streaming can be seen."""
    ping_seconds: float = 20.0
    """A silent stream carries a ping this often, as Letta's does."""
