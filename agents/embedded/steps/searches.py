"""The tools that search, where an embedding model makes that more than a matter of words.

They only read, and ask an endpoint: so they run before the step's transaction, not inside it.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from agents.embedded.errors import EmbeddingWrong
from agents.embedded.records import Passage, ToolCall, ToolReturn
from agents.embedded.services.tool_arguments import is_object
from agents.embedded.steps.core_tools import archival_answer, archival_limit
from agents.embedded.steps.file_tools import SEARCH_FILES, files_answer, files_limit
from agents.embedded.steps.recall import Found, Recall

_ARCHIVAL: Final = "archival_memory_search"


async def search(recall: Recall, agent_id: str, calls: Sequence[ToolCall]) -> dict[str, ToolReturn]:
    """The answers to those of the calls that search and make sense, by call id."""
    returned: dict[str, ToolReturn] = {}
    for call in calls:
        arguments = None if call.by_client else _arguments(call)
        if arguments is not None:
            returned[call.id] = await _answer(recall, agent_id, call, arguments)
    return returned


def _arguments(call: ToolCall) -> dict[str, Any] | None:
    """What is searched for; None leaves the call, and what is wrong with it, to the tool."""
    if call.name not in (_ARCHIVAL, SEARCH_FILES):
        return None
    try:
        arguments: object = json.loads(call.arguments or "{}")
    except ValueError:
        return None
    if not is_object(arguments) or not isinstance(arguments.get("query"), str):
        return None
    return arguments


async def _answer(
    recall: Recall, agent_id: str, call: ToolCall, arguments: dict[str, Any]
) -> ToolReturn:
    query: str = arguments["query"]
    try:
        if call.name == _ARCHIVAL:
            found = await recall.passages(agent_id, query, archival_limit(arguments))
            text = archival_answer(found.items)
        else:
            files = await recall.chunks(agent_id, query, files_limit(arguments))
            found, text = files, files_answer(files.items)
    except EmbeddingWrong as error:
        return ToolReturn(call.id, call.name, "error", str(error))
    return ToolReturn(call.id, call.name, "success", _noticed(found, text))


def _noticed(found: Found[Passage] | Found[Any], text: str) -> str:
    return text if found.notice is None else f"{text}\n({found.notice})"
