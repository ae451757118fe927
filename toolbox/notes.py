"""Tools by which the agents of one person know what one of them has learned.

A note is a file of whoever the agents are for: `list_files` shows it, `/forget` deletes it.
"""

from __future__ import annotations

import hashlib

from gateway.domain.artifacts import Artifact
from gateway.domain.people import lane_owner
from gateway.domain.tools import Effect, ToolCall
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import ArtifactStore
from toolbox.registry import Tool, tool_from

LONGEST_NOTE = 4_000
MOST_FOUND = 50
LOOKED_THROUGH = 500
"""A search reads so many notes, the newest first."""
PAGE = 1_000
FOLDER = "notes"


def note_tools(artifacts: ArtifactStore) -> list[Tool]:
    """Return the tools that write and search what all agents of a person know.

    Of an agent that a place shares, the notes are the place's.
    """

    async def note_for_all(turn: Turn, call: ToolCall, text: str) -> str:
        """Write down what all agents of this person should be able to find.

        Args:
            text: One fact or finding, complete in itself.
        """
        if not text.strip() or len(text) > LONGEST_NOTE:
            raise BadInput(f"A note has 1 to {LONGEST_NOTE:,} characters.")
        await artifacts.save(_key(turn, call), f"{turn.role}: {text.strip()}".encode())
        return "Noted. The other agents of this person find it with search_notes."

    async def search_notes(turn: Turn, words: str, limit: int = 10) -> str:
        """Find what you or another agent of this person wrote with note_for_all.

        Args:
            words: All of them must appear in a note.
            limit: At most so many notes, the newest first.
        """
        found = await _search(
            artifacts, _folder(turn), words.casefold().split(), min(max(limit, 1), MOST_FOUND)
        )
        return "\n\n".join(found) or "No note has all of these words."

    return [
        # Its key is made from the call's id, so that a repeat writes the same file.
        tool_from(note_for_all, effect=Effect.IDEMPOTENT),
        tool_from(search_notes),
    ]


def _folder(turn: Turn) -> str:
    return f"{lane_owner(turn.ref.lane, turn.person, turn.conversation)}/{FOLDER}"


def _key(turn: Turn, call: ToolCall) -> str:
    """Return the file of the note this call writes; notes sort by their age."""
    written = turn.messages[0].sent_at
    digest = hashlib.blake2b(f"{turn.ref.id}\n{call.id}".encode(), digest_size=6).hexdigest()
    return f"{_folder(turn)}/{written:%Y-%m-%d-%H%M%S}-{digest}.md"


async def _search(artifacts: ArtifactStore, folder: str, words: list[str], limit: int) -> list[str]:
    found: list[str] = []
    for about in (await _all(artifacts, folder))[: -LOOKED_THROUGH - 1 : -1]:
        contents = await artifacts.load(about.key)
        text = contents.data.decode(errors="replace") if contents else ""
        if text and all(word in text.casefold() for word in words):
            found.append(f"[{about.key.rpartition('/')[2][:10]}, {text}]")
        if len(found) == limit:
            break
    return found


async def _all(artifacts: ArtifactStore, folder: str) -> list[Artifact]:
    """Return all of them, the oldest first."""
    listed = await artifacts.list(folder, limit=PAGE)
    while len(listed) % PAGE == 0 and listed:
        more = await artifacts.list(folder, listed[-1].key, PAGE)
        if not more:
            break
        listed += more
    return listed
