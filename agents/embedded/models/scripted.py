"""A model that the user's message scripts, for tests and fault injection; else the inner one.

One directive a line: `say TEXT`, `words N`, `think TEXT`, `sleep SECONDS`, `drip SECONDS`,
`fail [STATUS]`, `cut`, `call NAME {json}` (several: parallel) and `then call NAME {json}`
(one more step each).
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from agents.embedded.errors import ModelError
from agents.embedded.ids import new_uuid
from agents.embedded.models.failures import failure_of_status
from agents.embedded.models.model import (
    CallDelta,
    Model,
    ModelEvent,
    ModelRequest,
    ReasoningDelta,
    TextDelta,
    UsageCounted,
)
from agents.embedded.models.reading import (
    asked,
    estimate_usage,
    parse_call,
    returned,
    words_of,
)

_CUT_AFTER = 2


@dataclass(frozen=True, slots=True)
class Script:
    """What a message tells the model to do."""

    say: str | None = None
    think: str = ""
    sleep_seconds: float = 0.0
    drip_seconds: float = 0.0
    fail: int | None = None
    cut: bool = False
    stages: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the message was no script at all."""
        return self == Script()


def parse_script(text: str) -> Script:
    """The directives in a message."""
    script = Script()
    for line in text.splitlines():
        script = _add(script, line.strip())
    return script


def _add(script: Script, line: str) -> Script:
    verb, _, rest = line.partition(" ")
    call = parse_call(line.removeprefix("then "))
    if call is not None:
        return replace(script, stages=_staged(script, call, later=verb == "then"))
    if verb == "say":
        return replace(script, say=rest)
    if re.fullmatch(r"words \d+", line):
        return replace(script, say=" ".join(f"w{n}" for n in range(int(rest))))
    if verb == "think":
        return replace(script, think=rest)
    if re.fullmatch(r"(sleep|drip) [\d.]+", line):
        name = f"{verb}_seconds"
        return replace(script, **{name: float(rest)})
    if re.fullmatch(r"fail( \d+)?", line):
        return replace(script, fail=int(rest or 500))
    return replace(script, cut=True) if line == "cut" else script


def _staged(
    script: Script, call: tuple[str, str], *, later: bool
) -> tuple[tuple[tuple[str, str], ...], ...]:
    if later or not script.stages:
        return (*script.stages, (call,))
    return ((*script.stages[0], call), *script.stages[1:])


class ScriptedModel:
    """Obeys the script in the last user message; without one the inner model answers."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Sleep, fail, call or speak, as the script says."""
        script = parse_script(asked(request.messages))
        if script.is_empty:
            async for event in self._inner.stream(request):
                yield event
            return
        groups = returned(request.messages)
        if len(groups) < len(script.stages):
            for index, (name, arguments) in enumerate(script.stages[len(groups)]):
                yield CallDelta(index, arguments, f"call_{new_uuid().hex[:24]}", name)
            yield UsageCounted(estimate_usage(request.system, request.messages, ""))
            return
        said = _spoken(script, [item.text for group in groups[-1:] for item in group])
        async for event in _speak(script, said):
            yield event
        yield UsageCounted(estimate_usage(request.system, request.messages, said))

    async def close(self) -> None:
        """Close the inner model."""
        await self._inner.close()


def _spoken(script: Script, results: list[str]) -> str:
    if script.say is not None:
        return script.say
    return "tool said: " + " | ".join(results) if results else "done"


async def _speak(script: Script, said: str) -> AsyncGenerator[ModelEvent]:
    if script.fail is not None:
        raise failure_of_status(script.fail, f"scripted failure {script.fail}")
    await asyncio.sleep(script.sleep_seconds)
    for word in words_of(script.think):
        yield ReasoningDelta(word)
    for index, word in enumerate(words_of(said)):
        if script.cut and index >= _CUT_AFTER:
            raise ModelError("internal_error", "The model's stream was cut.", "scripted cut")
        yield TextDelta(word)
        if script.drip_seconds:
            await asyncio.sleep(script.drip_seconds)
