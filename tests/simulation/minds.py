"""A simulated Letta: scripted agents that note every run, and whose words name what they heard."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable
from random import Random

from agents.scripted import Ask, Drop, Fail, Say, ScriptedAgents, Step, Think, Wait
from gateway.answer import SILENT
from gateway.domain.ids import AgentId
from gateway.domain.people import Person
from gateway.domain.tools import Effect, ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import InputMessage, RunRequest, Turn
from gateway.errors import RuntimeUnavailable

TOKEN = re.compile(r"<<([^<>]+)>>")
"""A canary: `<<person.number>>` stands in one message, and in the answer to it, only."""

PAY = "pay"
"""What needs a yes."""
FILLER = "and so on " * 14


def tokens_in(text: str) -> list[str]:
    """Return the canaries in a text, in order."""
    return TOKEN.findall(text)


class SimMinds(ScriptedAgents):
    """Runs go on whoever listens; what an agent does depends on the seed and the round alone."""

    def __init__(self, seed: int, dice: Random, *, started: Callable[[RunRequest], None]) -> None:
        super().__init__(self._act)
        self.requests: list[RunRequest] = []
        """Every run that was ever started, by what it was asked."""
        self.lands_late: Callable[[], bool] = lambda: False
        self._seed = seed
        self._dice = dice
        self._started = started

    def is_busy(self, request: RunRequest) -> bool:
        """Whether the agent (or its thread) has another run under way."""
        now = asyncio.get_running_loop().time()
        run = self._latest.get(request.session.thread)
        return run is not None and run.ends_at > now

    async def create_agent(self, person: Person, role: str) -> AgentId:
        """Make it; sometimes only after the caller has given up."""
        if self.lands_late():
            later = self._dice.uniform(0.0, 2.0)
            asyncio.get_running_loop().call_later(later, self._make, person.id, role)
            raise RuntimeUnavailable("The host did not answer in time.")
        return self._make(person.id, role)

    def _hear(self, request: RunRequest) -> None:
        super()._hear(request)
        self.requests.append(request)
        self._started(request)

    def _act(self, request: RunRequest) -> Iterable[Step]:
        dice = Random(hashlib.blake2b(f"{self._seed}/{request.otid}".encode()).digest())
        results = [item.text for item in request.input if isinstance(item, ToolResult)]
        if results:
            return (Wait(dice.random()), Say(" ".join(results)))
        heard = [item.text for item in request.input if isinstance(item, InputMessage)]
        tokens = [token for text in heard for token in tokens_in(text)]
        if not tokens:  # what became of a call that somebody was asked about
            return (Wait(dice.random()), Say("So be it."))
        return _steps(dice, request, " ".join(f"<<{token}>>" for token in tokens))


def _steps(dice: Random, request: RunRequest, tokens: str) -> tuple[Step, ...]:
    """Return what an agent does in a first round."""
    pause = dice.choice((0.0, 0.0, 0.1, 1.0))
    wakeup = any(isinstance(i, InputMessage) and SILENT in i.text for i in request.input)
    if wakeup and dice.random() < 0.4:
        return (Say(SILENT),)
    match dice.randrange(8):
        case 0:
            return (Wait(dice.uniform(5, 40)), Say(f"At last, {tokens}"))
        case 1:
            return (Say(f"A lot {FILLER}{tokens} {FILLER}and so it ends.", pause / 4),)
        case 2 | 3:
            calls = tuple(
                ToolCall(f"call-{request.otid}-{n}", *(("note", tokens) if n == 0 else (PAY, "")))
                for n in range(2)
            )
            return (Say("One moment.", pause), Ask(calls))
        case 4:
            return (Say("Let me see.", pause), Drop(), Say(f"I hear {tokens}", pause))
        case 5:
            return (Think("hm"), Wait(1.0), Fail("llm_error"))
        case _:
            return (Say(f"I hear {tokens} well", pause),)


class SimToolbox:
    """A tool that does no harm, and one that may be used once, and only after a yes."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        """The calls, by id, that did something which can't be undone."""

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Return the two."""
        pay = ToolSpec(PAY, "Pay somebody.", {}, effect=Effect.EXTERNAL)
        return ToolSpec("note", "Note something.", {}), pay

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Do it."""
        if call.name == PAY:
            self.paid.append(call.id)
        return ToolResult(call.id, f"noted {call.arguments}")
