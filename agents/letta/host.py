"""Makes and finds people's agents and threads in Letta; who asks when is the constellation's."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from letta_client import AsyncLetta
from letta_client.types.create_block_param import CreateBlockParam

from agents.letta.api import LettaApi
from agents.letta.differences import OUR_TOOLS
from agents.letta.faults import Json, NotThere, StreamGarbled, is_list
from agents.letta.options import BlockSpec, LettaOptions
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, SessionId
from gateway.domain.people import Person
from gateway.errors import RunFailed, RuntimeUnavailable

_RECHECK_SECONDS = 30.0

T = TypeVar("T")


class LettaHost:
    """Implements `AgentHost`: agents are found by tags, threads by their summary.

    Letta's names are not unique and it has no way to create only once, so a
    look-up that failed is never taken for one that found nothing.
    """

    def __init__(self, client: AsyncLetta, options: LettaOptions) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaApi(client)
        self._options = options

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        """Return the person's agent, the oldest if there should be several."""
        tags = tags_of(self._options, person, role)
        found = await surely(self._api.find_agents(tags), "look for an agent")
        for agent in sorted(found, key=lambda agent: str(agent.get("created_at"))):
            # A server that did not understand `match_all_tags` would hand out others' agents.
            if set(tags) <= tags_of_agent(agent):
                return AgentId(id_of(agent))
        if found:
            raise RuntimeUnavailable("Letta answered with agents that were not asked for.")
        return None

    async def create_agent(self, person: Person, role: str) -> AgentId:
        """Make the agent, with the blocks of its role, tagged so that it is found again."""
        spec = self._options.spec_of(role)
        choices = {"model": spec.model or self._options.model, "system": spec.system}
        choices["embedding"] = self._options.embedding
        made = await surely(
            self._api.create_agent(
                name=f"{self._options.tag_prefix} {role} of {person.name or person.id}"[:100],
                tags=tags_of(self._options, person, role),
                metadata={
                    "person": person.id,
                    "role": role,
                    "template": spec.version,
                    OUR_TOOLS: sorted(spec.given_tools),
                },
                blocks=[block_param(block, person) for block in spec.blocks],
                tools=spec.given_tools,
                has_base_tools=spec.has_base_tools,
                choices={name: value for name, value in choices.items() if value},
            ),
            "make an agent",
        )
        return AgentId(id_of(made))

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        """Return the thread with exactly this summary, the newest if there are several."""
        found = await surely(
            self._api.find_threads(agent, conversation.id), "look for a conversation"
        )
        ours = [thread for thread in found if thread.get("summary") == conversation.id]
        ours.sort(key=lambda thread: str(thread.get("created_at")))
        return SessionId(id_of(ours[-1])) if ours else None

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        """Make the thread, with the conversation's readable id as its summary."""
        made = await surely(self._api.create_thread(agent, conversation.id), "make a conversation")
        return SessionId(id_of(made))


def tags_of(options: LettaOptions, person: Person, role: str) -> list[str]:
    """Return the tags by which the person's agent is found."""
    prefix = options.tag_prefix
    return [prefix, f"{prefix}:{person.id}", f"{prefix}:role:{role}"]


async def surely(call: Awaitable[T], what: str) -> T:
    """Return the answer; whatever else happens leaves it open, also a refusal or a 404."""
    try:
        return await call
    except (NotThere, RunFailed) as error:
        raise RuntimeUnavailable(
            f"Letta would not {what}: {error}", retry_after_seconds=_RECHECK_SECONDS
        ) from error


def block_param(spec: BlockSpec, person: Person) -> CreateBlockParam:
    """Return the block as it is made for this person."""
    block = CreateBlockParam(
        label=spec.label,
        value=spec.value_for(person),
        limit=spec.limit,
        read_only=spec.read_only,
    )
    if spec.description is not None:
        block["description"] = spec.description
    return block


def id_of(thing: Json) -> str:
    """Return the id that an answer carries; raises StreamGarbled without one."""
    value = thing.get("id")
    if isinstance(value, str) and value:
        return value
    raise StreamGarbled("Letta's answer has no id.")


def tags_of_agent(agent: Json) -> set[str]:
    """Return the tags that an agent carries."""
    tags = agent.get("tags")
    return {str(tag) for tag in tags} if is_list(tags) else set()
