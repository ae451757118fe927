"""Two accounts become one person with one memory, and part again; nobody is matched by name."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity, person_id_of
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions


@pytest.fixture
async def doors() -> AsyncGenerator[FakeHub]:
    """A running hub with a Discord and a Slack, both of them fake."""
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("discord", "slack")))
    async with hub.running():
        yield hub


def on_discord(hub: FakeHub, name: str = "ada") -> FakePerson:
    return hub.account(Identity("discord", "discord", name), Conversation("discord", "dm", name))


def on_slack(hub: FakeHub, name: str = "ada") -> FakePerson:
    return hub.on_slack(name, Conversation("slack", "T1", f"D{name}"))


async def answered(person: FakePerson, text: str) -> str:
    """Say something and return what it is answered with."""
    before = len(person.sees)
    await person.says(text)
    await person.hub.platform.until(lambda: len("".join(person.sees[before:])) > 0)
    seen = await settled(person)
    return "".join(seen[before:])


async def settled(person: FakePerson) -> list[str]:
    """Wait until all that was to be shown is shown; an answer may be cut into several posts."""
    counts = await person.hub.store.history.counts()
    while counts.deliveries_open:
        await person.hub.platform.changed.wait()
        person.hub.platform.changed.clear()
        counts = await person.hub.store.history.counts()
    return person.sees


async def code_for(person: FakePerson) -> str:
    found = re.search(r"\*\*(\w{8})\*\*", await answered(person, "/link"))
    assert found is not None
    return found[1]


async def link(first: FakePerson, second: FakePerson) -> str:
    return await answered(second, f"/link {await code_for(first)}")


async def owner_of(person: FakePerson) -> PersonId:
    found = await person.hub.store.people.find_person(person.identity)
    assert found is not None
    return found.id


async def test_two_accounts_share_one_agent_once_they_are_linked(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    await answered(discord, "hello")
    await answered(slack, "hello")

    told = await link(discord, slack)
    await answered(slack, "who am I?")

    assert "`discord:discord:ada` are one person now" in told
    assert await owner_of(slack) == await owner_of(discord)
    people = [person for person, _, _ in doors.agents.created]
    assert people == [person_id_of(discord.identity), person_id_of(slack.identity)]
    *_, (last_agent, _, _) = doors.agents.threads
    assert last_agent == doors.agents.created[0][2]


async def test_the_first_account_hears_who_joined_it(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    await link(discord, slack)

    shown = "".join(await settled(discord))

    assert "The account `slack:T1:ada` typed your code" in shown


async def test_whoami_lists_the_other_accounts_where_nobody_else_reads(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    await link(discord, slack)

    own = await answered(discord, "/whoami")
    in_public = doors.account(slack.identity, Conversation("slack", "T1", "C2", "171.5"))
    seen_by_all = await answered(in_public, "/whoami")

    assert "Your agents: postern. Here answers postern." in own
    assert "You are also `slack:T1:ada`; `/unlink` separates accounts." in own
    assert "known here as `slack:T1:ada`" in seen_by_all
    assert "discord" not in seen_by_all


async def test_an_unlinked_account_has_its_own_agent_back(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    await answered(slack, "hello")
    await link(discord, slack)

    told = await answered(slack, "/unlink")
    await answered(slack, "me again")

    assert "stands for itself again" in told
    assert await owner_of(slack) == person_id_of(slack.identity)
    made_for = [person for person, _, _ in doors.agents.created]
    assert made_for == [person_id_of(slack.identity)]


async def test_people_of_one_name_stay_apart(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    await answered(discord, "hello")
    await answered(slack, "hello")

    assert await owner_of(slack) != await owner_of(discord)


async def test_a_code_is_never_shown_where_others_read(doors: FakeHub) -> None:
    ada = Identity("slack", "T1", "ada")
    in_channel = doors.account(ada, Conversation("slack", "T1", "C1"))

    said = await answered(in_channel, "/link")
    typed = await answered(in_channel, "/link ABCD2345")

    assert said == typed == "This is between you and me: write it to me in a direct message."
    audit = await doors.store.history.audit(0, 100)
    assert not [entry for entry in audit if entry.kind.startswith("link.")]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("nonsense", '"nonsense" is not a code.'),
        ("ABCD 2345", "There is no such code."),
    ],
)
async def test_what_is_no_code_is_answered_with_a_sentence(
    doors: FakeHub, typed: str, told: str
) -> None:
    assert (await answered(on_slack(doors), f"/link {typed}")).startswith(told)


async def test_the_own_code_on_the_same_account_is_refused(doors: FakeHub) -> None:
    ada = on_slack(doors)

    told = await answered(ada, f"/link {await code_for(ada)}")

    assert told.startswith("This code was shown to this very account.")


async def test_an_account_that_is_linked_is_told_so(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    await link(discord, slack)

    assert await link(discord, slack) == "These two accounts are one person already."
    assert "`slack:T1:ada`" in await answered(discord, "/unlink")
    other = on_discord(doors, "cy")
    assert (await link(other, slack)).startswith("This account is linked to others already.")


async def test_guesses_end_after_five_and_a_link_out_of_time_fails(doors: FakeHub) -> None:
    discord, slack = on_discord(doors), on_slack(doors)
    code = await code_for(discord)
    for _ in range(5):
        await answered(slack, "/link ABCD2345")

    told = await answered(slack, f"/link {code}")

    assert told == "These were too many wrong codes. Wait ten minutes."


async def test_the_sixth_code_in_ten_minutes_is_not_shown(doors: FakeHub) -> None:
    ada = on_slack(doors)
    for _ in range(5):
        await code_for(ada)

    assert (await answered(ada, "/link")).startswith("You were shown many codes already.")


async def test_an_account_without_links_has_nothing_to_unlink(doors: FakeHub) -> None:
    assert await answered(on_slack(doors), "/unlink") == "This account is linked to no other."
