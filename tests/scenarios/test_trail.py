"""The audit log alone tells a whole story: a tool, an approval, and a send that had to wait."""

from __future__ import annotations

from gateway.domain.audit import AuditKind
from gateway.domain.trails import Trail
from gateway.errors import RateLimited
from gateway.trail import Trails
from tests.fakes.hub import FakeHub
from tests.fakes.rebuilt import Rebuilt
from tests.scenarios.test_approvals import asks_to_pay, buttons, opened_bank


async def _story(hub: FakeHub) -> None:
    ada = await asks_to_pay(hub)
    hub.agents.will_say("It is paid.")
    hub.platform.faults.before.append(RateLimited("slow down", retry_after_seconds=30))
    await ada.says(buttons(hub)[0])
    await hub.platform.until(lambda: "It is paid." in ada.sees)
    bob = hub.person("bob")
    await bob.says("hello")
    await bob.reads(1)


async def _trail(hub: FakeHub, name: str) -> Trail:
    return await Trails(hub.store.history).follow(name)


async def test_the_trail_of_an_event_tells_its_whole_story() -> None:
    async with opened_bank() as (hub, paid):
        await _story(hub)
        trail = await _trail(hub, "event-1")

    kinds = [entry.kind for entry in trail.entries]
    story = (
        AuditKind.MESSAGE_ACCEPTED,
        AuditKind.TURN_CLAIMED,
        AuditKind.APPROVAL_ASKED,
        AuditKind.TURN_TOOL,
        AuditKind.TURN_ENDED,
        AuditKind.APPROVAL_DECIDED,
        AuditKind.TURN_TOOL_BEGUN,
    )
    assert paid.paid == [5]
    assert [kind for kind in dict.fromkeys(kinds) if kind in story] == list(story)
    assert {entry.subject for entry in trail.entries if "bob" in entry.subject} == set()
    assert trail.is_open == ()


async def test_the_trail_alone_rebuilds_what_happened() -> None:
    async with opened_bank() as (hub, _):
        await _story(hub)
        trail = await _trail(hub, "event-1")

    rebuilt = Rebuilt()
    for entry in trail.entries:
        rebuilt.read(entry)

    decided = next(each for each in trail.entries if each.kind is AuditKind.APPROVAL_DECIDED)
    assert decided.data["state"] == "approved"
    assert [state for state, _ in rebuilt.turns.values()] == ["done", "done"]
    assert {state for state, _ in rebuilt.deliveries.values()} == {"sent"}
    sent = {message.receipt for message in hub.platform.messages}
    assert set(map(str, rebuilt.receipts.values())) < set(map(str, sent))


async def test_a_send_that_had_to_wait_is_in_the_trail_with_its_reason() -> None:
    async with opened_bank() as (hub, _):
        await _story(hub)
        whole = await hub.store.history.audit(0, 1_000)

    waited = [entry for entry in whole if entry.data.get("reason") == "RateLimited: slow down"]
    assert [(each.kind, each.data["state"]) for each in waited] == [
        (AuditKind.DELIVERY_SETTLED, "pending")
    ]
