"""An agent's own files, from outside of its turns. The store below keeps the limits."""

from __future__ import annotations

from gateway.domain.tools import Caller, Effect
from gateway.errors import BadInput
from gateway.ports import ArtifactStore
from toolbox.registry import Tool, tool_from

MOST_LISTED = 500
LONGEST_FILE = 200_000
"""Characters of a file that is written or read in one call."""


def filesystem_tools(artifacts: ArtifactStore) -> list[Tool]:
    """Return the tools; every path is below the agent's own folder, and cannot lead out of it."""

    async def read_file(caller: Caller, path: str) -> str:
        """Read one of your text files.

        Args:
            path: As list_files shows it, such as notes/today.md.
        """
        found = await artifacts.load(f"{caller.agent}/{path}")
        if found is None:
            raise BadInput(f'There is no file "{path}".')
        try:
            return found.data.decode()
        except UnicodeDecodeError:
            kind, size = found.artifact.media_type, found.artifact.size_bytes
            raise BadInput(f"{path} is no text: {kind}, {size:,} bytes.") from None

    async def write_file(caller: Caller, path: str, content: str) -> str:
        """Write one of your text files, as a new version where there was one.

        Args:
            path: Such as notes/today.md.
            content: The whole contents.
        """
        if len(content) > LONGEST_FILE:
            raise BadInput(f"A file that is written here has up to {LONGEST_FILE:,} characters.")
        saved = await artifacts.save(f"{caller.agent}/{path}", content.encode())
        return f"Wrote {path} ({saved.size_bytes:,} bytes, version {saved.version})."

    async def list_files(caller: Caller, folder: str = "") -> str:
        """List your files with their sizes.

        Args:
            folder: Only what is in it; left out, all files.
        """
        place = f"{caller.agent}/{folder}" if folder else caller.agent
        found = await artifacts.list(place, limit=MOST_LISTED)
        lines = [f"{each.key.partition('/')[2]} ({each.size_bytes:,} bytes)" for each in found]
        return "\n".join(lines) or "There are no files."

    async def delete_file(caller: Caller, path: str) -> str:
        """Delete one of your files with all its versions.

        Args:
            path: As list_files shows it.
        """
        if not await artifacts.delete(f"{caller.agent}/{path}"):
            raise BadInput(f'There is no file "{path}".')
        return f"Deleted {path}."

    tools = [
        tool_from(read_file),
        tool_from(write_file, effect=Effect.IDEMPOTENT),
        tool_from(list_files),
        tool_from(delete_file, effect=Effect.IDEMPOTENT),
    ]
    return [tool.with_longest_result(LONGEST_FILE) for tool in tools]
