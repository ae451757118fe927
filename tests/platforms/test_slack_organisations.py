"""An organisation (Enterprise Grid) installs the app for all of its teams at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from gateway.domain.audit import AuditKind
from tests.platforms.slack_hub import SlackHub, Ways, slack_hub
from tests.platforms.slack_server import Person, View

ORGANISATION = "E00000001"


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub(ways=Ways(is_oauth=True)) as hub:
        hub.slack.world.installations.enterprise = ORGANISATION
        assert await hub.installs("acme") == 200
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


async def audited(hub: SlackHub, kind: AuditKind) -> list[str]:
    """What this happened to."""
    entries = await hub.hub.store.history.audit(0, 1_000)
    return [entry.ref for entry in entries if entry.kind is kind]


async def home_of(hub: SlackHub, person: Person) -> View:
    person.opens_home()
    await hub.slack.until(lambda: person.home)
    assert person.home is not None
    return person.home


async def submits(hub: SlackHub, person: Person, question: str) -> None:
    """Write it into the window that opens."""
    await hub.slack.until(lambda: person.modal)
    assert person.modal is not None
    await person.submits(person.modal, {"text": question})


async def test_a_direct_message_is_answered(hub: SlackHub, ada: Person) -> None:
    ada.dm("hello")

    await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])


async def test_a_mention_is_answered_in_its_thread_and_what_follows_too(
    hub: SlackHub, ada: Person
) -> None:
    general = hub.slack.channel("general")

    root = ada.mentions(general, "hello")
    await hub.slack.until(lambda: ada.sees(general, root.ts)[1:] == ["re: hello"])
    ada.says(general, "and more", thread_ts=root.ts)

    await hub.slack.until(lambda: ada.sees(general, root.ts)[3:] == ["re: and more"])


async def test_commands_are_answered_where_they_were_given(hub: SlackHub, ada: Person) -> None:
    general = hub.slack.channel("general")

    asked = await ada.slash("/ask", "why?", general)
    told = await ada.slash("/postern", "whoami", general)
    await hub.slack.until(lambda: len(ada.sees(general)) == 2)

    assert (asked.status, told.status) == (200, 200)
    assert "re: why?" in ada.sees(general)


async def test_all_that_somebody_does_is_one_persons(hub: SlackHub, ada: Person) -> None:
    home = await home_of(hub, ada)

    ada.dm("why?")
    for opens in (
        lambda: ada.slash("/ask"),
        lambda: ada.shortcut("ask"),
        lambda: ada.press_in(home, "ask"),
    ):
        await opens()
        await submits(hub, ada, "why?")
    await hub.slack.until(lambda: ada.sees().count("re: why?") == 4)

    assert await audited(hub, AuditKind.PERSON_MET) == [f"slack:{ORGANISATION}:{ada.id}"]


async def test_a_message_is_quoted_from_its_menu(hub: SlackHub, ada: Person) -> None:
    said = hub.slack.person("bob").says(hub.slack.channel("general"), "the sky is green")

    await ada.message_shortcut("ask_about", said)
    await submits(hub, ada, "really?")

    await hub.slack.until(lambda: "the sky is green" in "".join(ada.sees()))


async def test_taking_the_app_out_is_heard(hub: SlackHub) -> None:
    hub.slack.uninstall("acme")
    await hub.slack.until_delivered()

    assert await hub.hub.store.installations.get("slack", ORGANISATION) is None
    assert await audited(hub, AuditKind.INSTALLATION_ENDED) == [ORGANISATION]
