"""The tools every agent may have: memory, search, archival memory, send_message.

They run inside the transaction that stores the step which called them, so a tool's effect and
its recorded answer are kept together or not at all.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agents.embedded.ids import new_id
from agents.embedded.memory.edits import EditRefused, inserted, replaced
from agents.embedded.models.reading import text_of
from agents.embedded.records import (
    AssistantSaid,
    Block,
    Json,
    Message,
    Passage,
    Tool,
    ToolCall,
    ToolReturn,
    UserSaid,
)
from agents.embedded.sending import SEND_MESSAGE
from agents.embedded.steps import file_tools
from agents.embedded.store import blocks, messages, passages

_FOUND_LIMIT: Final = 10


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Whose tool runs, when, in which transaction."""

    db: sqlite3.Connection
    agent_id: str
    moment: str
    run_id: str


Function = Callable[[ToolContext, dict[str, Any]], str]
"""Arguments are Any: checked for presence and text here, the rest by each function."""


@dataclass(frozen=True, slots=True)
class CoreTool:
    """A tool of the server's own."""

    name: str
    description: str
    parameters: dict[str, str]
    """Name to description; every one a text unless listed in `schema_of`."""
    required: tuple[str, ...]
    run: Function
    kind: str = "letta_core"
    schema: Json | None = None
    """Where texts and whole numbers are not enough."""


def execute(context: ToolContext, call: ToolCall) -> ToolReturn:
    """Run one call; whatever is wrong becomes an answer that the model can read."""
    try:
        tool = _core_tool(call.name)
        text = tool.run(context, _arguments(tool, call))
    except EditRefused as refusal:
        return ToolReturn(call.id, call.name, "error", str(refusal))
    return ToolReturn(call.id, call.name, "success", text)


def _core_tool(name: str) -> CoreTool:
    tool = CORE_TOOLS.get(name)
    if tool is None:
        raise EditRefused(
            f'This server cannot run "{name}". Only its core tools run here; others are offered '
            "by the client for each turn."
        )
    return tool


def records() -> list[Tool]:
    """The core tools as records, with fresh ids for those not stored yet."""
    return [
        Tool(new_id("tool"), tool.name, tool.description, schema_of(tool), tool.kind)
        for tool in CORE_TOOLS.values()
    ]


def schema_of(tool: CoreTool) -> Json:
    """The JSON schema of a core tool's arguments."""
    if tool.schema is not None:
        return tool.schema
    properties: Json = {}
    for name, description in tool.parameters.items():
        kind = "integer" if name in _INTEGERS else "array" if name == "tags" else "string"
        properties[name] = {"type": kind, "description": description}
        if kind == "array":
            properties[name]["items"] = {"type": "string"}
    return {"type": "object", "properties": properties, "required": list(tool.required)}


_INTEGERS: Final = ("insert_line", "limit", "top_k", "context_lines")


def _arguments(tool: CoreTool, call: ToolCall) -> dict[str, Any]:
    try:
        arguments: object = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise EditRefused(f"The arguments are not valid JSON: {error}.") from error
    if not isinstance(arguments, dict):
        raise EditRefused("The arguments must be a JSON object.")
    given: dict[str, Any] = {str(key): value for key, value in arguments.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any JSON
    for name in tool.required:
        if tool.schema is None and not isinstance(given.get(name), str):
            raise EditRefused(f'The argument "{name}" is missing or is not a text.')
    missing = [name for name in tool.required if name not in given]
    if missing:
        raise EditRefused(f'The argument "{missing[0]}" is missing.')
    for name in _INTEGERS:
        if name in given and not isinstance(given[name], int):
            raise EditRefused(f'The argument "{name}" must be a whole number.')
    return given


def _block(context: ToolContext, label: str) -> Block:
    block = blocks.labelled(context.db, context.agent_id, label)
    if block is None:
        labels = [block.label for block in blocks.of_agent(context.db, context.agent_id)]
        raise EditRefused(f'There is no block "{label}". There are: {", ".join(labels) or "none"}.')
    return block


def _memory_insert(context: ToolContext, arguments: dict[str, Any]) -> str:
    block = _block(context, arguments["label"])
    value = inserted(block, arguments["new_string"], arguments.get("insert_line", -1))
    blocks.set_value(context.db, block.id, value)
    return f'Block "{block.label}" now reads:\n{value}'


def _memory_replace(context: ToolContext, arguments: dict[str, Any]) -> str:
    block = _block(context, arguments["label"])
    value = replaced(block, arguments["old_string"], arguments["new_string"])
    blocks.set_value(context.db, block.id, value)
    return f'Block "{block.label}" now reads:\n{value}'


def _core_memory_append(context: ToolContext, arguments: dict[str, Any]) -> str:
    same = {"label": arguments["label"], "new_string": arguments["content"]}
    return _memory_insert(context, same)


def _core_memory_replace(context: ToolContext, arguments: dict[str, Any]) -> str:
    same = {
        "label": arguments["label"],
        "old_string": arguments["old_content"],
        "new_string": arguments["new_content"],
    }
    return _memory_replace(context, same)


def _conversation_search(context: ToolContext, arguments: dict[str, Any]) -> str:
    limit = min(max(arguments.get("limit", _FOUND_LIMIT), 1), 50)
    found = messages.search(
        context.db, context.agent_id, arguments["query"], limit, except_run=context.run_id
    )
    if not found:
        return "Nothing was found."
    return "\n".join(f"[{message.created_at}] {_said(message)}" for message in found)


def _said(message: Message) -> str:
    match message.body:
        case UserSaid(content):
            return f"user: {text_of(content)}"
        case AssistantSaid(text):
            return f"assistant: {text}"
        case _:
            return ""


def _archival_memory_insert(context: ToolContext, arguments: dict[str, Any]) -> str:
    tags = tuple(str(tag) for tag in arguments.get("tags") or ())
    passage = Passage(
        new_id("passage"), context.agent_id, arguments["content"], context.moment, tags
    )
    passages.insert(context.db, passage)
    return f"Stored as {passage.id}."


def _archival_memory_search(context: ToolContext, arguments: dict[str, Any]) -> str:
    limit = archival_limit(arguments)
    return archival_answer(passages.search(context.db, context.agent_id, arguments["query"], limit))


def archival_limit(arguments: dict[str, Any]) -> int:
    """How many entries to show. Any: what the model wrote."""
    wanted = arguments.get("top_k", _FOUND_LIMIT)
    return min(max(wanted, 1), 50) if isinstance(wanted, int) else _FOUND_LIMIT


def archival_answer(found: list[Passage]) -> str:
    """The entries, as the agent reads them."""
    if not found:
        return "Nothing was found."
    return "\n".join(f"[{passage.created_at}] {passage.text}" for passage in found)


def _send_message(_context: ToolContext, _arguments: dict[str, Any]) -> str:
    return "Sent."


_LABEL: Final = "Label of the memory block to edit."
_FILES: Final = "letta_files_core"
_OPEN_SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {
        "file_requests": {
            "type": "array",
            "description": "The files to show, at most five.",
            "items": {
                "type": "object",
                "properties": {
                    "file_name": {"type": "string", "description": "folder/file"},
                    "offset": {"type": "integer", "description": "Lines to skip."},
                    "length": {"type": "integer", "description": "Lines to show."},
                },
                "required": ["file_name"],
            },
        }
    },
    "required": ["file_requests"],
}
_ALL: Final = [
    CoreTool(
        "memory_insert",
        "Insert text into a memory block, on a line of its own.",
        {
            "label": _LABEL,
            "new_string": "The text to insert.",
            "insert_line": "The line after which to insert: 0 is the beginning, -1 the end.",
        },
        ("label", "new_string"),
        _memory_insert,
        "letta_sleeptime_core",
    ),
    CoreTool(
        "memory_replace",
        "Replace a piece of text in a memory block by another.",
        {
            "label": _LABEL,
            "old_string": "The text to replace; it must be in the block exactly once.",
            "new_string": "The text that takes its place; empty deletes.",
        },
        ("label", "old_string", "new_string"),
        _memory_replace,
        "letta_sleeptime_core",
    ),
    CoreTool(
        "core_memory_append",
        "Add text at the end of a memory block.",
        {"label": _LABEL, "content": "The text to add."},
        ("label", "content"),
        _core_memory_append,
        "letta_memory_core",
    ),
    CoreTool(
        "core_memory_replace",
        "Replace a piece of text in a memory block by another.",
        {
            "label": _LABEL,
            "old_content": "The text to replace; it must be in the block exactly once.",
            "new_content": "The text that takes its place; empty deletes.",
        },
        ("label", "old_content", "new_content"),
        _core_memory_replace,
        "letta_memory_core",
    ),
    CoreTool(
        "conversation_search",
        "Find earlier messages that contain a text, newest first, in all conversations.",
        {"query": "The text to find.", "limit": "How many messages at most (10)."},
        ("query",),
        _conversation_search,
    ),
    CoreTool(
        "archival_memory_insert",
        "Store something in long-term memory, to be found again by its words.",
        {"content": "What to store.", "tags": "Words to file it under."},
        ("content",),
        _archival_memory_insert,
    ),
    CoreTool(
        "archival_memory_search",
        "Search long-term memory by words, best match first.",
        {"query": "Words to look for.", "top_k": "How many entries at most (10)."},
        ("query",),
        _archival_memory_search,
    ),
    CoreTool(
        file_tools.OPEN_FILES,
        "Show the lines of one or more files of your folders.",
        {},
        ("file_requests",),
        lambda context, given: file_tools.open_files(context.db, context.agent_id, given),
        _FILES,
        _OPEN_SCHEMA,
    ),
    CoreTool(
        file_tools.GREP_FILES,
        "Find the lines of your files that contain a text (not a regular expression).",
        {
            "pattern": "The text to find, in any case; several are parted by |.",
            "include": "Only in files whose name matches, such as *.md.",
            "context_lines": "How many lines to show around each (1).",
        },
        ("pattern",),
        lambda context, given: file_tools.grep_files(context.db, context.agent_id, given),
        _FILES,
    ),
    CoreTool(
        file_tools.SEARCH_FILES,
        "Find the parts of your files that share words with a query, best match first.",
        {"query": "Words to look for.", "limit": "How many parts at most (5)."},
        ("query",),
        lambda context, given: file_tools.search_files(context.db, context.agent_id, given),
        _FILES,
    ),
    CoreTool(
        SEND_MESSAGE,
        "Send a message to the person; this is the only thing they see.",
        {"message": "The message, in Markdown."},
        ("message",),
        _send_message,
    ),
]

CORE_TOOLS: Final = {tool.name: tool for tool in _ALL}

_BASE: Final = ("conversation_search", "memory_insert", "memory_replace")
_ARCHIVAL: Final = ("archival_memory_insert", "archival_memory_search")
_BY_TYPE: Final = {
    "memgpt_agent": (
        SEND_MESSAGE,
        "core_memory_append",
        "core_memory_replace",
        "conversation_search",
        *_ARCHIVAL,
    ),
    "memgpt_v2_agent": (SEND_MESSAGE, *_BASE),
    "react_agent": (),
    "workflow_agent": (),
}


def base_tools(agent_type: str) -> tuple[str, ...]:
    """The core tools an agent of this type is created with.

    Archival tools are added to every talking agent, since they need no embedding model here.
    """
    return _BY_TYPE.get(agent_type, (*_BASE, *_ARCHIVAL))
