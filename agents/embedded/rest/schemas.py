"""Request bodies, checked once at the edge. Unknown fields are ignored, as Letta does."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agents.embedded.records import DEFAULT_BLOCK_LIMIT

AnyObject = dict[str, Any]
"""Part of a body that we only keep or pass on."""


class BlockBody(BaseModel):
    """A block to be made."""

    label: str = Field(min_length=1)
    value: str = ""
    limit: int = Field(default=DEFAULT_BLOCK_LIMIT, ge=0)
    description: str | None = None
    read_only: bool = False
    metadata: AnyObject | None = None
    tags: list[str] | None = None


class BlockPatch(BaseModel):
    """A change of a block."""

    label: str | None = None
    value: str | None = None
    limit: int | None = Field(default=None, ge=0)
    description: str | None = None
    read_only: bool | None = None
    metadata: AnyObject | None = None
    tags: list[str] | None = None


class AgentFields(BaseModel):
    """What making and changing an agent have in common."""

    name: str | None = None
    system: str | None = None
    model: str | None = None
    tags: list[str] | None = None
    metadata: AnyObject | None = None
    description: str | None = None
    timezone: str | None = None
    hidden: bool | None = None
    embedding: str | None = None
    model_settings: AnyObject | None = None
    context_window_limit: int | None = Field(default=None, ge=1)
    block_ids: list[str] | None = None
    tool_ids: list[str] | None = None


class AgentBody(AgentFields):
    """An agent to be made."""

    agent_type: str = "letta_v1_agent"
    memory_blocks: list[BlockBody] | None = None
    tools: list[str] | None = None
    include_base_tools: bool | None = True


class ConversationBody(BaseModel):
    """A conversation to be made or changed."""

    summary: str | None = None
    description: str | None = None
    archived: bool | None = None
    model: str | None = None
    model_settings: AnyObject | None = None
    context_window_limit: int | None = None


class ClientToolBody(BaseModel):
    """A tool the client carries out."""

    name: str = Field(min_length=1)
    description: str | None = None
    parameters: AnyObject | None = None


class SaidBody(BaseModel):
    """Something said in this turn."""

    type: Literal["message"] | None = None
    role: Literal["user", "system", "assistant"]
    content: str | list[AnyObject]
    name: str | None = None
    otid: str | None = None


class ReturnItem(BaseModel):
    """The answer to one tool call: a result, or a yes or no."""

    type: Literal["tool", "approval"] | None = None
    tool_call_id: str
    tool_return: str | list[AnyObject] | None = None
    status: Literal["success", "error"] | None = None
    stdout: list[str] | None = None
    stderr: list[str] | None = None
    approve: bool | None = None
    reason: str | None = None


class ToolReturnBody(BaseModel):
    """The results of tool calls."""

    type: Literal["tool_return"]
    tool_returns: list[ReturnItem] = Field(min_length=1)
    otid: str | None = None


class ApprovalBody(BaseModel):
    """The older form of results, and the refusal of calls."""

    type: Literal["approval"]
    approvals: list[ReturnItem] | None = None
    approve: bool | None = None
    reason: str | None = None
    otid: str | None = None


MessageBody = Annotated[ToolReturnBody | ApprovalBody | SaidBody, Field(union_mode="left_to_right")]


class TurnBody(BaseModel):
    """A turn to be begun."""

    messages: list[MessageBody] | None = None
    input: str | list[AnyObject] | None = None
    agent_id: str | None = None
    client_tools: list[ClientToolBody] | None = None
    max_steps: int = Field(default=50, ge=1)
    streaming: bool | None = None
    stream_tokens: bool = False
    background: bool = False
    include_pings: bool = True
    include_return_message_types: list[str] | None = None
    override_model: str | None = None
    override_system: str | None = None


class StreamBody(BaseModel):
    """Which stream to follow, from where."""

    starting_after: int = 0
    include_pings: bool | None = True
    run_id: str | None = None
    otid: str | None = None
    agent_id: str | None = None


class CancelBody(BaseModel):
    """Which runs to cancel; all of the agent's without."""

    run_ids: list[str] | None = None


class PassageBody(BaseModel):
    """An entry of archival memory."""

    text: str = Field(min_length=1)
    tags: list[str] | None = None
    created_at: str | None = None


class FolderBody(BaseModel):
    """A folder to be made; what it says about embeddings is ignored."""

    name: str = Field(min_length=1)
    description: str | None = None
    instructions: str | None = None
    metadata: AnyObject | None = None


class FolderPatch(BaseModel):
    """A change of a folder."""

    name: str | None = Field(default=None, min_length=1)
    description: str | None = None
    instructions: str | None = None
    metadata: AnyObject | None = None


class ToolRunBody(BaseModel):
    """A call of a tool outside of any turn."""

    args: AnyObject = Field(default_factory=dict)


class ToolPatch(BaseModel):
    """A change of a Python tool."""

    source_code: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    json_schema: AnyObject | None = None


class ToolBody(BaseModel):
    """A Python tool to be stored."""

    source_code: str
    description: str | None = None
    tags: list[str] | None = None
    json_schema: AnyObject | None = None
