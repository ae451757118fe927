"""How records look on the wire: exactly what letta-client 1.12.1 parses. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from agents.embedded.ids import part_otid
from agents.embedded.records import (
    Agent,
    Archive,
    AssistantSaid,
    Block,
    Compacted,
    Conversation,
    File,
    Folder,
    Json,
    Message,
    Passage,
    Run,
    SystemSaid,
    Tool,
    ToolCall,
    ToolReturn,
    ToolsReturned,
    Usage,
    UserSaid,
)
from agents.embedded.sandbox.sandbox import Outcome
from agents.embedded.sending import SEND_MESSAGE, sent_text


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent with as much of what belongs to it as was asked for."""

    agent: Agent
    context_window: int
    blocks: Sequence[Block] = ()
    tools: Sequence[Tool] = ()
    with_tags: bool = False
    pending: Message | None = None


_UNSET: Json = {
    "metadata": {},
    "description": None,
    "timezone": "UTC",
    "hidden": None,
    "embedding": None,
    "model_settings": None,
}
"""What an agent says where its settings do not."""


def agent_json(view: AgentView) -> Json:
    """Letta's AgentState."""
    agent, blocks = view.agent, [block_json(block) for block in view.blocks]
    return {
        **_UNSET,
        **agent.settings,
        "id": agent.id,
        "name": agent.name,
        "agent_type": agent.agent_type,
        "system": agent.system,
        "model": agent.model,
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
        "tags": list(agent.tags) if view.with_tags else [],
        "blocks": blocks,
        "memory": {"blocks": blocks, "agent_type": agent.agent_type, "file_blocks": []},
        "tools": [tool_json(tool) for tool in view.tools],
        "sources": [],
        "identities": [],
        "tool_rules": [],
        "secrets": [],
        "llm_config": _llm_json(view),
        "pending_approval": view.pending and approval_request_json(view.pending),
    }


def _llm_json(view: AgentView) -> Json:
    handle = view.agent.model
    provider, _, model = handle.partition("/")
    window = view.agent.settings.get("context_window_limit") or view.context_window
    return {
        "model": model or provider,
        "handle": handle,
        "model_endpoint_type": "openai",
        "context_window": window,
    }


def block_json(block: Block) -> Json:
    """Letta's BlockResponse."""
    return {
        "id": block.id,
        "label": block.label,
        "value": block.value,
        "limit": block.limit,
        "description": block.description,
        "read_only": block.read_only,
        "metadata": block.metadata,
        "tags": list(block.tags),
        "is_template": False,
    }


def conversation_json(conversation: Conversation) -> Json:
    """Letta's Conversation."""
    return {
        "description": None,
        "model": None,
        "model_settings": None,
        **conversation.settings,
        "id": conversation.id,
        "agent_id": conversation.agent_id,
        "summary": conversation.summary,
        "archived": conversation.archived,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "last_message_at": conversation.last_message_at,
        "in_context_message_ids": None,
    }


def run_json(run: Run) -> Json:
    """Letta's Run."""
    return {
        "id": run.id,
        "agent_id": run.agent_id,
        "conversation_id": None if run.conversation_id == run.agent_id else run.conversation_id,
        "status": run.status,
        "stop_reason": run.stop_reason,
        "background": run.request.background,
        "created_at": run.created_at,
        "completed_at": run.completed_at,
        "metadata": {"error": run.error} if run.error else {},
        "request_config": {
            "use_assistant_message": True,
            "include_return_message_types": run.request.message_types,
        },
        "ttft_ns": run.first_token_ns,
    }


def run_usage_json(usage: Usage) -> Json:
    """Letta's usage of one run."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def usage_json(usage: Usage, run_id: str) -> Json:
    """The `usage_statistics` event of a stream."""
    return {
        "message_type": "usage_statistics",
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "cached_input_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "context_tokens": usage.prompt_tokens,
        "step_count": usage.steps,
        "run_ids": [run_id],
    }


def outcome_json(outcome: Outcome) -> Json:
    """Letta's answer to a call of a tool."""
    return {
        "status": outcome.status,
        "func_return": outcome.text,
        "stdout": outcome.stdout.splitlines(),
        "stderr": outcome.stderr.splitlines(),
    }


_BY_WORDS: Json = {
    "embedding_model": "none",
    "embedding_endpoint_type": "openai",
    "embedding_dim": 0,
    "embedding_chunk_size": 0,
}
"""Letta's folders must name an embedding; here files are found by their words."""


def folder_json(folder: Folder) -> Json:
    """Letta's Folder."""
    return {
        "id": folder.id,
        "name": folder.name,
        "description": folder.description,
        "instructions": folder.instructions,
        "metadata": folder.metadata,
        "created_at": folder.created_at,
        "embedding_config": _BY_WORDS,
    }


def file_json(file: File, *, with_content: bool = False) -> Json:
    """Letta's FileMetadata; a file is read by the time it can be asked for."""
    return {
        "id": file.id,
        "source_id": file.folder_id,
        "file_name": file.name,
        "original_file_name": file.name,
        "file_type": file.mime,
        "file_size": file.size,
        "processing_status": "error" if file.error else "completed",
        "error_message": file.error,
        "total_chunks": file.chunks,
        "chunks_embedded": file.chunks,
        "created_at": file.created_at,
        "content": file.content if with_content else None,
    }


def agent_file_json(folder: Folder, file: File) -> Json:
    """A file as one agent sees it; files are shown in answers of tools, never kept open."""
    return {
        "id": file.id,
        "file_id": file.id,
        "file_name": f"{folder.name}/{file.name}",
        "folder_id": folder.id,
        "folder_name": folder.name,
        "is_open": False,
    }


def compacted_json(compacted: Compacted) -> Json:
    """Letta's answer to a request for compaction."""
    return {
        "summary": compacted.summary,
        "num_messages_before": compacted.messages_before,
        "num_messages_after": compacted.messages_after,
    }


def tool_json(tool: Tool) -> Json:
    """Letta's Tool."""
    return {
        "id": tool.id,
        "name": tool.name,
        "description": tool.description,
        "tool_type": tool.tool_type,
        "json_schema": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
        "source_type": "python",
        "source_code": tool.source_code,
        "tags": list(tool.tags),
        "metadata_": {},
        "default_requires_approval": False,
    }


def passage_json(passage: Passage) -> Json:
    """Letta's Passage; nothing is embedded, entries are found by their words."""
    return {
        "id": passage.id,
        "text": passage.text,
        "tags": list(passage.tags),
        "metadata": passage.metadata,
        "created_at": passage.created_at,
        "embedding": None,
        "embedding_config": None,
    }


def archive_json(archive: Archive) -> Json:
    """Letta's Archive."""
    return {
        "id": archive.id,
        "name": archive.name,
        "description": None,
        "created_at": archive.created_at,
        "metadata": {},
        "vector_db_provider": "native",
    }


def found_passages_json(passages: Iterable[Passage]) -> Json:
    """Letta's answer to a search of archival memory."""
    results = [
        {
            "id": passage.id,
            "content": passage.text,
            "timestamp": passage.created_at,
            "tags": list(passage.tags),
        }
        for passage in passages
    ]
    return {"count": len(results), "results": results}


def message_json(message: Message) -> list[Json]:
    """One stored message as Letta's messages: reasoning, text and calls are one each."""
    match message.body:
        case UserSaid(content):
            return [{**_base(message, "user_message"), "content": content}]
        case SystemSaid(content):
            return [{**_base(message, "system_message"), "content": content}]
        case AssistantSaid():
            return _assistant_json(message, message.body)
        case ToolsReturned(returns):
            return [returned_json(_base(message, "tool_return_message"), returns)]
        case _:
            assert_never(message.body)


def messages_json(messages: Iterable[Message], types: Sequence[str] | None = None) -> list[Json]:
    """Stored messages as Letta's, of the asked types only."""
    every = [part for message in messages for part in message_json(message)]
    return [part for part in every if types is None or part["message_type"] in types]


def returned_json(base: Json, returns: Sequence[ToolReturn]) -> Json:
    """A `tool_return_message`: the first answer in the old fields, all of them in the list."""
    every = [_return_json(item) for item in returns]
    first = {key: every[0][key] for key in ("status", "tool_call_id", "tool_return")}
    outputs = {key: every[0][key] for key in ("stdout", "stderr")}
    return {**base, "name": returns[0].name, **first, **outputs, "tool_returns": every}


def call_json(call: ToolCall) -> Json:
    """One tool call."""
    return {"name": call.name, "arguments": call.arguments, "tool_call_id": call.id}


def approval_request_json(message: Message) -> Json | None:
    """The approval request in a message, if it holds one."""
    parts = message_json(message)
    return next((part for part in parts if part["message_type"] == _APPROVAL), None)


_APPROVAL = "approval_request_message"


def _assistant_json(message: Message, body: AssistantSaid) -> list[Json]:
    parts: list[Json] = []
    if body.reasoning:
        base = _base(message, "reasoning_message", len(parts))
        parts.append({**base, "reasoning": body.reasoning, "source": "reasoner_model"})
    if body.text:
        base = _base(message, "assistant_message", len(parts))
        parts.append({**base, "content": body.text})
    sent = sent_text(body)
    if sent:
        base = _base(message, "assistant_message", len(parts))
        parts.append({**base, "content": sent})
    ours = [call for call in body.calls if not call.by_client and call.name != SEND_MESSAGE]
    for kind, calls in (("tool_call_message", ours), (_APPROVAL, body.client_calls)):
        if calls:
            parts.append({**_base(message, kind, len(parts)), **calls_json(calls)})
    return parts


def calls_json(calls: Sequence[ToolCall]) -> Json:
    """Tool calls: the first in the old field, all of them in the list."""
    every = [call_json(call) for call in calls]
    return {"tool_call": every[0], "tool_calls": every}


def _return_json(item: ToolReturn) -> dict[str, Any]:
    return {
        "type": "tool",
        "tool_call_id": item.tool_call_id,
        "status": item.status,
        "tool_return": item.text,
        "stdout": list(item.stdout),
        "stderr": list(item.stderr),
    }


def _base(message: Message, kind: str, index: int = 0) -> Json:
    return {
        "message_type": kind,
        "id": message.id,
        "date": message.created_at,
        "otid": message.otid or part_otid(message.id, index),
        "name": message.name,
        "run_id": message.run_id,
        "step_id": message.step_id,
        "is_err": True if message.is_error else None,
    }
