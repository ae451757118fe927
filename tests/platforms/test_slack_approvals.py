"""An agent's tools on Slack: asked for and decided by buttons, and what they give is seen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import pytest

from agents.scripted import Ask
from gateway.domain.audit import AuditKind
from tests.platforms.hands import ASKS_FIRST, ATTACH, NOT_YOURS, PAY, SAVE, SUGGEST, Bank, hands
from tests.platforms.slack_hub import SlackHub, Ways, dead_hub
from tests.platforms.slack_server import Channel, Message, Person

APPROVE, DENY = "say-0", "say-1"


@dataclass
class Desk:
    """A hub whose agents can pay, and somebody who talks to one of them."""

    hub: SlackHub
    bank: Bank
    ada: Person

    async def is_asked(self) -> Message:
        """Have ada's agent want to pay; returns the question once the turn is over."""
        self._wants_to_pay()
        self.ada.dm("pay Bob 5 euros")
        await self.sees("I wait for your yes.")
        return self.question(self.ada.dm_channel)

    async def is_asked_in(self, place: Channel) -> Message:
        """Ask in a thread of a channel, where everybody looks on."""
        self._wants_to_pay()
        root = self.ada.mentions(place, "pay Bob 5 euros")
        waits = "I wait for your yes."
        await self.hub.slack.until(lambda: self.ada.sees(place, root.ts)[-1] == waits)
        return self.question(place)

    async def sees(self, text: str) -> None:
        """Wait until a message in ada's direct conversation holds the text."""
        await self.hub.slack.until(lambda: any(text in one for one in self.ada.sees()))

    def question(self, place: Channel) -> Message:
        """The message that asks."""
        return next(one for one in place.messages.values() if "wants to use" in one.text)

    def _wants_to_pay(self) -> None:
        self.hub.agents.will(Ask((PAY,)))
        self.hub.agents.will_say("I wait for your yes.")


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with dead_hub(ways=Ways(turns=ASKS_FIRST)) as hub:
        bank = Bank()
        hub.hub.toolbox = hands(bank, hub.hub.store, hub.artifacts, hub.hub.clock)
        yield Desk(hub, bank, hub.slack.person("ada"))


def labels(message: Message) -> list[str]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["text"]["text"] for row in rows for element in row]


async def test_a_yes_by_button_has_the_call_made_and_the_question_says_so(desk: Desk) -> None:
    async with desk.hub.living():
        question = await desk.is_asked()
        before, paid_before = labels(question), list(desk.bank.paid)
        desk.hub.agents.will_say("It is paid.")
        await desk.ada.press(question, APPROVE)
        await desk.sees("It is paid.")
        await desk.sees("Approved by ada")
        await desk.sees("Approved: pay.")

    assert (before, paid_before, desk.bank.paid) == (["Approve", "Deny"], [], [5])
    assert '"euros": 5' in question.text
    assert labels(question) == []


async def test_a_no_by_button_keeps_the_call_from_being_made(desk: Desk) -> None:
    async with desk.hub.living():
        question = await desk.is_asked()
        desk.hub.agents.will_say("Then not.")
        await desk.ada.press(question, DENY)
        await desk.sees("Then not.")
        await desk.sees("Denied by ada")

    assert (desk.bank.paid, labels(question)) == ([], [])


async def test_a_strangers_press_in_a_channel_is_refused_to_them_alone(desk: Desk) -> None:
    slack = desk.hub.slack
    mallory, general = slack.person("mallory"), slack.channel("general")
    async with desk.hub.living():
        question = await desk.is_asked_in(general)
        thread = question.thread_ts
        seen_by_ada = desk.ada.sees(general, thread)
        await mallory.press(question, APPROVE)
        await slack.until(lambda: NOT_YOURS in mallory.sees(general, thread))
        audit = await desk.hub.hub.store.history.audit(0, 1_000)

    assert desk.ada.sees(general, thread) == seen_by_ada
    assert (desk.bank.paid, labels(question)) == ([], ["Approve", "Deny"])
    refused = [e.subject for e in audit if e.kind is AuditKind.APPROVAL_REFUSED]
    assert refused == [f"slack:{mallory.workspace.id}:{mallory.id}"]


async def test_an_approver_who_never_wrote_is_asked_in_direct_messages_that_are_opened() -> None:
    async with dead_hub() as hub:
        boss, bank = hub.slack.person("boss"), Bank()
        key = f"slack:{boss.workspace.id}:{boss.id}"
        approvals = replace(ASKS_FIRST.approvals, approvers=frozenset({key}))
        hub.hub.options = replace(hub.hub.options, turns=replace(ASKS_FIRST, approvals=approvals))
        hub.hub.toolbox = hands(bank, hub.hub.store, hub.artifacts, hub.hub.clock)
        desk = Desk(hub, bank, hub.slack.person("ada"))

        async with hub.living():
            await desk.is_asked()
            await hub.slack.until(lambda: any("wants to use" in text for text in boss.sees()))
            hub.agents.will_say("It is paid.")
            await boss.press(desk.question(boss.dm_channel), APPROVE)
            await desk.sees("It is paid.")

    assert bank.paid == [5]


async def test_a_double_press_pays_once(desk: Desk) -> None:
    async with desk.hub.living():
        question = await desk.is_asked()
        yes, no = (desk.ada.press_of(question, action) for action in (APPROVE, DENY))
        desk.hub.agents.will_say("It is paid.")
        for payload in (yes, yes):
            await desk.hub.slack.interactions.send_payload(payload)
        await desk.sees("Approved by ada")
        await desk.hub.slack.interactions.send_payload(no)
        await desk.sees("This was decided before.")
        await desk.sees("It is paid.")

    assert desk.bank.paid == [5]
    assert sum(text == "Approved: pay." for text in desk.ada.sees()) == 1


async def test_a_question_outlives_the_process_that_asked(desk: Desk) -> None:
    async with desk.hub.living():
        question = await desk.is_asked()
    async with desk.hub.living():
        desk.hub.agents.will_say("It is paid.")
        await desk.ada.press(question, APPROVE)
        await desk.sees("It is paid.")
        await desk.sees("Approved by ada")

    assert (desk.bank.paid, labels(question)) == ([5], [])


async def test_suggested_replies_stand_under_the_answer_and_are_said_by_a_press(
    desk: Desk,
) -> None:
    async with desk.hub.living():
        desk.hub.agents.will(Ask((SUGGEST,)))
        desk.hub.agents.will_say("Which tea?")
        desk.ada.dm("tea")
        await desk.sees("[Green tea] [No tea]")
        place = desk.ada.dm_channel.messages.values()
        answer = next(one for one in place if "Which tea?" in one.text)
        await desk.ada.press(answer, "say-0")
        await desk.sees("re: Green tea")

    assert labels(answer) == ["Green tea", "No tea"]


async def test_an_attached_file_comes_with_the_answer(desk: Desk) -> None:
    async with desk.hub.living():
        desk.hub.agents.will(Ask((SAVE,)))
        desk.hub.agents.will(Ask((ATTACH,)))
        desk.hub.agents.will_say("Here is the plan.")
        desk.ada.dm("the plan, please")
        await desk.sees("Here is the plan.")
        await desk.hub.is_quiet()

    kept = desk.hub.slack.workspace().files
    shared = [kept[f] for one in desk.ada.dm_channel.messages.values() for f in one.files]
    assert [(file.title, file.data) for file in shared] == [("tea.md", b"# Tea")]
