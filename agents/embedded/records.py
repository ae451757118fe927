"""The nouns of the embedded server: agents, blocks, conversations, messages, runs.

Plain frozen data; how they are stored is in `store/`, how they look on the wire in `wire.py`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

DEFAULT_BLOCK_LIMIT = 100_000

Json: TypeAlias = dict[str, Any]
"""An object of the wire: Any, because clients put anything in it."""

Content: TypeAlias = str | list[Json]
"""What somebody said: a text, or Letta's content parts (text, image …)."""


@dataclass(frozen=True, slots=True)
class Block:
    """A labelled piece of core memory that its agents see in every turn."""

    id: str
    label: str
    value: str
    limit: int = DEFAULT_BLOCK_LIMIT
    """In characters; enforced, for REST and for the memory tools alike."""
    description: str | None = None
    read_only: bool = False
    metadata: Json = field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """One mind: its instructions, its model and how to find it again."""

    id: str
    name: str
    agent_type: str
    system: str
    model: str
    """A handle, `provider/name`."""
    created_at: str
    updated_at: str
    tags: tuple[str, ...] = ()
    settings: Json = field(default_factory=dict[str, Any])
    """What the client gave and we only keep: metadata, description, model settings …"""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One thread of an agent. An agent's default thread has the agent's id."""

    id: str
    agent_id: str
    created_at: str
    updated_at: str
    summary: str | None = None
    archived: bool = False
    last_message_at: str | None = None
    settings: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to use a tool."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it: possibly not valid."""
    by_client: bool = False
    """Whether the client carries it out, and the turn stops for it."""


@dataclass(frozen=True, slots=True)
class ToolReturn:
    """The answer to one tool call."""

    tool_call_id: str
    name: str
    status: Literal["success", "error"]
    text: str
    stdout: tuple[str, ...] = ()
    stderr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserSaid:
    """A message of the person."""

    content: Content


@dataclass(frozen=True, slots=True)
class SystemSaid:
    """A message of the program around the agent, such as a wakeup."""

    content: Content


@dataclass(frozen=True, slots=True)
class AssistantSaid:
    """One reply of the model: any of reasoning, text and tool calls."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()

    @property
    def client_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the client must carry out."""
        return tuple(call for call in self.calls if call.by_client)


@dataclass(frozen=True, slots=True)
class ToolsReturned:
    """What the tools answered, all calls of one step together."""

    returns: tuple[ToolReturn, ...]


Body: TypeAlias = UserSaid | SystemSaid | AssistantSaid | ToolsReturned


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message of a conversation; on the wire it may be several."""

    id: str
    conversation_id: str
    agent_id: str
    body: Body
    created_at: str
    run_id: str | None = None
    step_id: str | None = None
    otid: str | None = None
    name: str | None = None
    is_error: bool = False
    """Its turn failed before the model answered: kept, but not part of the history."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said before the window of a conversation, in short."""

    text: str
    covers_to: int
    """The position of the last message in it."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of a conversation's window."""

    messages_before: int
    messages_after: int
    """The summary counts as one."""
    summary: str


RunStatus: TypeAlias = Literal["created", "running", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted over the steps of a run."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    steps: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """The sum of both."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.steps + other.steps,
        )


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool that the client offers for one turn and carries out itself."""

    name: str
    description: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """How a turn was asked for; stored with its run so that a restart can go on with it."""

    client_tools: tuple[ClientTool, ...] = ()
    max_steps: int = 50
    stream_tokens: bool = False
    include_pings: bool = True
    message_types: tuple[str, ...] | None = None
    override_model: str | None = None
    override_system: str | None = None
    background: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One turn: what was asked, how far it is, how it ended."""

    id: str
    agent_id: str
    conversation_id: str
    status: RunStatus
    request: TurnRequest
    created_at: str
    stop_reason: str | None = None
    completed_at: str | None = None
    usage: Usage = field(default_factory=Usage)
    error: Json | None = None
    generation: int = 0
    """How often a restart of the server took it up again."""
    first_token_ns: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether it still has to end."""
        return self.status in ("created", "running")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool an agent may be given: ours, or one whose source a client stored."""

    id: str
    name: str
    description: str
    parameters: Json
    tool_type: str
    source_code: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One entry of an agent's archival memory."""

    id: str
    agent_id: str
    text: str
    created_at: str
    tags: tuple[str, ...] = ()
    metadata: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Archive:
    """Where all entries of an agent are, as Letta shows it; there is no record of it here."""

    id: str
    agent: Agent
    name: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Folder:
    """Files that agents may look into."""

    id: str
    name: str
    created_at: str
    description: str | None = None
    instructions: str | None = None
    metadata: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file, as text."""

    id: str
    folder_id: str
    name: str
    mime: str
    size: int
    """In bytes, as uploaded."""
    content: str
    created_at: str
    error: str | None = None
    """Why it could not be read."""
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file that a search finds."""

    first_line: int
    text: str
