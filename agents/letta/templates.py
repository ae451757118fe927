"""Brings Letta's agents up to their templates; what differs is decided in `differences`."""

from __future__ import annotations

from collections.abc import Mapping

from letta_client import AsyncLetta
from letta_client.types.create_block_param import CreateBlockParam

from agents.letta.differences import Change, ChangeKind, Wanted, differences, metadata_of
from agents.letta.faults import Json, NotThere
from agents.letta.host import block_param, id_of, surely, tags_of, tags_of_agent
from agents.letta.memory_api import LettaMemoryApi
from agents.letta.options import BlockSpec, LettaOptions
from gateway.domain.ids import AgentId, BlockId
from gateway.domain.people import Person
from gateway.errors import BadInput, RunFailed, RuntimeUnavailable


class LettaTemplates:
    """Implements `AgentTemplates`. Every method may raise RuntimeUnavailable.

    Only what differs is written, so that bringing an agent up to its template
    again, or after half of it, does no harm.
    """

    def __init__(self, client: AsyncLetta, options: LettaOptions) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaMemoryApi(client)
        self._options = options
        self._versions: dict[str, str] = {}
        """By role: everybody who comes again is compared with one."""

    def version(self, role: str) -> str:
        """Return the version of the role's template."""
        if role not in self._versions:
            self._versions[role] = self._options.spec_of(role).version
        return self._versions[role]

    def shared_labels(self, role: str) -> tuple[str, ...]:
        """Return the labels of the blocks that a person's agents share."""
        return tuple(block.label for block in self._options.spec_of(role).shared_blocks)

    # -- shared blocks

    async def find_block(self, person: Person, label: str) -> BlockId | None:
        """Return the person's shared block; None only when there surely is none."""
        tags = self._block_tags(person)
        found = await surely(self._api.find_blocks(label, tags), "look for a block")
        ours = [block for block in found if _is_of(block, person, label)]
        if found and not ours:
            raise RuntimeUnavailable("Letta answered with blocks that were not asked for.")
        return BlockId(min(id_of(block) for block in ours)) if ours else None

    async def create_block(self, person: Person, label: str) -> BlockId:
        """Make the person's shared block, tagged so that it is found again."""
        spec = self._shared_spec(label)
        made = self._api.create_block(
            block_param(spec, person),
            self._block_tags(person),
            {"person": person.id, "shared": label},
        )
        return BlockId(id_of(await surely(made, "make a block")))

    def _shared_spec(self, label: str) -> BlockSpec:
        every = (block for spec in self._options.roles.values() for block in spec.shared_blocks)
        return next((block for block in every if block.label == label), BlockSpec(label))

    def _block_tags(self, person: Person) -> list[str]:
        prefix = self._options.tag_prefix
        return [prefix, f"{prefix}:{person.id}", f"{prefix}:shared"]

    # -- agents

    async def drift(
        self, person: Person, role: str, agent: AgentId, shared: Mapping[str, BlockId]
    ) -> tuple[str, ...] | None:
        """Say in sentences how the agent differs; None when Letta says that it has no such agent.

        Raises BadInput where it is another person's.
        """
        live = await self._live(agent)
        if live is None:
            return None
        self._check_owner(live, person)
        return tuple(map(str, differences(live, self._wanted(person, role, shared))))

    async def roll_out(
        self, person: Person, role: str, agent: AgentId, shared: Mapping[str, BlockId]
    ) -> tuple[str, ...]:
        """Mend what differs, and nothing else; returns what it was."""
        live = await surely(self._api.agent(agent), "show an agent")
        changes = differences(live, self._wanted(person, role, shared))
        for change in changes:
            await surely(self._mend(agent, change, person), "change an agent")
        return tuple(map(str, changes))

    async def claim(self, person: Person, role: str, agent: AgentId) -> None:
        """Mark an agent as the person's; raises BadInput for none, and for another person's."""
        live = await self._live(agent)
        if live is None:
            raise BadInput(f'Letta has no agent "{agent}".')
        self._check_owner(live, person)
        wanted = tags_of(self._options, person, role)
        prefix = f"{self._options.tag_prefix}:role:"
        kept = [tag for tag in tags_of_agent(live) if not tag.startswith(prefix)]
        tags = [*sorted(kept), *(tag for tag in wanted if tag not in kept)]
        metadata = {**metadata_of(live), "person": person.id, "role": role}
        fields: Json = {"tags": tags, "metadata": metadata}
        await surely(self._api.update_agent(agent, fields), "mark an agent")

    async def _live(self, agent: AgentId) -> Json | None:
        try:
            return await self._api.agent(agent)
        except NotThere:
            return None
        except RunFailed as error:
            if error.kind != "http_422":
                raise
            return None  # no agent can have an id like this

    def _check_owner(self, live: Json, person: Person) -> None:
        """Refuse an agent that says itself that it is somebody else's."""
        prefix = self._options.tag_prefix
        owners = [f"{prefix}:{kind}-" for kind in ("person", "place")]
        marks = [tag for tag in tags_of_agent(live) if tag.startswith(tuple(owners))]
        if any(tag != f"{prefix}:{person.id}" for tag in marks):
            raise BadInput(f'The agent "{live.get("id")}" is tagged as another person\'s.')

    def _wanted(self, person: Person, role: str, shared: Mapping[str, BlockId]) -> Wanted:
        spec = self._options.spec_of(role)
        metadata = {"person": person.id, "role": role, "template": spec.version}
        return Wanted(spec, person, tags_of(self._options, person, role), metadata, shared)

    async def _mend(self, agent: AgentId, change: Change, person: Person) -> None:
        match change.kind:
            case ChangeKind.SET_FIELDS:
                await self._api.update_agent(agent, change.fields)
            case ChangeKind.WRITE_BLOCK:
                await self._api.update_block(agent, change.name, change.fields)
            case ChangeKind.ADD_BLOCK:
                await self._add_block(agent, change, person)
            case ChangeKind.SHARE_BLOCK:
                await self._api.attach_block(agent, BlockId(change.fields["id"]))
            case ChangeKind.UNSHARE_BLOCK:
                await self._api.detach_block(agent, BlockId(change.fields["id"]))
            case ChangeKind.ADD_TOOL:
                await self._give_tool(agent, change.name)
            case ChangeKind.DROP_TOOL:
                await self._api.detach_tool(agent, change.fields["id"])

    async def _add_block(self, agent: AgentId, change: Change, person: Person) -> None:
        """Make a block of the agent's own. A crash in between leaves one that nobody sees."""
        param = CreateBlockParam(label=change.name, **change.fields)
        tags = [self._options.tag_prefix, f"{self._options.tag_prefix}:{person.id}"]
        made = await self._api.create_block(param, tags, {"agent": agent})
        await self._api.attach_block(agent, BlockId(id_of(made)))

    async def _give_tool(self, agent: AgentId, name: str) -> None:
        tool = await self._api.find_tool(name)
        if tool is None:
            raise NotThere(f'Letta has no tool "{name}".')
        await self._api.attach_tool(agent, id_of(tool))


def _is_of(block: Json, person: Person, label: str) -> bool:
    metadata = metadata_of(block)
    return metadata.get("person") == person.id and metadata.get("shared") == label
