"""A crowd in direct messages: everybody is answered once, by their own agent, within limits."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from agents.scripted import Say, ScriptedAgents, Step
from gateway.domain.turns import InputMessage, RunRequest
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer

PEOPLE = 500
FASTER = 10
"""Both Discord's global limit and our pace below it, so that ten seconds take one."""


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        server.limits.enabled = True
        server.limits.global_per_second = 50 * FASTER
        yield server


def say_who(request: RunRequest) -> Sequence[Step]:
    """Answer each message in the name of the agent that heard it."""
    said = [item.text.splitlines()[-1] for item in request.input if isinstance(item, InputMessage)]
    return [Say(f"{request.session.agent} heard {' and '.join(said)}")]


async def test_500_people_within_ten_seconds_are_answered_once_each_by_their_own_agent(
    server: DiscordServer,
) -> None:
    people = [server.person(f"person{number}") for number in range(PEOPLE)]
    agents = ScriptedAgents(say_who)
    pace: dict[str, object] = {"requests_per_second": 45.0 * FASTER}

    async with DiscordHub(server, agents=agents, settings=pace).connected():
        for number, person in enumerate(people):
            person.dm(f"message {number}")
            await asyncio.sleep(10 / FASTER / PEOPLE)
        await server.until(lambda: all(person.inbox for person in people))

    heard = [person.inbox[0].partition(" heard ") for person in people]
    assert [len(person.inbox) for person in people] == [1] * PEOPLE
    assert [text for _, _, text in heard] == [f"message {number}" for number in range(PEOPLE)]
    assert len({agent for agent, _, _ in heard}) == PEOPLE
    assert server.limits.refused == 0


async def test_everybody_keeps_their_own_order(server: DiscordServer) -> None:
    people = [server.person(f"person{number}") for number in range(20)]
    agents = ScriptedAgents(say_who)
    pace: dict[str, object] = {"requests_per_second": 45.0 * FASTER}

    async with DiscordHub(server, agents=agents, settings=pace).connected():
        for number in range(10):
            for person in people:
                person.dm(f"{person.name}-{number}")
            await asyncio.sleep(0.01)
        await server.until(lambda: all("-9" in " ".join(p.inbox) for p in people))

    for person in people:
        said = " ".join(person.inbox).replace(" and ", " ").split()
        own = [word for word in said if word.startswith(person.name)]
        assert own == [f"{person.name}-{number}" for number in range(10)]
        assert len({text.partition(" heard ")[0] for text in person.inbox}) == 1
