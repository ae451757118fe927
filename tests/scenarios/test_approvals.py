"""Tool calls that need a yes: asked in chat, decided once, and the talk goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from agents.scripted import Ask, Say
from gateway.approvals import NOT_ASKED, ApprovalOptions, Approvals
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Mode, Route
from gateway.domain.tools import Effect, ToolCall
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.hub import WORKER, FakeHub, FakePerson, HubOptions
from toolbox.executor import Executor
from toolbox.registry import Registry, tool_from

PAY = ToolCall("c1", "pay", '{"euros": 5}')


class Bank:
    """Where the money goes."""

    def __init__(self) -> None:
        self.paid: list[int] = []

    async def pay(self, euros: int) -> str:
        """Pay somebody."""
        self.paid.append(euros)
        return f"{euros} euros are paid"


@asynccontextmanager
async def opened_bank(
    *,
    approvers: tuple[str, ...] = (),
    route: Route | None = None,
    channel: Conversation | None = None,
    doors: tuple[str, ...] = ("fake",),
) -> AsyncGenerator[tuple[FakeHub, Bank]]:
    bank = Bank()
    wait = timedelta(minutes=10)
    asks = ApprovalOptions(frozenset(approvers), frozenset({"pay"}), wait, channel=channel)
    turns = TurnOptions(approvals=asks)
    options = HubOptions(turns=turns, route=route or Route("postern"), doors=doors)
    toolbox = Executor(Registry([tool_from(bank.pay, effect=Effect.EXTERNAL)]))
    hub = FakeHub(MemoryStore(), options=options, toolbox=toolbox)
    async with hub.running():
        yield hub, bank


async def asks_to_pay(hub: FakeHub) -> FakePerson:
    ada = hub.person("ada")
    hub.agents.will(Ask((PAY,)))
    hub.agents.will_say("I wait for your yes.")
    await ada.says("pay Bob 5 euros")
    await ada.reads(2)
    return ada


def buttons(hub: FakeHub) -> list[str]:
    return [button.says for message in hub.platform.messages for button in message.buttons]


async def test_a_yes_has_the_call_made_once_and_the_agent_told() -> None:
    async with opened_bank() as (hub, bank):
        ada = await asks_to_pay(hub)
        before, (yes, _) = list(bank.paid), buttons(hub)
        hub.agents.will_say("It is paid.")

        await ada.says(yes)
        await hub.platform.until(lambda: "It is paid." in ada.sees)
        await ada.says(yes)
        await hub.platform.until(lambda: len(ada.sees) == 5)

    assert (before, bank.paid) == ([], [5])
    assert '"euros": 5' in ada.sees[0]
    assert "**Approved by ada** at" in ada.sees[0]
    assert buttons(hub) == []
    assert "Approved: pay." in ada.sees
    assert ada.sees[-1].startswith("This was decided before. **Approved by ada**")
    assert "ada said yes to your call of pay" in hub.agents.heard[1][0]
    assert "5 euros are paid" in hub.agents.heard[1][0]


async def test_what_came_of_a_call_that_one_asked_for_alone_is_told_to_them_alone() -> None:
    square = Conversation("fake", "w1", "town-square")
    async with opened_bank() as (hub, bank):
        ada = hub.person("ada")
        hub.agents.will(Ask((PAY,)))
        hub.agents.will_say("I wait for your yes.")
        await _whispers(ada, "pay Bob 5 euros", square)
        await hub.platform.until_visible(square.id, 2)
        hub.agents.will_say("It is paid.")

        await _whispers(ada, buttons(hub)[0], square)
        await hub.platform.until(lambda: "It is paid." in hub.platform.visible(square.id))
        read_by_all = await hub.store.history.history(square.id, None, 100)

    assert bank.paid == [5]
    assert read_by_all == []


async def test_strangers_read_only_the_tools_name_of_a_call_that_was_asked_for_in_private() -> None:
    square = Conversation("fake", "w1", "town-square")
    async with opened_bank(approvers=("fake:w1:boss",)) as (hub, bank):
        ada, boss, mallory = (hub.person(name) for name in ("ada", "boss", "mallory"))
        hub.agents.will(Ask((PAY,)))
        hub.agents.will_say("I wait for their yes.")
        await _whispers(ada, "pay Bob 5 euros", square)
        await hub.platform.until_visible(square.id, 2)
        yes, _, show = buttons(hub)
        hub.agents.will_say("It is paid.")

        for person in (boss, ada, mallory):
            await _whispers(person, show, square)
        await hub.platform.until_visible(square.id, 5)
        await boss.says(show)
        await boss.says(yes)
        await hub.platform.until(lambda: "It is paid." in hub.platform.visible(square.id))

    question, _, to_boss, to_ada, to_mallory = hub.platform.visible(square.id)[:5]
    assert to_boss == to_ada
    assert '"euros": 5' in to_boss
    assert to_mallory == "This is not yours to see."
    assert "An agent wants to use `pay`" in question
    assert "**Approved by boss**" in question
    assert not [text for text in _ever_shown(hub, question) if "euros" in text]
    assert boss.sees[0].startswith("Others read along here")
    assert bank.paid == [5]


def _ever_shown(hub: FakeHub, text: str) -> list[str]:
    """Return all that the message of this text ever said."""
    return next(message.texts for message in hub.platform.messages if message.text == text)


async def test_a_call_that_was_decided_is_shown_with_its_decision() -> None:
    async with opened_bank() as (hub, _):
        ada = await asks_to_pay(hub)
        yes = buttons(hub)[0]
        await ada.says(yes)
        await ada.reads(4)

        await _whispers(ada, yes.replace("approve", "approval"), ada.conversation)
        seen = (await ada.reads(5))[-1]

    assert '"euros": 5' in seen
    assert "**Approved by ada**" in seen


async def test_a_second_call_of_the_same_id_is_not_taken_for_the_one_that_waits() -> None:
    hub = FakeHub(MemoryStore())
    approvals = Approvals(hub.store, {}, hub.clock, ApprovalOptions())
    await hub.person("ada").says("pay Bob")
    claim = await hub.store.turns.claim(WORKER, 1, timedelta(seconds=30), hub.clock.now())

    first = await approvals.ask(claim.turns[0], PAY)
    again = await approvals.ask(claim.turns[0], PAY)
    other = await approvals.ask(claim.turns[0], replace(PAY, arguments='{"euros": 5000}'))

    assert first == again
    assert "Not carried out yet" in first.text
    assert (other.text, other.is_error) == (NOT_ASKED, True)


async def _whispers(person: FakePerson, text: str, place: Conversation) -> None:
    """Give a command in a channel whose answer is for the person alone."""
    said = person.hub.message(person, text)
    whisper = replace(said, conversation=place, is_private=True, handle=f"handle-{said.event_id}")
    await person.hub.inbox.receive(whisper)


async def test_a_no_keeps_the_call_from_being_made() -> None:
    async with opened_bank() as (hub, bank):
        ada = await asks_to_pay(hub)
        hub.agents.will_say("Then not.")

        await ada.says(buttons(hub)[1])
        await hub.platform.until(lambda: "Then not." in ada.sees)

    assert bank.paid == []
    assert "**Denied by ada**" in ada.sees[0]
    assert "It was not carried out." in hub.agents.heard[1][0]


async def test_without_an_answer_it_is_a_no_and_a_late_yes_changes_nothing() -> None:
    async with opened_bank() as (hub, bank):
        ada = await asks_to_pay(hub)
        yes = buttons(hub)[0]
        hub.agents.will_say("Nobody answered.")
        await asyncio.sleep(700)

        await ada.says(yes)
        await hub.platform.until(lambda: len(ada.sees) == 4)

    assert bank.paid == []
    assert "**Nobody decided in time** at" in ada.sees[0]
    assert ada.sees[2] == "Nobody answered."


async def test_the_person_talks_on_while_an_approval_waits() -> None:
    async with opened_bank() as (hub, bank):
        ada = await asks_to_pay(hub)
        hub.agents.will_say("The weather is fine.")

        await ada.says("how is the weather?")
        seen = await ada.reads(3)
        hub.agents.will_say("Paid.")
        await ada.says(buttons(hub)[0])
        await hub.platform.until(lambda: "Paid." in ada.sees)

    assert seen[2] == "The weather is fine."
    assert bank.paid == [5]


async def test_cancel_withdraws_what_waits() -> None:
    async with opened_bank() as (hub, bank):
        ada = await asks_to_pay(hub)
        hub.agents.will_say("Withdrawn.")

        await ada.says("/cancel")
        await hub.platform.until(lambda: "Withdrawn." in ada.sees)

    assert "Stopped." in ada.sees
    assert "**Denied by ada**" in ada.sees[0]
    assert bank.paid == []


async def test_a_stranger_decides_nothing_and_is_in_the_audit_log() -> None:
    async with opened_bank() as (hub, bank):
        await asks_to_pay(hub)
        yes, no = buttons(hub)
        mallory = hub.person("mallory")

        await mallory.says(yes)
        await mallory.reads()
        await mallory.says(no)
        seen = await mallory.reads(2)
        audit = await hub.store.history.audit(0, 1_000)

    assert seen == ["This is not yours to decide."] * 2
    assert bank.paid == []
    refused = [e.subject for e in audit if e.kind is AuditKind.APPROVAL_REFUSED]
    assert refused == ["fake:w1:mallory"] * 2


async def test_where_approvers_are_named_the_person_may_only_say_no() -> None:
    async with opened_bank(approvers=("fake:w1:boss",)) as (hub, bank):
        ada = await asks_to_pay(hub)
        yes = buttons(hub)[0]
        hub.agents.will_say("The boss agreed.")

        await ada.says(yes)
        own = (await ada.reads(3))[2]
        await hub.person("boss").says(yes)
        await hub.platform.until(lambda: "The boss agreed." in ada.sees)

    assert own == "This is not yours to decide."
    assert "**Approved by boss**" in ada.sees[0]
    assert bank.paid == [5]


async def test_a_shared_agent_without_approvers_is_told_that_nobody_can_say_yes() -> None:
    async with opened_bank(route=Route("team", Mode.SHARED)) as (hub, bank):
        hub.agents.will(Ask((PAY,)))
        hub.agents.will_say("I can not.")
        ada = hub.person("ada")

        await ada.says("pay Bob")
        seen = await ada.reads()

    assert seen == ["I can not."]
    assert "no approver is named" in hub.agents.returned[0][0].text
    assert bank.paid == []


async def test_an_approval_outlives_the_process_that_asked() -> None:
    async with opened_bank() as (hub, bank):
        ada = await asks_to_pay(hub)
    async with hub.running():
        hub.agents.will_say("It is paid.")
        await ada.says(buttons(hub)[0])
        await hub.platform.until(lambda: "It is paid." in ada.sees)

    assert bank.paid == [5]


async def test_nothing_in_the_arguments_gets_out_of_the_question() -> None:
    async with opened_bank() as (hub, _):
        evil = '{"euros": 1, "note": "```\\n@everyone **pay**\\u202e"}'
        hub.agents.will(Ask((ToolCall("c1", "pay", evil),)))
        hub.agents.will_say("Waiting.")
        ada = hub.person("ada")

        await ada.says("hello")
        question = (await ada.reads(2))[0]

    assert question.count("```") == 2
    assert "\u202e" not in question


async def test_parallel_calls_are_asked_for_and_made_each_by_itself() -> None:
    async with opened_bank() as (hub, bank):
        calls = (PAY, ToolCall("c2", "pay", '{"euros": 7}'))
        hub.agents.will(Say("Two things."), Ask(calls))
        hub.agents.will_say("Both wait.")
        ada = hub.person("ada")
        await ada.says("pay both")
        await ada.reads(3)
        yes_to_second = next(says for says in buttons(hub) if _belongs(hub, says, "7"))

        await ada.says(yes_to_second)
        await hub.platform.until(lambda: bank.paid != [])

    assert bank.paid == [7]
    assert len(hub.agents.returned[0]) == 2


def _belongs(hub: FakeHub, says: str, amount: str) -> bool:
    shown = next(m for m in hub.platform.messages if says in [b.says for b in m.buttons])
    return says.startswith("/approve") and f'"euros": {amount}' in shown.text


# -- approvers elsewhere -------------------------------------------------------------------------

BOSS, DEPUTY = "discord:discord:boss", "discord:discord:deputy"
ADAS, BOARD = Conversation("discord", "dm", "ada"), Conversation("discord", "G1", "board")


def on_discord(hub: FakeHub, name: str) -> FakePerson:
    place = Conversation("discord", "dm", name)
    return hub.account(Identity("discord", "discord", name), place)


async def known_there(hub: FakeHub, *names: str) -> list[FakePerson]:
    """Return people who have written to the bot in a direct message."""
    people = [on_discord(hub, name) for name in names]
    for person in people:
        await person.says("hello")
        await person.reads(1)
    return people


async def asks_from_home(hub: FakeHub) -> FakePerson:
    ada = on_discord(hub, "ada")
    hub.agents.will(Ask((PAY,)))
    hub.agents.will_say("I wait for their yes.")
    await ada.says("pay Bob 5 euros")
    await ada.reads(2)
    return ada


async def test_approvers_are_asked_in_their_own_direct_messages() -> None:
    async with opened_bank(approvers=(BOSS, DEPUTY), doors=("discord",)) as (hub, bank):
        boss, deputy, mallory = await known_there(hub, "boss", "deputy", "mallory")
        ada = await asks_from_home(hub)
        asked = (await boss.reads(2))[1], (await deputy.reads(2))[1]
        hub.agents.will_say("It is paid.")

        yes = next(says for says in buttons(hub) if says.startswith("/approve"))
        await boss.says(yes)
        await hub.platform.until(lambda: "It is paid." in ada.sees)
        await deputy.says(yes)
        late = (await deputy.reads(3))[2]

    assert asked[0] == asked[1]
    assert "An agent of ada (discord) wants to use `pay`" in asked[0]
    assert '"euros": 5' in asked[0]
    shown = [person.sees[index] for person, index in ((ada, 0), (boss, 1), (deputy, 1))]
    assert all("**Approved by boss** at" in each for each in shown)
    assert buttons(hub) == []
    assert late.startswith("This was decided before. **Approved by boss**")
    assert len(mallory.sees) == 1
    assert bank.paid == [5]


async def test_who_asked_reads_that_it_waits_for_an_approver_and_may_take_it_back() -> None:
    async with opened_bank(approvers=(BOSS,), doors=("discord",)) as (hub, bank):
        (boss,) = await known_there(hub, "boss")
        ada = await asks_from_home(hub)
        await boss.reads(2)
        told, (own,) = ada.sees[0], _buttons_in(hub, ADAS)

        await ada.says(own)
        await hub.platform.until(lambda: "**Denied by ada**" in boss.sees[1])

    assert "It waits for an approver" in told
    assert own.startswith("/deny ")
    assert bank.paid == []


async def test_a_channel_of_the_approvers_reads_the_tools_name_alone() -> None:
    async with opened_bank(approvers=(BOSS,), channel=BOARD, doors=("discord",)) as (hub, bank):
        ada = await asks_from_home(hub)
        await hub.platform.until_visible(BOARD.id, 1)
        yes, _, show = _buttons_in(hub, BOARD)
        boss = on_discord(hub, "boss")
        hub.agents.will_say("It is paid.")

        await boss.says(show)
        seen = (await boss.reads(1))[0]
        await _whispers(boss, yes, BOARD)
        await hub.platform.until(lambda: "It is paid." in ada.sees)

    assert '"euros": 5' in seen
    (question, *_) = hub.platform.visible(BOARD.id)
    assert "**Approved by boss**" in question
    assert not [text for text in _ever_shown(hub, question) if "euros" in text]
    assert bank.paid == [5]


async def test_who_never_wrote_in_private_is_asked_where_the_platform_opens_a_place() -> None:
    async with opened_bank(approvers=(BOSS, DEPUTY), doors=("discord",)) as (hub, bank):
        boss, (deputy,) = on_discord(hub, "boss"), await known_there(hub, "deputy")
        opened = Conversation("discord", "dm", "opened")
        hub.platform.direct = {boss.identity: boss.conversation, deputy.identity: opened}
        ada = await asks_from_home(hub)
        await boss.reads(1)
        await deputy.reads(2)
        hub.agents.will_say("It is paid.")

        await boss.says(_buttons_in(hub, boss.conversation)[0])
        await hub.platform.until(lambda: "It is paid." in ada.sees)

    assert hub.platform.visible(opened.id) == []
    assert "No approver could be told" not in hub.agents.returned[0][0].text
    assert bank.paid == [5]


async def test_the_agent_is_told_where_no_approver_could_be() -> None:
    async with opened_bank(approvers=(BOSS,), doors=("discord",)) as (hub, _):
        await asks_from_home(hub)

    assert "No approver could be told" in hub.agents.returned[0][0].text


async def test_time_that_runs_out_is_shown_to_all_who_were_asked() -> None:
    async with opened_bank(approvers=(BOSS,), doors=("discord",)) as (hub, _):
        (boss,) = await known_there(hub, "boss")
        ada = await asks_from_home(hub)
        hub.agents.will_say("Nobody answered.")
        await asyncio.sleep(700)

    assert "**Nobody decided in time**" in ada.sees[0]
    assert "**Nobody decided in time**" in boss.sees[1]


async def test_what_waits_is_listed_for_who_may_decide_alone() -> None:
    async with opened_bank(approvers=(BOSS,), doors=("discord",)) as (hub, _):
        boss, mallory = await known_there(hub, "boss", "mallory")
        ada = await asks_from_home(hub)
        await boss.reads(2)

        for person in (boss, ada, mallory):
            await person.says("/approval")
        to_boss, to_ada = (await boss.reads(3))[2], (await ada.reads(3))[2]
        to_mallory = (await mallory.reads(2))[1]

    assert to_boss == to_ada
    assert "`pay`, asked for by ada, until" in to_boss
    assert "euros" not in to_boss
    assert to_mallory == "Nothing waits for a yes."


def _buttons_in(hub: FakeHub, place: Conversation) -> list[str]:
    shown = [each for each in hub.platform.messages if each.conversation == place.id]
    return [button.says for message in shown for button in message.buttons]
