"""What the doctor looks at in people's agents: how full their memory is, and their templates.

It reads the files of this machine while a gateway may run, and a Letta server elsewhere; it
changes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.cli.findings import Finding, ok, warning
from gateway.cli.sqlite_file import rows
from gateway.domain.memory import MemoryBlock, nearly_full
from gateway.domain.people import OWN_TEMPLATE
from gateway.errors import PosternError
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_ASKED = 50
"""Agents whose memory a server elsewhere is asked for; `postern agents show` asks for any."""
_SHOWN = 3

_BOUND = "SELECT json_array(role, agent, template) FROM binding WHERE agent IS NOT NULL"
_BLOCKS = """
SELECT json_array(each.agent_id, blocks.label, blocks.value, blocks.char_limit, blocks.read_only)
FROM blocks JOIN agent_blocks AS each ON each.block_id = blocks.id
WHERE length(blocks.value) * 10 >= blocks.char_limit * 9 ORDER BY blocks.position LIMIT 1000
"""
"""Those that `nearly_full` may speak of: of many agents, all that they know is much to read."""


async def check_memory(settings: Settings) -> Finding:
    """See whose memory is nearly full: an agent with no room left can not learn any more."""
    remedy = "`/memory LABEL` shows its person what to shorten; `postern agents show` tells of all."
    try:
        if settings.letta.is_embedded:
            return _told(_kept_here(settings.data_dir), "", remedy)
        agents = [agent for _, agent, _ in await _bound(settings)]
        found = await _asked(settings, agents[:MOST_ASKED])
    except PosternError as error:
        return warning("memory", str(error), "See what is said of the part above.")
    more = f" {len(agents)} agents; {MOST_ASKED} were asked." if len(agents) > MOST_ASKED else ""
    return _told(found, more, remedy)


async def check_templates(settings: Settings) -> Finding:
    """See how many agents are not as the settings have them."""
    from gateway import bootstrap

    versions = bootstrap.template_versions(settings)
    try:
        bound = await _bound(settings)
    except PosternError as error:
        return warning("templates", str(error), "See what is said of the database.")
    behind = sum(
        template not in (versions[role], OWN_TEMPLATE)
        for role, _, template in bound
        if role in versions
    )
    if behind:
        sentence = f"{behind} agents are not as the settings have them now."
        remedy = "They are changed when they are next used, or by `postern agents rollout`."
        return warning("templates", sentence, remedy)
    return ok("templates", "Every agent is as the settings have it, or on its own.")


def _told(full: list[str], more: str, remedy: str) -> Finding:
    if not full:
        return ok("memory", f"No agent's memory is nearly full.{more}")
    others = f" and {len(full) - _SHOWN} more" if len(full) > _SHOWN else ""
    return warning("memory", f"{'; '.join(full[:_SHOWN])}{others}.{more}", remedy)


def _kept_here(data_dir: Path) -> list[str]:
    from gateway.bootstrap.kept import AGENTS

    path = data_dir / AGENTS
    found: list[str] = []
    for row in rows(path, _BLOCKS) if path.exists() else []:
        agent, label, value, limit, is_read_only = json.loads(row)
        block = MemoryBlock(label, value, limit, is_read_only=bool(is_read_only))
        found += _of(agent, [block])
    return found


async def _asked(settings: Settings, agents: Iterable[str]) -> list[str]:
    from gateway import bootstrap

    return [
        sentence
        for agent, blocks in await bootstrap.memories(settings, agents)
        for sentence in _of(agent, blocks)
    ]


def _of(agent: str, blocks: Iterable[MemoryBlock]) -> list[str]:
    return [f"{agent}: {sentence}" for sentence in nearly_full(blocks)]


async def _bound(settings: Settings) -> list[tuple[str, str, str | None]]:
    """Return role, agent and template of every agent that the store knows."""
    from gateway import bootstrap

    if settings.sqlite_path is not None:
        path = settings.sqlite_path
        read = rows(path, _BOUND) if path.exists() else []
        return [(role, agent, template) for role, agent, template in map(json.loads, read)]
    async with bootstrap.opened_store(settings) as store:
        found = await store.people.bindings()
    return [(each.role, each.agent_id, each.template) for each in found if each.agent_id]
