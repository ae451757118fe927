"""What one agent keeps: its documents, and the log of what it did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from gateway.domain.artifacts import Artifact
from gateway.domain.ids import AgentId
from gateway.errors import BadInput, StoreUnavailable
from gateway.ports import ArtifactStore, Clock
from storage.artifacts.folders import Folder, opened
from storage.artifacts.keys import parse_folder

LONGEST_ENTRY = 65_536
"""Bytes of one line of the log."""
_PAGE = 500


class ActivityLog:
    """One file of JSON lines for each agent: `<folder>/<agent>.jsonl`.

    A line is on the disk when `append` returns. What a crash cut off is passed
    over by readers and never joins the next line.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    async def append(self, agent: AgentId, entry: Mapping[str, object]) -> None:
        """Add a line; `at` is put in by us. Raises BadInput for what is no JSON or too long."""
        try:
            moment = self._clock.now().isoformat()
            line = json.dumps({**entry, "at": moment}, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise BadInput(f"This can not be logged, it is no JSON: {error}.") from error
        if len(line) > LONGEST_ENTRY:
            raise BadInput(f"A line of the log has {LONGEST_ENTRY:,} bytes at most.")
        await self._call(agent, line)

    async def read(self, agent: AgentId, limit: int = 100) -> list[dict[str, object]]:
        """Return the newest lines, oldest first."""
        lines = (await self._call(agent, None)).splitlines()
        entries = [parsed for line in lines if (parsed := _parsed(line)) is not None]
        return entries[-limit:]

    async def _call(self, agent: AgentId, line: bytes | None) -> bytes:
        name = f"{_one_part(agent)}.jsonl"
        try:
            return await asyncio.to_thread(_use, self._folder, name, line)
        except OSError as error:
            raise StoreUnavailable(f"The log can not be reached: {error.strerror}.") from error


class AgentStorage:
    """Documents and log of agents. A thin layer: the stores below it keep the promises."""

    def __init__(self, artifacts: ArtifactStore, log: ActivityLog) -> None:
        self._artifacts = artifacts
        self._log = log

    async def save_document(
        self, agent: AgentId, name: str, content: bytes, media_type: str | None = None
    ) -> Artifact:
        """Store a document whole, as a new version where there was one."""
        return await self._artifacts.save(_key(agent, name), content, media_type)

    async def load_document(self, agent: AgentId, name: str) -> bytes | None:
        """Return a document; None when the agent has none of this name."""
        found = await self._artifacts.load(_key(agent, name))
        return None if found is None else found.data

    async def list_documents(self, agent: AgentId) -> list[str]:
        """Return the names of all its documents, in order; those in folders with their path."""
        names: list[str] = []
        after: str | None = None
        while page := await self._artifacts.list(_one_part(agent), after, _PAGE):
            after = page[-1].key
            names += [each.key.removeprefix(f"{agent}/") for each in page]
        return names

    async def delete_document(self, agent: AgentId, name: str) -> bool:
        """Remove a document; False when there was none."""
        return await self._artifacts.delete(_key(agent, name))

    async def append_log(self, agent: AgentId, entry: Mapping[str, object]) -> None:
        """Add a line to the agent's log."""
        await self._log.append(agent, entry)

    async def read_log(self, agent: AgentId, limit: int = 100) -> list[dict[str, object]]:
        """Return the newest lines of the agent's log, oldest first."""
        return await self._log.read(agent, limit)


def _key(agent: AgentId, name: str) -> str:
    return f"{_one_part(agent)}/{name}"


def _one_part(agent: AgentId) -> str:
    """Return the agent's id when it is one part of a key; raises BadInput."""
    if len(parse_folder(agent)) != 1:
        raise BadInput(f'"{agent}" is no agent\'s id.')
    return agent


def _use(folder: Path, name: str, line: bytes | None) -> bytes:
    """Append the line, or return the whole file when there is none."""
    with opened(folder) as logs:
        if line is None:
            return logs.read(name) or b""
        _append(logs, name, line)
        return b""


def _append(logs: Folder, name: str, line: bytes) -> None:
    with logs.locked(".lock"):
        logs.append(name, line)


def _parsed(line: bytes) -> dict[str, object] | None:
    """Return a line's entry; None for one that a crash cut off."""
    try:
        found: object = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType] - JSON
