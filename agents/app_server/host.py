"""Makes and finds people's agents and threads on the App Server."""

from __future__ import annotations

from agents.app_server.link import Link
from agents.app_server.threads import find_conversations, succeed
from agents.app_server.wire import Json, Scope, object_at, objects, text_at, texts
from agents.letta import LettaOptions
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, SessionId
from gateway.domain.people import Person
from gateway.errors import RuntimeUnavailable

_MOST_AGENTS = 100


class AppServerHost:
    """Implements `AgentHost`: agents are found by tags, threads by their summary.

    An answer that is no success leaves it open whether there is such a thing. The server has
    no tools on its side that a chat may use, so that a role's own are left out.
    """

    def __init__(self, link: Link, options: LettaOptions) -> None:
        self._link = link
        self._options = options

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        """Return the person's agent, the oldest if there should be several."""
        tags = self._tags(person, role)
        query = {"tags": tags, "match_all_tags": True, "limit": _MOST_AGENTS}
        answer = await succeed(self._link, {"type": "agent_list", "query": query})
        found = objects(answer.get("agents"))
        if not isinstance(answer.get("agents"), list):
            raise RuntimeUnavailable("The App Server's list of agents is none.")
        ours = [agent for agent in found if set(tags) <= set(texts(agent.get("tags")))]
        if found and not ours:
            raise RuntimeUnavailable("The App Server answered with agents not asked for.")
        ours.sort(key=_age)
        return AgentId(_id_of(ours[0])) if ours else None

    async def create_agent(self, person: Person, role: str) -> AgentId:
        """Make the agent, with the blocks of its role, tagged so that it is found again."""
        spec = self._options.spec_of(role)
        blocks = [
            {
                "label": block.label,
                "value": block.value_for(person),
                "description": block.description or f"Memory block {block.label}",
            }
            for block in spec.blocks
        ]
        body: Json = {
            "name": f"{self._options.tag_prefix} {role} of {person.name or person.id}"[:100],
            "memory_blocks": blocks,
            "tags": self._tags(person, role),
        }
        choices = {"model": spec.model or self._options.model, "system": spec.system}
        body |= {name: value for name, value in choices.items() if value}
        made = await succeed(self._link, {"type": "agent_create", "body": body})
        return AgentId(_id_of(object_at(made, "agent")))

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        """Return the thread with exactly this summary, the oldest if there are several."""
        scope = Scope(agent, SessionId(""))
        found = await find_conversations(self._link, scope, conversation.id)
        found.sort(key=lambda thread: text_at(thread, "created_at"))
        return SessionId(_id_of(found[0])) if found else None

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        """Make the thread, with the conversation's readable id as its summary."""
        body = {"agent_id": agent, "summary": conversation.id}
        made = await succeed(self._link, {"type": "conversation_create", "body": body})
        return SessionId(_id_of(object_at(made, "conversation")))

    def _tags(self, person: Person, role: str) -> list[str]:
        prefix = self._options.tag_prefix
        return [prefix, f"{prefix}:{person.id}", f"{prefix}:role:{role}"]


def _age(agent: Json) -> str:
    return text_at(agent, "created_at") or text_at(agent, "last_run_completion")


def _id_of(thing: Json) -> str:
    if found := text_at(thing, "id"):
        return found
    raise RuntimeUnavailable("The App Server's answer has no id.")
