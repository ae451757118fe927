"""Tools by which an agent keeps files and sends them. The store below keeps the limits."""

from __future__ import annotations

from gateway.domain.artifacts import Attachment
from gateway.domain.people import lane_owner
from gateway.domain.tools import Effect
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import ArtifactStore
from toolbox.registry import Gift, Tool, tool_from
from toolbox.shared_state import FOLDER as STATE

MOST_LISTED = 200


def file_tools(artifacts: ArtifactStore) -> list[Tool]:
    """Return the tools that save, read, list and attach files of whoever the agent is for."""

    async def save_file(turn: Turn, name: str, text: str) -> str:
        """Save a text file for later, as a new version where there was one.

        Args:
            name: Such as notes.md or plans/summer.csv.
            text: The whole contents.
        """
        if name.partition("/")[0] == STATE:
            raise BadInput(f"What is under {STATE}/ is changed by set_shared_state.")
        saved = await artifacts.save(_key(turn, name), text.encode())
        return f"Saved {name} ({saved.size_bytes:,} bytes, version {saved.version})."

    async def read_file(turn: Turn, name: str) -> str:
        """Read a text file that was saved before.

        Args:
            name: As list_files shows it.
        """
        found = await artifacts.load(_key(turn, name))
        if found is None:
            raise BadInput(f'There is no file "{name}".')
        try:
            return found.data.decode()
        except UnicodeDecodeError:
            media_type, size = found.artifact.media_type, found.artifact.size_bytes
            return f"{name} is no text: {media_type}, {size:,} bytes."

    async def list_files(turn: Turn) -> str:
        """List the files that were saved before."""
        found = await artifacts.list(_owner(turn), limit=MOST_LISTED)
        names = [each.key.partition("/")[2] for each in found]
        return "\n".join(names) or "There are no files."

    async def attach_file(turn: Turn, name: str) -> Gift:
        """Send a saved file together with your answer.

        Args:
            name: As list_files shows it.
        """
        key = _key(turn, name)
        found = await artifacts.load(key)
        if found is None:
            raise BadInput(f'There is no file "{name}".')
        about = found.artifact
        short = name.rpartition("/")[2]
        file = Attachment(short, about.media_type, about.size_bytes, key)
        return Gift(f"{name} goes with your answer.", files=(file,))

    return [
        tool_from(save_file, effect=Effect.IDEMPOTENT),
        tool_from(read_file),
        tool_from(list_files),
        tool_from(attach_file),
    ]


def _key(turn: Turn, name: str) -> str:
    return f"{_owner(turn)}/{name}"


def _owner(turn: Turn) -> str:
    """Return whose files they are: the person's, or the place's of an agent shared there."""
    return lane_owner(turn.ref.lane, turn.person, turn.conversation)
