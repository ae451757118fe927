"""The tools by which agents look into folders: open, grep, search by words."""

import sqlite3
from fnmatch import fnmatch
from typing import Any, Final

from agents.embedded.memory.edits import EditRefused
from agents.embedded.records import File
from agents.embedded.store import folders

OPEN_FILES: Final = "open_files"
GREP_FILES: Final = "grep_files"
SEARCH_FILES: Final = "semantic_search_files"
FILE_TOOLS: Final = (OPEN_FILES, GREP_FILES, SEARCH_FILES)

_SHOWN_LINES: Final = 400
_SHOWN_MATCHES: Final = 20
_LINE_CHARACTERS: Final = 500


def open_files(db: sqlite3.Connection, agent_id: str, arguments: dict[str, Any]) -> str:
    """The lines of each asked file, numbered. Any: checked here, as models write anything."""
    requests: object = arguments["file_requests"]
    if not isinstance(requests, list) or not requests:
        raise EditRefused('"file_requests" must be a list of objects with "file_name".')
    files = _files(db, agent_id)
    return "\n\n".join(_opened(files, request) for request in requests[:5])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any JSON


def grep_files(db: sqlite3.Connection, agent_id: str, arguments: dict[str, Any]) -> str:
    """The lines that contain the text, or one of several parted by `|`, in any case.

    Not a regular expression: a bad one could keep the whole server busy.
    """
    wanted = [part.strip().lower() for part in arguments["pattern"].split("|") if part.strip()]
    include = arguments.get("include") or "*"
    around = min(max(_whole(arguments.get("context_lines"), 1), 0), 5)
    found: list[str] = []
    for name, file in _files(db, agent_id).items():
        if fnmatch(name, include):
            found += _matches(name, file.content.splitlines(), wanted, around)
    if not found:
        return "Nothing was found."
    rest = len(found) - _SHOWN_MATCHES
    more = f"\n\n… and {rest} more; narrow the search." if rest > 0 else ""
    return "\n\n".join(found[:_SHOWN_MATCHES]) + more


def search_files(db: sqlite3.Connection, agent_id: str, arguments: dict[str, Any]) -> str:
    """The pieces of files that share words with the query, best first."""
    return files_answer(folders.search(db, agent_id, arguments["query"], files_limit(arguments)))


def files_limit(arguments: dict[str, Any]) -> int:
    """How many pieces to show. Any: what the model wrote."""
    return min(max(_whole(arguments.get("limit"), 5), 1), 20)


def files_answer(found: list[folders.FoundChunk]) -> str:
    """The pieces, as the agent reads them."""
    if not found:
        return "Nothing was found."
    return "\n\n".join(
        f"{item.file_name} (from line {item.chunk.first_line}):\n{item.chunk.text}"
        for item in found
    )


def _files(db: sqlite3.Connection, agent_id: str) -> dict[str, File]:
    """By the names agents use, `folder/file`."""
    return {
        f"{folder.name}/{file.name}": file for folder, file in folders.files_of_agent(db, agent_id)
    }


def _opened(files: dict[str, File], request: Any) -> str:
    """Any: one item of what the model sent."""
    name = request.get("file_name") if isinstance(request, dict) else request  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - any JSON
    full = next((known for known in files if name in (known, known.split("/", 1)[1])), None)
    if full is None:
        raise EditRefused(f'There is no file "{name}". There are: {", ".join(files) or "none"}.')
    lines = files[full].content.splitlines()
    options: dict[str, Any] = request if isinstance(request, dict) else {}  # pyright: ignore[reportUnknownVariableType] - any JSON
    start = max(_whole(options.get("offset"), 0), 0)
    length = min(max(_whole(options.get("length"), _SHOWN_LINES), 1), _SHOWN_LINES)
    shown = _numbered(lines, start, start + length)
    end = min(start + length, len(lines))
    return f"{full} (lines {start + 1} to {end} of {len(lines)}):\n{shown}"


def _matches(name: str, lines: list[str], wanted: list[str], around: int) -> list[str]:
    return [
        f"{name}:{number + 1}\n{_numbered(lines, max(number - around, 0), number + around + 1)}"
        for number, line in enumerate(lines)
        if any(text in line.lower() for text in wanted)
    ]


def _numbered(lines: list[str], start: int, end: int) -> str:
    shown = enumerate(lines[start:end], start=start + 1)
    return "\n".join(f"{number}: {line[:_LINE_CHARACTERS]}" for number, line in shown)


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
