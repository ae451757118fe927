"""A deployment in parts: what the ingress acknowledged is answered once, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.bootstrap import desks, opened_store
from gateway.clock import SystemClock
from gateway.domain.schedules import NewSchedule, Timing
from gateway.place import PlaceOptions
from gateway.settings import load_settings
from tests.crash.parts import HEARS_BY_HTTP, Parts, known_to
from tests.fakes.postgres import postgres_schema
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_server import SlackServer

LEASE = "6"
"""Seconds. A listener that does not die must not lose its place while the machine is slow."""
MOMENTS = ["before store.turns.accept", "before store.handed.drop"]

pytestmark = pytest.mark.crash


@dataclass(frozen=True)
class World:
    """Two platforms, and what runs between them."""

    discord: DiscordServer
    slack: SlackServer
    parts: Parts
    """Workers and ticks, which hold no gateway connection."""

    @property
    def listeners(self) -> Parts:
        """The same for those that do."""
        return replace(
            self.parts,
            folder=self.parts.folder / "listeners",
            settings={**self.parts.settings, "POSTERN_DISCORD__GATEWAY": "true"},
        )

    def point_to(self, ingress: str) -> None:
        """Tell both platforms where the ingress is."""
        url = ingress.removeprefix("Ready at ")
        self.slack.events_url = f"{url}/slack/events"
        self.discord.application.interactions_url = f"{url}/discord/interactions"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with DiscordServer() as discord, SlackServer() as slack, postgres_schema() as url:
        settings = {**known_to(discord, slack, url), **HEARS_BY_HTTP}
        yield World(discord, slack, Parts(tmp_path, settings))


async def until_registered(world: World) -> None:
    """Wait until Discord knows the commands, which a worker tells it."""
    await world.discord.until(lambda: world.discord.commands.registered)


async def test_what_came_while_no_worker_lived_was_acknowledged_and_is_answered_once(
    world: World,
) -> None:
    ada, bob = world.slack.person("ada"), world.discord.person("bob")
    async with world.parts.running("ingress", "--port", "0") as ingress:
        world.point_to(ingress.said)
        async with world.parts.running("worker") as worker:
            await until_registered(world)
            await worker.kill()

        ada.dm("My name is Ada.")
        asked = await bob.slash("ask", text="My name is Bob.")
        await world.slack.until_delivered()
        acknowledged = [attempt.status for attempt in world.slack.attempts]
        thinking = asked.callback_type
        seen = len(world.slack.said_by_app(ada.dm_channel)), len(asked.texts)

        async with world.parts.running("worker"):
            await world.slack.until(lambda: len(world.slack.said_by_app(ada.dm_channel)) == 1)
            await world.discord.until(lambda: asked.texts)
            ada.dm("What is my name?")
            await world.slack.until(
                lambda: world.slack.visible(ada.dm_channel)[-1] == "Your name is **Ada**."
            )

    assert (acknowledged, thinking, seen) == ([200], 5, (0, 0))
    assert len(world.slack.said_by_app(ada.dm_channel)) == 2
    assert len(asked.texts) == 1


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_worker_killed_after_the_acknowledgement_loses_and_doubles_nothing(
    world: World, moment: str
) -> None:
    ada = world.slack.person("ada")
    async with world.parts.running("ingress", "--port", "0") as ingress:
        world.point_to(ingress.said)
        ada.dm("My name is Ada.")
        await world.slack.until_delivered()

        status = await world.parts.dying(moment)
        async with world.parts.running("worker"):
            await world.slack.until(lambda: len(world.slack.said_by_app(ada.dm_channel)) == 1)
            ada.dm("What is my name?")
            await world.slack.until(
                lambda: world.slack.visible(ada.dm_channel)[-1] == "Your name is **Ada**."
            )

    assert status == -signal.SIGKILL, f'"{moment}" never came'
    assert {attempt.number for attempt in world.slack.attempts} == {0}
    assert len(world.slack.said_by_app(ada.dm_channel)) == 2


async def test_ticks_of_one_minute_fire_a_slot_once(world: World) -> None:
    settings = load_settings(world.parts.settings)
    ada = world.slack.person("ada")
    place = f"slack:{ada.workspace.id}:{ada.dm_channel.id}"
    wish = NewSchedule("news", Timing(at="in 1 second"), place, "What is new?")
    async with opened_store(settings) as store:
        await desks(settings, store, SystemClock()).schedules.add(wish)
        await asyncio.sleep(1)

        said = await asyncio.gather(*(world.parts.ticked() for _ in range(3)))

        (slot,) = await store.schedules.past_slots("news", 10)
    assert sorted(json.loads(each)["fired"] for each in said) == [0, 0, 1]
    assert not slot.was_missed


def test_a_dead_listeners_place_is_taken_within_a_minute() -> None:
    options = PlaceOptions()

    assert options.length.total_seconds() + options.renewed_every_seconds <= 60


async def test_one_of_two_listeners_is_connected_and_the_other_hears_what_was_missed(
    world: World,
) -> None:
    discord, ada = world.discord, world.discord.person("ada")
    listeners = world.listeners
    async with (
        world.parts.running("worker"),
        listeners.running("listener", "--lease", LEASE) as first,
    ):
        await discord.connected()
        ada.dm("Hello.")
        await discord.until(lambda: len(ada.inbox) == 1)
        async with listeners.running("listener", "--lease", LEASE) as second:
            assert len(discord.gateway.connections) == 1
            await first.kill()
            await discord.until(lambda: not discord.gateway.connections)
            ada.dm("My name is Ada.")
            await discord.until(lambda: discord.gateway.connections)
            await discord.until(lambda: len(ada.inbox) == 2)
            ada.dm("What is my name?")
            await ada.hears("Your name is **Ada**.")
            assert second.process.returncode is None

    assert len(discord.said_by_bot(ada.dm_channel)) == 3
    assert discord.gateway.identifies == 2
