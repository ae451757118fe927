"""Where functions are deployed and tasks are wished for, asked after, and taken back."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from compute.source import check_function, version_of
from gateway.domain.compute import Function, NewTask, RunLimits, Task, TaskWish
from gateway.domain.conversations import Conversation
from gateway.errors import BadInput
from gateway.ports import Clock, TaskStore

LONGEST_ID = 128
ARGUMENTS_LIMIT = 200_000
"""Characters of one task's arguments as JSON."""


@dataclass(frozen=True, slots=True)
class DeskOptions:
    """What may be wished for."""

    limits: RunLimits = field(default_factory=RunLimits)
    """The most that a function may have, and what it has when it does not say."""
    fan_out: int = 100
    """Inputs of one run-parallel."""
    platforms: Sequence[str] = ()
    """Where an agent can be told of an end."""
    signs: bool = False
    """Whether callbacks can be signed; without, there are none."""


class ComputeDesk:
    """Checks every wish before it is stored. What is refused is a BadInput, with the reason."""

    def __init__(
        self, store: TaskStore, clock: Clock, options: DeskOptions, news: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._news = news

    async def deploy(
        self, name: str, source: str, seconds: float | None, memory_bytes: int | None
    ) -> Function:
        """Keep the function as the newest version of its name."""
        check_function(name, source)
        most = self._options.limits
        limits = RunLimits(
            _within("timeout", seconds, most.seconds),
            int(_within("memory_bytes", memory_bytes, most.memory_bytes)),
            most.answer_characters,
        )
        now = self._clock.now()
        function = Function(name, version_of(source, limits), source, limits, now)
        await self._store.deploy(function)
        return function

    async def functions(self) -> list[Function]:
        """List the newest version of each."""
        return await self._store.functions()

    async def spawn(self, wish: TaskWish) -> Task:
        """Store one task; with the id of one that is there, that one is returned."""
        function = await self._function(wish.function)
        new = NewTask(
            id=_id(wish.id),
            function=function.name,
            version=function.version,
            arguments=_arguments(wish.args, wish.kwargs),
            is_idempotent=wish.is_idempotent,
            webhook=None if wish.webhook is None else self._address(wish.webhook),
            to=None if wish.to is None else self._place(wish.to),
        )
        await self._store.add([new], self._clock.now())
        self._news()
        (task,) = await self.status(new.id)
        if (task.new.function, task.new.arguments) != (new.function, new.arguments):
            raise BadInput(f'There is another task "{new.id}" already.')
        return task

    async def run_parallel(self, wish: TaskWish, inputs: Sequence[Any]) -> str:
        """Store one task for each input, in their order; returns the name of the whole."""
        if not 1 <= len(inputs) <= self._options.fan_out:
            raise BadInput(f"inputs has 1 to {self._options.fan_out} entries.")
        function = await self._function(wish.function)
        batch = _id(wish.id)
        texts = [_arguments([each], wish.kwargs) for each in inputs]
        tasks = [
            NewTask(
                f"{batch}.{index}",
                function.name,
                function.version,
                text,
                wish.is_idempotent,
                batch,
            )
            for index, text in enumerate(texts)
        ]
        await self._store.add(tasks, self._clock.now())
        self._news()
        stored = await self._store.batch(batch)
        if [task.new.arguments for task in stored] != texts:
            raise BadInput(f'There is another run "{batch}" already.')
        return batch

    async def status(self, name: str) -> list[Task]:
        """Return the task of this id, or all of that run-parallel, in order; empty for neither."""
        task = await self._store.get(name)
        return [task] if task is not None else await self._store.batch(name)

    async def wait(self, name: str, seconds: float) -> list[Task]:
        """Return how it stands when all is over, or after so many seconds."""
        pause, until = 0.02, asyncio.get_running_loop().time() + seconds
        tasks = await self.status(name)
        while not all(t.state.is_over for t in tasks) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.5)
            tasks = await self.status(name)
        return tasks

    async def cancel(self, name: str) -> int:
        """End what is not over of it; returns how many tasks that were."""
        now = self._clock.now()
        tasks = await self.status(name)
        ended = [await self._store.cancel(task.new.id, now) for task in tasks]
        self._news()
        return sum(ended)

    async def add_webhook(self, name: str, url: str) -> bool:
        """Tell this address when the task is over; False when there is no such task."""
        found = await self._store.add_webhook(name, self._address(url), self._clock.now())
        self._news()
        return found

    async def _function(self, name: str) -> Function:
        function = await self._store.function(name)
        if function is None:
            raise BadInput(f'There is no function "{name}". Deploy it first.')
        return function

    def _address(self, url: str) -> str:
        if not self._options.signs:
            raise BadInput("There are no callbacks here: compute.webhook_secret is not set.")
        try:
            parts = urlsplit(url)
            is_plain = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_plain = False
        if not is_plain or len(url) > 2_000:
            raise BadInput("webhook_url is an http or https address.")
        return url

    def _place(self, readable: str) -> Conversation:
        try:
            place = Conversation.parse(readable)
        except ValueError as error:
            raise BadInput(str(error)) from None
        if place.platform not in self._options.platforms:
            known = ", ".join(self._options.platforms)
            raise BadInput(f'No agent can be woken on "{place.platform}"; there is {known}.')
        return place


def _within(name: str, wished: float | None, most: float) -> float:
    if wished is None:
        return most
    if not 0 < wished <= most:
        raise BadInput(f"{name} is more than 0 and at most {most:,g} here.")
    return wished


def _id(given: str | None) -> str:
    if given is None:
        return uuid.uuid4().hex
    is_plain = given.isascii() and given.isprintable() and not set(given) & set("/ ")
    if not (0 < len(given) <= LONGEST_ID and is_plain):
        raise BadInput(f"An id has 1 to {LONGEST_ID} ASCII characters, no space and no slash.")
    return given


def _arguments(args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    text = json.dumps({"args": list(args), "kwargs": kwargs})
    if len(text) > ARGUMENTS_LIMIT:
        raise BadInput(f"The arguments have more than {ARGUMENTS_LIMIT:,} characters.")
    return text
