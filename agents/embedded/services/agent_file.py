"""Letta's agent file (.af, the multi-entity form of 0.16.8): records to JSON and back. Pure.

A file holds agents with their messages, blocks and tools. As in Letta's own files, archival
memory is not in it; folders are left out too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError

from agents.embedded.errors import Refused
from agents.embedded.models.reading import text_of
from agents.embedded.records import (
    Agent,
    AssistantSaid,
    Block,
    Body,
    Content,
    Json,
    Message,
    SystemSaid,
    Tool,
    ToolCall,
    ToolReturn,
    ToolsReturned,
    UserSaid,
)


class FileMessage(BaseModel):
    """A message in a file; what it has beyond this is ignored."""

    id: str
    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    tool_returns: list[dict[str, Any]] | None = None
    created_at: str | None = None


class FileAgent(BaseModel):
    """An agent in a file."""

    id: str
    name: str = "Agent"
    system: str | None = None
    agent_type: str = "letta_v1_agent"
    tags: list[str] | None = None
    block_ids: list[str] | None = None
    tool_ids: list[str] | None = None
    messages: list[FileMessage] = Field(default_factory=list[FileMessage])
    in_context_message_ids: list[str] | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    timezone: str | None = None


class FileBlock(BaseModel):
    """A block in a file."""

    id: str
    label: str
    value: str = ""
    limit: int = 100_000
    description: str | None = None
    read_only: bool | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None


class FileTool(BaseModel):
    """A tool in a file."""

    id: str
    name: str
    tool_type: str = "custom"
    description: str | None = None
    source_code: str | None = None
    json_schema: dict[str, Any] | None = None
    tags: list[str] | None = None


class AgentFile(BaseModel):
    """A whole file."""

    agents: list[FileAgent] = Field(min_length=1)
    blocks: list[FileBlock] = Field(default_factory=list[FileBlock])
    tools: list[FileTool] = Field(default_factory=list[FileTool])


@dataclass(frozen=True, slots=True)
class Exported:
    """Everything of one agent that goes into a file."""

    agent: Agent
    context_window: int
    blocks: Sequence[Block]
    tools: Sequence[Tool]
    messages: Sequence[Message]


def read_agent_file(data: bytes) -> AgentFile:
    """The file in these bytes; Refused when they are none, or refer to what is not in it."""
    try:
        file = AgentFile.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Refused(f"This is no agent file: {place}: {first['msg']}.") from error
    known = {item.id for item in (*file.blocks, *file.tools)}
    for agent in file.agents:
        missing = {*(agent.block_ids or ()), *(agent.tool_ids or ())} - known
        if missing:
            raise Refused(f"The agent file refers to {sorted(missing)[0]}, which is not in it.")
    return file


def write_agent_file(exported: Exported, moment: str) -> Json:
    """The file of one agent, with ids that mean something only inside it."""
    parts = [part for message in exported.messages for part in _message_parts(message)]
    head: Json = {"role": "system", "content": _content(exported.agent.system)}
    messages = [
        {"type": "message", "id": f"message-{n}", "agent_id": "agent-0", **part}
        for n, part in enumerate([{**head, "created_at": moment}, *parts])
    ]
    return {
        "agents": [_agent_json(exported, messages)],
        "groups": [],
        "blocks": [_block_json(n, block) for n, block in enumerate(exported.blocks)],
        "files": [],
        "sources": [],
        "tools": [_tool_json(n, tool) for n, tool in enumerate(exported.tools)],
        "mcp_servers": [],
        "skills": [],
        "metadata": {"revision_id": "unknown"},
        "created_at": moment,
    }


def history_in(agent: FileAgent) -> list[Body]:
    """What was said, without the compiled prompt and without calls that nobody answered."""
    rest = agent.messages[1:] if _begins_with_prompt(agent) else agent.messages
    answered = {item.tool_call_id for message in rest for item in _returns(message)}
    bodies = [_body(message, answered) for message in rest]
    return [body for body in bodies if body is not None]


def _begins_with_prompt(agent: FileAgent) -> bool:
    return bool(agent.messages) and agent.messages[0].role == "system"


def _body(message: FileMessage, answered: set[str]) -> Body | None:
    content = _said(message.content or "")
    match message.role:
        case "user":
            return UserSaid(content)
        case "system":
            return SystemSaid(content)
        case "assistant" | "approval":
            calls = tuple(_call(call) for call in message.tool_calls or ())
            kept = tuple(call for call in calls if call.id in answered)
            text = text_of(content)
            return AssistantSaid(text, calls=kept) if text or kept else None
        case "tool":
            returns = _returns(message)
            return ToolsReturned(returns) if returns else None
        case _:
            return None


def _said(content: Content) -> Content:
    """Parts that are all text become one text."""
    if isinstance(content, str) or any(part.get("type") != "text" for part in content):
        return content
    return text_of(content)


def _call(call: Json) -> ToolCall:
    function: Json = call.get("function") or {}
    return ToolCall(str(call.get("id")), str(function.get("name")), str(function.get("arguments")))


def _returns(message: FileMessage) -> tuple[ToolReturn, ...]:
    if message.role != "tool":
        return ()
    given = message.tool_returns or [
        {"tool_call_id": message.tool_call_id, "func_response": text_of(message.content or "")}
    ]
    return tuple(
        ToolReturn(
            str(item.get("tool_call_id") or message.tool_call_id),
            message.name or "tool",
            "error" if item.get("status") == "error" else "success",
            _unpacked(str(item.get("func_response") or "")),
        )
        for item in given
    )


def _unpacked(text: str) -> str:
    """Letta packs an answer as JSON with a status and the time."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    packed: Json = value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - any JSON
    return str(packed["message"]) if {"status", "message"} <= set(packed) else text


def _content(text: str) -> list[Json]:
    return [{"type": "text", "text": text}] if text else []


def _message_parts(message: Message) -> list[Json]:
    """A stored message as the file's messages: tools' answers are one each."""
    body, base = message.body, {"created_at": message.created_at, "otid": message.otid}
    match body:
        case UserSaid(content) | SystemSaid(content):
            role = "user" if isinstance(body, UserSaid) else "system"
            parts = _content(content) if isinstance(content, str) else content
            return [{**base, "role": role, "content": parts}]
        case AssistantSaid():
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments or "{}"},
                }
                for call in body.calls
            ]
            spoken: Json = {**base, "role": "assistant", "content": _content(body.text)}
            return [{**spoken, "tool_calls": calls or None}]
        case ToolsReturned(returns):
            return [{**base, **_return_json(item, message.created_at)} for item in returns]


def _return_json(item: ToolReturn, moment: str) -> Json:
    status = "OK" if item.status == "success" else "Failed"
    packed = json.dumps({"status": status, "message": item.text, "time": moment})
    returned = {
        "tool_call_id": item.tool_call_id,
        "status": item.status,
        "stdout": list(item.stdout),
        "stderr": list(item.stderr),
        "func_response": packed,
    }
    return {
        "role": "tool",
        "name": item.name,
        "content": _content(packed),
        "tool_call_id": item.tool_call_id,
        "tool_returns": [returned],
    }


_FIXED: Final[Json] = {
    "memory_blocks": [],
    "tools": [],
    "source_ids": [],
    "tool_rules": [],
    "include_base_tools": False,
    "include_multi_agent_tools": False,
    "include_base_tool_rules": False,
    "include_default_source": False,
    "files_agents": [],
    "group_ids": [],
}


def _agent_json(exported: Exported, messages: list[Json]) -> Json:
    agent = exported.agent
    model = agent.model.partition("/")[2] or agent.model
    return {
        **_FIXED,
        "id": "agent-0",
        "name": agent.name,
        "system": agent.system,
        "agent_type": agent.agent_type,
        "tags": list(agent.tags),
        "description": agent.settings.get("description"),
        "metadata": agent.settings.get("metadata"),
        "timezone": agent.settings.get("timezone") or "UTC",
        "block_ids": [f"block-{n}" for n in range(len(exported.blocks))],
        "tool_ids": [f"tool-{n}" for n in range(len(exported.tools))],
        "messages": messages,
        "in_context_message_ids": [message["id"] for message in messages],
        "llm_config": {
            "model": model,
            "handle": agent.model,
            "model_endpoint_type": "openai",
            "context_window": exported.context_window,
        },
    }


def _block_json(number: int, block: Block) -> Json:
    return {
        "id": f"block-{number}",
        "label": block.label,
        "value": block.value,
        "limit": block.limit,
        "description": block.description,
        "read_only": block.read_only,
        "metadata": block.metadata,
        "tags": list(block.tags),
    }


def _tool_json(number: int, tool: Tool) -> Json:
    schema = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {
        "id": f"tool-{number}",
        "name": tool.name,
        "tool_type": tool.tool_type,
        "description": tool.description,
        "source_type": "python",
        "source_code": tool.source_code,
        "json_schema": schema,
        "tags": list(tool.tags),
    }
