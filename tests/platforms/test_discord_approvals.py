"""An agent's tools on Discord: asked for and decided by buttons, and what they give is seen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from adapters.discord.payloads import EPHEMERAL
from agents.scripted import Ask, Say
from gateway.commands import SPECS
from gateway.domain.audit import AuditKind
from gateway.turn_runner import TurnOptions
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import Channel, DiscordServer, Message, Person
from tests.platforms.discord_server.interactions import Interaction
from tests.platforms.discord_server.message_forms import walk_components
from tests.platforms.hands import ASKS_FIRST, ATTACH, NOT_YOURS, PAY, SAVE, SUGGEST, Bank, hands

DOORS = ["gateway", "http"]


@dataclass
class Desk:
    """A hub whose agents can pay, and somebody who talks to one of them."""

    hub: DiscordHub
    bank: Bank
    ada: Person

    async def is_asked(self, place: Channel, text: str = "pay Bob 5 euros") -> Message:
        """Have ada's agent want to pay; returns the question once the turn is over."""
        self.hub.agents.will(Ask((PAY,)))
        self.hub.agents.will_say("I wait for your yes.")
        self.ada.says(place, text)
        await self.sees(place, "I wait for your yes.")
        return self._message(place, "wants to use")

    async def sees(self, place: Channel, text: str) -> Message:
        """Wait until a message in this place holds the text."""
        shown = self.hub.server.visible
        await self.hub.server.until(lambda: any(text in one for one in shown(place)))
        return self._message(place, text)

    async def is_told(self, pressed: Interaction) -> str:
        """Wait for what the presser alone is told."""
        await self.hub.server.until(lambda: pressed.texts)
        return pressed.texts[0]

    def _message(self, place: Channel, text: str) -> Message:
        return next(one for one in place.messages if text in one.content)


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def desk(server: DiscordServer) -> Desk:
    bank, hub = Bank(), DiscordHub(server, turns=ASKS_FIRST, settings={"commands": SPECS})
    hub.toolbox = hands(bank, hub.store, hub.artifacts, hub.clock)
    return Desk(hub, bank, server.person("ada"))


@asynccontextmanager
async def working(desk: Desk, door: str = "gateway") -> AsyncGenerator[None]:
    """Run the hub, with presses coming in by this door."""
    server = desk.hub.server
    async with desk.hub.connected():
        await server.until(lambda: server.commands.registered)
        server.application.interactions_url = desk.hub.url if door == "http" else None
        yield


def labels(message: Message) -> list[str]:
    found = (item for _, item in walk_components(message.revisions[-1].components))
    return [item["label"] for item in found if item.get("type") == 2]


def cards(message: Message) -> list[tuple[str, str]]:
    """Return title and description of the embeds that the message shows now."""
    return [(card["title"], card["description"]) for card in message.revisions[-1].embeds]


@pytest.mark.parametrize("door", DOORS)
async def test_a_yes_by_button_has_the_call_made_and_the_question_says_so(
    desk: Desk, door: str
) -> None:
    ada = desk.ada
    async with working(desk, door):
        question = await desk.is_asked(ada.dm_channel)
        before, paid_before = labels(question), list(desk.bank.paid)
        desk.hub.agents.will_say("It is paid.")
        told = await desk.is_told(await ada.press(question, "Approve"))
        await ada.hears("It is paid.")
        await ada.hears("**Approved by Ada**")

    assert (before, paid_before, desk.bank.paid) == (["Approve", "Deny"], [], [5])
    assert '"euros": 5' in question.content
    assert labels(question) == []
    assert told == "Approved: pay."


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("button", "stands"), [("Approve", "Approved"), ("Deny", "Denied")])
async def test_a_card_tells_where_a_question_stands(
    desk: Desk, door: str, button: str, stands: str
) -> None:
    ada = desk.ada
    async with working(desk, door):
        question = await desk.is_asked(ada.dm_channel)
        before = cards(question)
        desk.hub.agents.will_say("I heard.")
        await ada.press(question, button)
        await ada.hears("I heard.")
        await ada.hears(f"**{stands} by Ada**")

    assert before == [("`pay`", "Waits for an answer")]
    assert cards(question) == [("`pay`", stands)]
    assert '"euros": 5' in question.content
    assert ada.inbox[0].count('"euros"') == 1


async def test_only_questions_have_a_card(desk: Desk) -> None:
    ada = desk.ada
    async with working(desk):
        await desk.is_asked(ada.dm_channel)

    assert [len(cards(message)) for message in ada.inbox_messages] == [1, 0]


async def test_a_no_by_button_keeps_the_call_from_being_made(desk: Desk) -> None:
    ada = desk.ada
    async with working(desk):
        question = await desk.is_asked(ada.dm_channel)
        desk.hub.agents.will_say("Then not.")
        await ada.press(question, "Deny")
        await ada.hears("Then not.")
        await ada.hears("**Denied by Ada**")

    assert (desk.bank.paid, labels(question)) == ([], [])


@pytest.mark.parametrize("door", DOORS)
async def test_a_strangers_press_in_a_channel_is_refused_to_them_alone(
    desk: Desk, server: DiscordServer, door: str
) -> None:
    ada, mallory, general = desk.ada, server.person("mallory"), server.general
    async with working(desk, door):
        question = await desk.is_asked(general, f"<@{server.world.bot.id}> pay Bob 5 euros")
        seen_by_ada = ada.sees(general)
        pressed = await mallory.press(question, "Approve")
        told = await desk.is_told(pressed)
        audit = await desk.hub.store.history.audit(0, 1_000)

    assert told == NOT_YOURS
    assert pressed.original is not None
    assert pressed.original.flags & EPHEMERAL
    assert ada.sees(general) == seen_by_ada
    assert (desk.bank.paid, labels(question)) == ([], ["Approve", "Deny"])
    refused = [e.subject for e in audit if e.kind is AuditKind.APPROVAL_REFUSED]
    assert refused == [f"discord:discord:{mallory.id}"]


async def test_of_a_call_asked_for_in_private_a_channel_reads_only_the_tools_name(
    desk: Desk, server: DiscordServer
) -> None:
    ada, boss, mallory = desk.ada, server.person("boss"), server.person("mallory")
    approvers = frozenset({f"discord:discord:{boss.id}"})
    desk.hub.turns = TurnOptions(approvals=replace(ASKS_FIRST.approvals, approvers=approvers))
    general = server.general
    async with working(desk):
        desk.hub.agents.will(Ask((PAY,)))
        desk.hub.agents.will_say("I wait for their yes.")
        await ada.asks_about(mallory.says(general, "an invoice"), "Ask my agent")
        question = await desk.sees(general, "wants to use")
        told = [
            await desk.is_told(await person.press(question, "Show"))
            for person in (boss, ada, mallory)
        ]
        desk.hub.agents.will_say("It is paid.")
        await desk.is_told(await boss.press(question, "Approve"))
        await desk.sees(general, "**Approved by Boss**")
        await server.until(lambda: desk.bank.paid)

    assert ['"euros": 5' in text for text in told] == [True, True, False]
    assert told[2] == "This is not yours to see."
    assert not [text for text in question.texts if "euros" in text]
    assert not [one for one in question.revisions if "euros" in str(one.embeds)]
    assert cards(question) == [("`pay`", "Approved")]
    assert not [text for text in mallory.sees(general) if "euros" in text or "yes." in text]


async def test_an_approver_who_never_wrote_is_asked_in_a_direct_message_that_is_opened(
    server: DiscordServer,
) -> None:
    boss, bank = server.person("boss"), Bank()
    approvals = replace(
        ASKS_FIRST.approvals, approvers=frozenset({f"discord:discord:{boss.user.id}"})
    )
    hub = DiscordHub(server, turns=replace(ASKS_FIRST, approvals=approvals))
    hub.toolbox = hands(bank, hub.store, hub.artifacts, hub.clock)
    desk = Desk(hub, bank, server.person("ada"))

    async with working(desk):
        await desk.is_asked(desk.ada.dm_channel)
        question = await desk.sees(boss.dm_channel, "wants to use `pay`")
        hub.agents.will_say("It is paid.")
        await boss.press(question, "Approve")
        await desk.sees(desk.ada.dm_channel, "It is paid.")

    assert bank.paid == [5]


async def test_a_double_press_pays_once(desk: Desk, server: DiscordServer) -> None:
    ada = desk.ada
    async with working(desk):
        question = await desk.is_asked(ada.dm_channel)
        buttons = question.revisions[-1]
        desk.hub.agents.will_say("It is paid.")
        server.gateway.repeat("INTERACTION_CREATE", 2)
        await desk.is_told(await ada.press(question, "Approve"))
        await ada.hears("**Approved by Ada**")
        question.revisions.append(buttons)  # an old screen still shows them
        late = await desk.is_told(await ada.press(question, "Deny"))
        await ada.hears("It is paid.")

    assert late.startswith("This was decided before. **Approved by Ada**")
    assert desk.bank.paid == [5]


async def test_a_question_outlives_the_process_that_asked(desk: Desk) -> None:
    ada = desk.ada
    async with working(desk):
        question = await desk.is_asked(ada.dm_channel)
    async with working(desk):
        desk.hub.agents.will_say("It is paid.")
        await ada.press(question, "Approve")
        await ada.hears("It is paid.")
        await ada.hears("**Approved by Ada**")

    assert (desk.bank.paid, labels(question)) == ([5], [])


async def test_suggested_replies_stand_under_the_answer_and_are_said_by_a_press(
    desk: Desk,
) -> None:
    ada = desk.ada
    async with working(desk):
        desk.hub.agents.will(Ask((SUGGEST,)))
        desk.hub.agents.will_say("Which tea?")
        ada.dm("tea")
        answer = await ada.hears("Which tea?")
        await desk.hub.server.until(lambda: labels(answer))
        await ada.press(answer, "Green tea")
        await ada.hears("echo: ")

    assert labels(answer) == ["Green tea", "No tea"]
    assert "Green tea" in desk.hub.agents.heard[-1][0]


async def test_an_attached_file_comes_with_the_answer(desk: Desk) -> None:
    ada = desk.ada
    async with working(desk):
        desk.hub.agents.will(Ask((SAVE,)))
        desk.hub.agents.will(Ask((ATTACH,)))
        desk.hub.agents.will(Say("Here is the plan."))
        ada.dm("the plan, please")
        answer = await ada.hears("Here is the plan.")
        await desk.hub.server.until(lambda: answer.revisions[-1].attachments)

    (file,) = answer.revisions[-1].attachments
    assert (file.filename, file.data) == ("tea.md", b"# Tea")
