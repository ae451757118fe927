"""Which language models Letta's agents think with."""

from __future__ import annotations

from letta_client import AsyncLetta

from agents.letta.faults import NotThere
from agents.letta.memory_api import LettaMemoryApi
from gateway.domain.ids import AgentId
from gateway.errors import RunFailed


class LettaModels:
    """Implements `AgentModels`."""

    def __init__(self, client: AsyncLetta) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaMemoryApi(client)

    async def own(self, agent: AgentId) -> str | None:
        """Return the handle of the agent's own model; None for one that has none."""
        try:
            found = await self._api.agent(agent)
        except NotThere as error:
            raise RunFailed("your agent can not be found.", kind="not_found") from error
        handle = found.get("model")
        return handle if isinstance(handle, str) and handle else None
