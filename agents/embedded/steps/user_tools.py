"""The tools that clients stored as source code: called beside the step, in the sandbox."""

import asyncio
import json
from collections.abc import Sequence

from agents.embedded.models.model import OfferedTool
from agents.embedded.records import Json, ToolCall, ToolReturn
from agents.embedded.sandbox.sandbox import Outcome, Sandbox
from agents.embedded.services.tool_arguments import is_object, wrong_arguments


class UserTools:
    """Runs stored tools; whatever is wrong becomes an answer that the agent can read.

    A step whose server dies while its tools run is taken again: a tool may run twice.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def carry_out(
        self, calls: Sequence[ToolCall], offered: Sequence[OfferedTool]
    ) -> dict[str, ToolReturn]:
        """The answers to those of the calls that are stored tools', by call id; side by side."""
        stored = {tool.name: tool for tool in offered if tool.source_code is not None}
        ours = [call for call in calls if not call.by_client and call.name in stored]
        async with asyncio.TaskGroup() as tasks:
            running = [
                (call, tasks.create_task(self._carry_out(stored[call.name], call))) for call in ours
            ]
        return {call.id: returned_by(call, task.result()) for call, task in running}

    async def _carry_out(self, tool: OfferedTool, call: ToolCall) -> Outcome:
        try:
            arguments: object = json.loads(call.arguments or "{}")
        except ValueError as error:
            return Outcome("error", f"The arguments are not valid JSON: {error}.")
        if not is_object(arguments):
            return Outcome("error", "The arguments must be a JSON object.")
        return await self.call(tool.source_code or "", tool.name, tool.parameters, arguments)

    async def call(self, source: str, name: str, schema: Json, arguments: Json) -> Outcome:
        """Call one tool, if its arguments are what its schema asks for."""
        wanted: Json = schema.get("properties") or {}
        given = {key: arguments[key] for key in arguments if key in wanted or key not in _OURS}
        wrong = wrong_arguments(schema, given)
        if wrong:
            return Outcome("error", " ".join(wrong))
        return await self._sandbox.call(source, name, given)


_OURS = ("request_heartbeat",)


def returned_by(call: ToolCall, outcome: Outcome) -> ToolReturn:
    """An outcome as the answer to a call."""
    return ToolReturn(
        call.id,
        call.name,
        outcome.status,
        outcome.text,
        tuple(outcome.stdout.splitlines()),
        tuple(outcome.stderr.splitlines()),
    )
