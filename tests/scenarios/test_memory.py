"""What an agent keeps in mind: seen, changed and undone by its own person alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.scripted import HostFault, ScriptedAgents
from gateway.commands.command import UNREACHABLE
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import Mode, Route
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

HUMAN = MemoryBlock("human", "Ada likes tea.", 60, "What I know about my person.")
PERSONA = MemoryBlock("persona", "I am kind.", 100, is_read_only=True)


async def _met(hub: FakeHub, name: str = "ada") -> FakePerson:
    """Return somebody whose agent knows something about them."""
    person = hub.person(name)
    await person.says("hello")
    await person.reads()
    agent = hub.agents.created[-1][2]
    hub.agents.memory[agent] = {"human": HUMAN, "persona": PERSONA}
    return person


def _human(agents: ScriptedAgents) -> str:
    (blocks,) = agents.memory.values()
    return blocks["human"].value


async def test_memory_shows_what_the_agent_keeps_in_mind(hub: FakeHub) -> None:
    ada = await _met(hub)

    whole = await ada.whispers("/memory human")
    await ada.whispers("/memory")
    await asyncio.sleep(1)

    overview = "".join(ada.sees)
    assert "**human** (14 of 60 characters)\nAda likes tea." in overview
    assert "**persona** (10 of 100 characters, can not be changed)" in overview
    assert whole == "**human**\nAda likes tea."


async def test_a_change_can_be_taken_back_and_made_again(hub: FakeHub) -> None:
    ada = await _met(hub)

    await ada.whispers("/memory human set Ada likes coffee.")
    changed = _human(hub.agents)
    await asyncio.sleep(1)
    await ada.whispers("/memory human undo")
    undone = _human(hub.agents)
    await asyncio.sleep(1)
    await ada.whispers("/memory human undo")

    assert (changed, undone) == ("Ada likes coffee.", "Ada likes tea.")
    assert _human(hub.agents) == "Ada likes coffee."


async def test_a_line_can_be_added(hub: FakeHub) -> None:
    ada = await _met(hub)

    await ada.whispers("/memory human add Her cat is called Pixel.")

    assert _human(hub.agents) == "Ada likes tea.\nHer cat is called Pixel."


async def test_a_text_may_begin_on_a_line_of_its_own(hub: FakeHub) -> None:
    ada = await _met(hub)

    await ada.whispers("/memory human\nset\nAda likes\ncoffee.")

    assert _human(hub.agents) == "Ada likes\ncoffee."


async def test_nothing_to_take_back_is_said(hub: FakeHub) -> None:
    ada = await _met(hub)

    assert "no change of yours" in await ada.whispers("/memory human undo")


async def test_what_the_agent_changed_since_is_not_taken_back(hub: FakeHub) -> None:
    ada = await _met(hub)
    await ada.whispers("/memory human set Ada likes coffee.")
    (blocks,) = hub.agents.memory.values()
    blocks["human"] = replace(HUMAN, value="Ada likes water.")
    await asyncio.sleep(1)

    answer = await ada.whispers("/memory human undo")

    assert "has changed **human** since" in answer
    assert _human(hub.agents) == "Ada likes water."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/memory persona set I am rude.", "can not be changed"),
        ("/memory human set " + "x" * 61, "would have 61 characters; 60 is the most"),
        ("/memory wishes", 'no part "wishes" in its memory. There is `human`, `persona`'),
        ("/memory human paint it black", "`/memory LABEL set TEXT` replaces it"),
        ("/memory human set", "`/memory LABEL set TEXT` replaces it"),
    ],
)
async def test_what_can_not_be_changed_is_refused(hub: FakeHub, text: str, why: str) -> None:
    ada = await _met(hub)

    assert why in await ada.whispers(text)
    assert _human(hub.agents) == HUMAN.value


async def test_memory_is_shown_in_private_only(hub: FakeHub) -> None:
    ada = await _met(hub)

    assert "direct message" in await ada.asks("/memory")
    assert "direct message" not in await ada.whispers("/memory")


async def test_each_person_sees_their_own_agents_memory(hub: FakeHub) -> None:
    ada = await _met(hub)
    bob = hub.person("bob")

    assert "You have no agent here yet." in await bob.whispers("/memory")
    assert "Ada likes tea." in await ada.whispers("/memory")


async def test_a_shared_agents_memory_is_not_one_persons_to_change() -> None:
    shared = HubOptions(route=Route("postern", mode=Mode.SHARED))
    hub = FakeHub(MemoryStore(), options=shared)
    async with hub.running():
        ada = await _met(hub)

        assert "shared with others" in await ada.whispers("/memory human set mine")
        assert "shared with others" in await ada.whispers("/new")


@pytest.mark.parametrize("text", ["/memory", "/memory human set Ada likes coffee.", "/new"])
async def test_a_server_that_is_away_is_told_at_once(hub: FakeHub, text: str) -> None:
    ada = await _met(hub)
    hub.agents.go_down()

    assert await ada.whispers(text) == UNREACHABLE
    assert "known here as" in await ada.whispers("/whoami")
    hub.agents.come_back()
    await asyncio.sleep(120)
    assert _human(hub.agents) == "Ada likes tea."
    assert len(hub.agents.threads) == 1


async def test_a_change_that_was_not_made_stands_in_the_way_of_no_other(hub: FakeHub) -> None:
    ada = await _met(hub)
    await ada.whispers("/memory human set Ada likes coffee.")
    await asyncio.sleep(1)
    hub.agents.host_faults.append(HostFault.LOST_REQUEST)
    assert await ada.whispers("/memory human set Ada likes water.") == UNREACHABLE
    await asyncio.sleep(1)

    await ada.whispers("/memory human undo")

    assert _human(hub.agents) == "Ada likes tea."


async def test_new_begins_a_new_thread_and_keeps_the_agent(hub: FakeHub) -> None:
    ada = await _met(hub)

    answer = await ada.whispers("/new")
    await ada.whispers("hello again")

    assert answer.startswith("This is a new conversation.")
    assert len(hub.agents.created) == 1
    assert [thread for _, _, thread in hub.agents.threads] == ["thread-1", "thread-2"]
