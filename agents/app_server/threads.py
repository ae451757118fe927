"""Which conversation on the server is a thread's: the one it began as, or what replaced it."""

from __future__ import annotations

from dataclasses import replace

from agents.app_server.link import Link
from agents.app_server.wire import PAGE, Json, Scope, object_at, objects, text_at
from gateway.domain.ids import SessionId
from gateway.errors import RuntimeUnavailable


class ThreadBook:
    """A thread keeps its first conversation's id for ever; a stuck one is continued in a copy.

    The copy says in its summary what it continues, so that any process finds it again.
    """

    def __init__(self, link: Link, scope: Scope) -> None:
        self._link = link
        self._origin = scope
        self._current: Scope | None = None

    async def scope(self) -> Scope:
        """Return the conversation to speak in."""
        if self._current is None:
            copies = await find_conversations(self._link, self._origin, self._mark)
            self._current = _latest(copies, self._origin)
        return self._current

    async def newest_messages(self) -> list[Json]:
        """Return the last hundred or so messages, oldest first."""
        scope = await self.scope()
        answer = await succeed(
            self._link,
            {
                "type": "conversation_messages_list",
                "conversation_id": scope.conversation,
                "query": {"agent_id": scope.agent, "limit": PAGE, "order": "desc"},
            },
        )
        return objects(answer.get("messages"))[::-1]

    async def replace(self) -> None:
        """Go on in a copy: all that was said is in it, and the run that never ends is not."""
        await self.move_to(await self.copy())

    async def copy(self) -> SessionId:
        """Return a copy of the conversation, in which nobody speaks yet."""
        scope = await self.scope()
        answer = await succeed(
            self._link, {"type": "conversation_fork", "conversation_id": scope.conversation}
        )
        return SessionId(text_at(object_at(answer, "conversation"), "id"))

    async def move_to(self, copy: SessionId) -> None:
        """Go on in this copy, also in the processes after this one."""
        await succeed(
            self._link,
            {
                "type": "conversation_update",
                "conversation_id": copy,
                "body": {"summary": self._mark},
            },
        )
        self._current = replace(self._origin, conversation=copy)

    @property
    def _mark(self) -> str:
        return f"continues {self._origin.conversation}"


async def find_conversations(link: Link, scope: Scope, summary: str) -> list[Json]:
    """Return the agent's conversations with exactly this summary."""
    answer = await succeed(
        link,
        {
            "type": "conversation_list",
            "query": {"agent_id": scope.agent, "summary_search": summary, "limit": PAGE},
        },
    )
    found = objects(answer.get("conversations"))
    return [one for one in found if one.get("summary") == summary and text_at(one, "id")]


async def succeed(link: Link, command: Json) -> Json:
    """Return the answer to a command that has to work. Raises RuntimeUnavailable otherwise."""
    answer = await link.ask(command)
    if answer.get("success") is not True:
        what, error = text_at(command, "type"), text_at(answer, "error")
        raise RuntimeUnavailable(f'The App Server refused "{what}": {error}')
    return answer


def _latest(copies: list[Json], origin: Scope) -> Scope:
    if not copies:
        return origin
    newest = max(copies, key=lambda copy: text_at(copy, "created_at"))
    return replace(origin, conversation=SessionId(text_at(newest, "id")))
