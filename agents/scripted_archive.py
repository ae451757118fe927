"""The archival memory of scripted agents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from gateway.domain.ids import AgentId
from gateway.domain.memory import Passage
from gateway.errors import RunFailed


class ScriptedArchive:
    """Implements `AgentArchive` in a dictionary. A search finds what has any of the words."""

    def __init__(self, check: Callable[[AgentId], None]) -> None:
        """Take what raises where the agent is gone, or nothing can be asked now."""
        self._check = check
        self.kept: defaultdict[AgentId, list[Passage]] = defaultdict(list)
        """By agent, oldest first."""
        self.is_kept_here = True
        """Whether the server keeps such a memory of its agents at all."""

    async def passages(self, agent: AgentId, limit: int, after: str | None = None) -> list[Passage]:
        """Return the oldest entries behind the one with this id, oldest first."""
        self._check(agent)
        if not self.is_kept_here:
            raise RunFailed("your agent puts nothing away.", kind="not_kept")
        kept = self.kept[agent]
        ids = [passage.id for passage in kept]
        start = 0 if after is None else ids.index(after) + 1
        return kept[start : start + limit]

    async def newest(self, agent: AgentId, limit: int) -> list[Passage]:
        """Return the newest entries, newest first."""
        self._check(agent)
        return self.kept[agent][::-1][:limit]

    async def search(self, agent: AgentId, words: str, limit: int) -> list[Passage]:
        """Return the entries that have any of the words, those with most of them first."""
        self._check(agent)
        wanted = words.casefold().split()
        hits = [(sum(w in each.text.casefold() for w in wanted), each) for each in self.kept[agent]]
        ranked = sorted(hits, key=lambda hit: hit[0], reverse=True)
        return [each for count, each in ranked if count][:limit]

    async def add(self, agent: AgentId, text: str) -> bool:
        """Add an entry; False when there is one of just this text."""
        self._check(agent)
        kept = self.kept[agent]
        if any(each.text == text for each in kept):
            return False
        kept.append(Passage(f"passage-{len(kept) + 1}", text))
        return True

    def delete(self, agent: AgentId) -> None:
        """Forget all of the agent's."""
        self.kept.pop(agent, None)
