"""How a live agent differs from its template, and what mends it. Pure.

Persona, system, model and tools are the template's. All other blocks are the agent's own:
they are made where they are missing, and never written over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.letta.faults import Json, is_json, is_list
from agents.letta.options import PERSONA, AgentSpec, BlockSpec
from gateway.domain.ids import BlockId
from gateway.domain.people import Person

OUR_TOOLS = "tools"
"""Key of an agent's metadata: the tools that a template gave it, and may take away."""


class ChangeKind(StrEnum):
    """What is done to an agent."""

    SET_FIELDS = "set"
    WRITE_BLOCK = "write"
    ADD_BLOCK = "add"
    SHARE_BLOCK = "share"
    UNSHARE_BLOCK = "unshare"
    ADD_TOOL = "give"
    DROP_TOOL = "take"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, and what mends it."""

    kind: ChangeKind
    name: str
    """Of the block, tool or field."""
    fields: Json
    """What is written."""

    def __str__(self) -> str:
        """Say it as the operator reads it."""
        match self.kind:
            case ChangeKind.SET_FIELDS:
                return f'the field "{self.name}" is not the template\'s'
            case ChangeKind.WRITE_BLOCK:
                return f'the block "{self.name}" is not the template\'s'
            case ChangeKind.ADD_BLOCK:
                return f'the block "{self.name}" is missing'
            case ChangeKind.SHARE_BLOCK:
                return f'the shared block "{self.name}" is not attached'
            case ChangeKind.UNSHARE_BLOCK:
                return f'another block "{self.name}" is in the place of the shared one'
            case ChangeKind.ADD_TOOL:
                return f'the tool "{self.name}" is missing'
            case ChangeKind.DROP_TOOL:
                return f'the tool "{self.name}" is no longer in the template'


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent should be."""

    spec: AgentSpec
    person: Person
    tags: Sequence[str]
    metadata: Mapping[str, object]
    shared: Mapping[str, BlockId]
    """The person's shared blocks, by label."""


def differences(live: Json, wanted: Wanted) -> tuple[Change, ...]:
    """Return what has to be done, in order; nothing for an agent that is as it should be."""
    return (
        *_blocks(live, wanted),
        *_shared_blocks(live, wanted),
        *_tools(live, wanted),
        *_fields(live, wanted),
    )


def _blocks(live: Json, wanted: Wanted) -> list[Change]:
    there = _by(live, "blocks", "label")
    changes: list[Change] = []
    for spec in wanted.spec.blocks:
        block, fields = there.get(spec.label), _written(spec, wanted.person)
        if block is None:
            changes.append(Change(ChangeKind.ADD_BLOCK, spec.label, fields))
        elif spec.label == PERSONA and any(block.get(key) != fields[key] for key in fields):
            changes.append(Change(ChangeKind.WRITE_BLOCK, spec.label, fields))
    return changes


def _shared_blocks(live: Json, wanted: Wanted) -> list[Change]:
    there = _by(live, "blocks", "label")
    changes: list[Change] = []
    for label, block in wanted.shared.items():
        found = there.get(label)
        if found is not None and found.get("id") == block:
            continue
        if found is not None:
            other: Json = {"id": found.get("id")}
            changes.append(Change(ChangeKind.UNSHARE_BLOCK, label, other))
        changes.append(Change(ChangeKind.SHARE_BLOCK, label, {"id": block}))
    return changes


def _tools(live: Json, wanted: Wanted) -> list[Change]:
    there, names = _by(live, "tools", "name"), set(wanted.spec.given_tools)
    given = metadata_of(live).get(OUR_TOOLS)
    ours = {str(name) for name in given} if is_list(given) else set[str]()
    dropped = [there[name] for name in sorted(ours - names) if name in there]
    return [
        *(Change(ChangeKind.ADD_TOOL, name, {}) for name in sorted(names - set(there))),
        *(
            Change(ChangeKind.DROP_TOOL, str(tool.get("name")), {"id": tool.get("id")})
            for tool in dropped
        ),
    ]


def _fields(live: Json, wanted: Wanted) -> list[Change]:
    changes: list[Change] = []
    for name, value in (("system", wanted.spec.system), ("model", wanted.spec.model)):
        if value and live.get(name) != value:
            changes.append(Change(ChangeKind.SET_FIELDS, name, {name: value}))
    tags = live.get("tags")
    there = [str(tag) for tag in tags] if is_list(tags) else []
    if missing := [tag for tag in wanted.tags if tag not in there]:
        changes.append(Change(ChangeKind.SET_FIELDS, "tags", {"tags": [*there, *missing]}))
    ours = {**wanted.metadata, OUR_TOOLS: sorted(wanted.spec.given_tools)}
    metadata = metadata_of(live)
    if any(metadata.get(key) != value for key, value in ours.items()):
        changes.append(Change(ChangeKind.SET_FIELDS, "label", {"metadata": {**metadata, **ours}}))
    return changes


def _written(spec: BlockSpec, person: Person) -> Json:
    """Return the block as it is written."""
    written: Json = {
        "value": spec.value_for(person),
        "limit": spec.limit,
        "read_only": spec.read_only,
    }
    return {**written, "description": spec.description} if spec.description else written


def _by(live: Json, part: str, key: str) -> dict[str, Json]:
    items = live.get(part)
    found = [item for item in items if is_json(item)] if is_list(items) else []
    return {str(item.get(key)): item for item in found}


def metadata_of(live: Json) -> Json:
    """Return what an agent or a block carries as its metadata."""
    metadata = live.get("metadata")
    return metadata if is_json(metadata) else {}
