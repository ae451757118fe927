"""The calls to Letta that change what an agent is made of: its fields, blocks and tools."""

from __future__ import annotations

from collections.abc import Sequence

from letta_client import AsyncLetta
from letta_client.types.create_block_param import CreateBlockParam

from agents.letta.api import LettaApi, read_answer, read_object, read_objects
from agents.letta.faults import Json
from gateway.domain.ids import AgentId, BlockId


class LettaMemoryApi(LettaApi):
    """Letta's API for agents' parts. Every method may raise RuntimeUnavailable or RunFailed."""

    def __init__(self, client: AsyncLetta) -> None:
        super().__init__(client)
        self._agents = client.agents.with_raw_response
        self._blocks = client.blocks.with_raw_response
        self._of_agents = client.agents.blocks.with_raw_response
        self._tools = client.agents.tools.with_raw_response
        self._all_tools = client.tools.with_raw_response

    async def agent(self, agent: AgentId) -> Json:
        """Return an agent with its blocks, tools and tags."""
        parts = self._agents.retrieve(agent, include=["agent.blocks", "agent.tools", "agent.tags"])
        return read_object(await read_answer(parts))

    async def update_agent(self, agent: AgentId, fields: Json) -> None:
        """Set fields of an agent; tags and metadata are replaced whole."""
        await read_answer(self._agents.update(agent, extra_body=fields))

    async def find_blocks(self, label: str, tags: Sequence[str]) -> list[Json]:
        """Return the blocks with this label and all these tags."""
        found = self._blocks.list(label=label, tags=list(tags), match_all_tags=True, limit=50)
        return read_objects(await read_answer(found))

    async def create_block(
        self, block: CreateBlockParam, tags: Sequence[str], metadata: dict[str, object]
    ) -> Json:
        """Make a block that no agent sees yet."""
        body: Json = {**block, "tags": list(tags), "metadata": metadata}
        made = self._blocks.create(label=block["label"], value=block["value"], extra_body=body)
        return read_object(await read_answer(made))

    async def attach_block(self, agent: AgentId, block: BlockId) -> None:
        """Let the agent see a block."""
        await read_answer(self._of_agents.attach(block, agent_id=agent))

    async def detach_block(self, agent: AgentId, block: BlockId) -> None:
        """Take a block from the agent; the block stays."""
        await read_answer(self._of_agents.detach(block, agent_id=agent))

    async def update_block(self, agent: AgentId, label: str, fields: Json) -> None:
        """Set fields of the agent's block with this label."""
        await read_answer(self._of_agents.update(label, agent_id=agent, extra_body=fields))

    async def find_tool(self, name: str) -> Json | None:
        """Return the server's tool of this name; None when it has none."""
        found = read_objects(await read_answer(self._all_tools.list(name=name, limit=50)))
        return next((tool for tool in found if tool.get("name") == name), None)

    async def attach_tool(self, agent: AgentId, tool: str) -> None:
        """Give the agent a tool of the server."""
        await read_answer(self._tools.attach(tool, agent_id=agent))

    async def detach_tool(self, agent: AgentId, tool: str) -> None:
        """Take a tool of the server from the agent."""
        await read_answer(self._tools.detach(tool, agent_id=agent))
