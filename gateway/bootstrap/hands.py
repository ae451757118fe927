"""The tools that agents have, and which role may use which."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gateway.bootstrap.choices import secret
from gateway.bootstrap.servers import lent_by
from gateway.errors import SettingsWrong
from gateway.ports import AgentMemory, ArtifactStore, Clock, Constellation, Store, Toolbox
from gateway.settings import Settings

if TYPE_CHECKING:
    from toolbox.registry import Registry, Tool


def kept_tools(
    settings: Settings, store: Store, artifacts: ArtifactStore, clock: Clock
) -> list[Tool]:
    """Return the tools that need nothing but what the gateway keeps."""
    from scheduler.reminders import ReminderDesk
    from toolbox.builtin import builtin_tools
    from toolbox.canvas import canvas_tools
    from toolbox.files import file_tools
    from toolbox.notes import note_tools
    from toolbox.registry import third_party_tools
    from toolbox.reminders import reminder_tools
    from toolbox.shared_state import shared_state_tools
    from toolbox.talking import talking_tools

    return [
        *builtin_tools(clock),
        *reminder_tools(ReminderDesk(store.schedules, clock, notes=store.notes)),
        *file_tools(artifacts),
        *note_tools(artifacts),
        *shared_state_tools(artifacts),
        *canvas_tools(store, clock, settings.canvas.picture_hosts),
        *talking_tools(store, clock, {each.name: each.posts for each in settings.agents}),
        *third_party_tools(),
    ]


@asynccontextmanager
async def opened_image_tools(
    settings: Settings, store: Store, artifacts: ArtifactStore, clock: Clock
) -> AsyncGenerator[list[Tool]]:
    """Yield the tool that makes pictures; none where nobody is to make them."""
    made = settings.image_generation
    if made.server_url is None:
        yield []
        return
    from toolbox.image_making import ImageLimits, image_tools
    from toolbox.image_service import ImageServiceOptions, open_image_service

    options = ImageServiceOptions(
        made.server_url, made.model, secret(made.api_key), made.limit_bytes
    )
    limits = ImageLimits(made.per_day, made.timeout_seconds)
    async with open_image_service(options) as service:
        yield image_tools(service, artifacts, store.notes, clock, limits)


def shared_tools(
    settings: Settings, memory: AgentMemory | None, constellation: Constellation
) -> list[Tool]:
    """Return the tools for what agents keep in mind together; none where that can't be reached."""
    from toolbox.shared_memory import shared_memory_tools

    if memory is None:
        return []
    labels = {each.name: [block.label for block in each.shared_blocks] for each in settings.agents}
    return shared_memory_tools(memory, constellation, labels)


def make_registry(tools: Sequence[Tool]) -> Registry:
    """Return the tools by name. Raises SettingsWrong."""
    from toolbox.registry import Registry

    try:
        return Registry(tools)
    except ValueError as error:
        raise SettingsWrong(str(error)) from error


def make_toolbox(settings: Settings, registry: Registry, store: Store) -> Toolbox:
    """Return the tools at work, with what a schedule allows its turns. Raises SettingsWrong."""
    from scheduler.limits import WakeupLimits

    return WakeupLimits(_executor(settings, registry), store.schedules)


def _executor(settings: Settings, registry: Registry) -> Toolbox:
    """Return the tools at work, each role with those that it may use. Raises SettingsWrong.

    Which tools there are elsewhere is not known here: of these, names are taken as they stand.
    """
    from toolbox.executor import Executor

    allowed = {each.name: each.tools for each in settings.agents if each.tools is not None}
    named = {*settings.approvals.tools, *(name for names in allowed.values() for name in names)}
    lent = tuple(lent_by(settings))
    for name in sorted(named - set(registry.names())):
        if name.startswith(lent):
            continue
        known = ", ".join([*registry.names(), *(f"{prefix}*" for prefix in lent)])
        raise SettingsWrong(f'The settings name a tool "{name}". There is only {known}.')
    for agent in settings.agents:
        for name in sorted(set(agent.server_tools) & set(registry.names())):
            raise SettingsWrong(
                f'The agent "{agent.name}" has a tool "{name}" on its server, and the gateway has '
                "one of the same name: take it out of server_tools."
            )
    return Executor(registry, allowed)
