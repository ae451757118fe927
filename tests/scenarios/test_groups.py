"""Groups of agents: every way of working together, with what each of its members was told."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.coordination.dynamic import Dynamic
from agents.coordination.pipeline import OnFailure, Pipeline
from agents.coordination.round_robin import RoundRobin
from agents.coordination.sleeptime import Sleeptime
from agents.coordination.supervisor import Supervisor
from agents.coordination.voting import Voting
from agents.scripted import Ask, Fail, Say, Script, Step, Wait
from gateway.domain.audit import AuditKind
from gateway.domain.errands import LONGEST_CHAIN, MOST_ERRANDS, Errand
from gateway.domain.people import Route
from gateway.domain.routing import Routing
from gateway.domain.teams import GroupLimits, Watch
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import RunRequest
from gateway.groups import Group
from gateway.ports import Coordination
from gateway.tending import TIMED
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.virtual_time import VirtualTimeLoop

NAMES = ("postern", "a", "b", "c", "d", "e")
Part = Callable[[str], str]
"""What an agent says to what it hears; `fail` when it fails."""


def new_hub(
    strategy: Coordination,
    parts: Mapping[str, Part],
    *,
    shown: bool = False,
    watch: Watch | None = None,
) -> FakeHub:
    routes = Routing({name: Route(name) for name in (*NAMES, "team")}, groups=frozenset({"team"}))
    group = Group(strategy, GroupLimits(is_shown=shown), watch)
    options = HubOptions(routes=routes, groups={"team": group}, asking=True)
    hub = FakeHub(MemoryStore(), options=options)

    def play(request: RunRequest) -> list[Step]:
        return [step_of(parts, hub, request)]

    hub.agents.script = play
    return hub


def step_of(parts: Mapping[str, Part], hub: FakeHub, request: RunRequest) -> Step:
    roles = {agent: role for _, role, agent in hub.agents.created}
    heard = request.input[-1]
    if isinstance(heard, ToolResult):
        return Say(heard.text)
    said = parts[roles[request.session.agent]](heard.text.partition("\n")[2])
    return Fail("llm_error", "I am ill.") if said == "fail" else Say(said)


def plain(text: str) -> Part:
    return lambda _: text


def asked(text: str) -> str:
    """Return what was asked, without who asks and what was said before."""
    return text.partition("\n")[2].partition("\n")[0]


async def told(hub: FakeHub, *questions: str) -> list[str]:
    async with hub.running():
        ada = hub.person("ada")
        for number, question in enumerate(questions, 1):
            await ada.says(f"@team {question}", event_id=f"e{number}")
            await ada.reads(number)
        await asyncio.sleep(60)
    return ada.sees


async def test_a_supervisor_hands_out_work_and_answers() -> None:
    def lead(text: str) -> str:
        if "a: " in text and "b: (not available" in text:
            return "All in all: 42."
        return "@a: count the sheep\n@b: count the goats\n@nobody: rest"

    parts: dict[str, Part] = {
        "postern": lead,
        "a": lambda text: f"{asked(text)}: 42",
        "b": plain("fail"),
    }
    hub = new_hub(Supervisor("postern", ("a", "b")), parts)

    assert await told(hub, "how many?") == ["All in all: 42."]


async def test_a_supervisor_that_never_stops_is_stopped_after_its_rounds() -> None:
    hub = new_hub(
        Supervisor("postern", ("a",), rounds=2), {"postern": plain("@a: again"), "a": plain("yes")}
    )

    assert await told(hub, "well?") == ["@a: again"]
    assert hub.agents.runs_started == 5


async def test_without_its_supervisor_a_member_answers() -> None:
    parts: dict[str, Part] = {"postern": plain("fail"), "a": plain("fail"), "b": plain("here I am")}
    hub = new_hub(Supervisor("postern", ("a", "b")), parts)

    assert await told(hub, "who is there?") == ["here I am"]


async def test_in_a_round_robin_members_take_turns_and_the_ill_are_skipped() -> None:
    parts: dict[str, Part] = {"a": plain("I am a"), "b": plain("fail"), "c": plain("I am c")}
    hub = new_hub(RoundRobin(("a", "b", "c")), parts)

    assert await told(hub, "1", "2", "3", "4") == ["I am a", "I am c", "I am c", "I am a"]


async def test_people_see_who_speaks() -> None:
    hub = new_hub(
        RoundRobin(("a", "b"), speakers=2), {"a": plain("ping"), "b": plain("pong")}, shown=True
    )

    assert await told(hub, "play") == ["**a:** ping", "**b:** pong"]


async def test_a_pipeline_goes_through_its_stages() -> None:
    heard: list[str] = []

    def last(text: str) -> str:
        heard.append(text)
        return "done"

    parts: dict[str, Part] = {
        "a": plain("draft"),
        "b": plain("good"),
        "c": plain("short"),
        "d": last,
    }
    hub = new_hub(Pipeline((("a",), ("b", "c"), ("d",))), parts)

    assert await told(hub, "a poem") == ["done"]
    assert heard == ["team asks you:\na poem\n\nWhat was said so far:\n\nb: good\n\nc: short"]


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        (OnFailure.STOP, "We stopped: b failed. I am ill."),
        (OnFailure.SKIP, "c after draft"),
        (OnFailure.FALLBACK, "c after repair"),
    ],
)
async def test_a_stage_that_fails(policy: OnFailure, answer: str) -> None:
    parts: dict[str, Part] = {
        "a": plain("draft"),
        "b": plain("fail"),
        "c": lambda text: f"c after {text.rpartition(': ')[2]}",
        "d": plain("repair"),
    }
    hub = new_hub(Pipeline((("a",), ("b",), ("c",)), policy, "d"), parts)

    assert await told(hub, "a poem") == [answer]


async def test_a_vote_is_counted() -> None:
    parts: dict[str, Part] = {
        "a": plain("VOTE: Tea"),
        "b": plain("hm\n**vote: tea**"),
        "c": plain("VOTE: milk"),
    }
    hub = new_hub(Voting(("a", "b", "c"), 2), parts)

    assert await told(hub, "what to drink?") == [
        "**tea** has 2 of 3 votes.\n- a: tea\n- b: tea\n- c: milk"
    ]


async def test_a_tie_is_broken_by_whom_the_group_names() -> None:
    parts: dict[str, Part] = {
        "a": plain("VOTE: tea"),
        "b": plain("VOTE: milk"),
        "c": plain("VOTE: Milk"),
    }
    hub = new_hub(Voting(("a", "b"), 2, "c"), parts)

    (answer,) = await told(hub, "what to drink?")

    assert answer.startswith("c broke the tie: **milk** has 1 of 2 votes.")


async def test_without_its_quorum_a_vote_decides_nothing() -> None:
    parts: dict[str, Part] = {
        "a": plain("VOTE: tea"),
        "b": plain("fail"),
        "c": plain("I will not say"),
    }
    hub = new_hub(Voting(("a", "b", "c"), 2), parts)

    assert await told(hub, "what to drink?") == ["No decision: 1 of 2 votes needed."]


async def test_who_knows_of_it_is_asked_and_then_the_next_one() -> None:
    parts: dict[str, Part] = {"a": plain("I am a"), "b": plain("fail")}
    words = {"b": ("poem",), "a": ("sum",)}
    hub = new_hub(Dynamic(("b", "a"), words), parts)

    assert await told(hub, "a sum, please", "a poem, please") == ["I am a", "I am a"]


async def test_an_agent_can_choose_who_answers() -> None:
    parts: dict[str, Part] = {
        "postern": plain("It should be b."),
        "a": plain("I am a"),
        "b": plain("I am b"),
    }
    hub = new_hub(Dynamic(("a", "b"), selector="postern"), parts)

    assert await told(hub, "who?") == ["I am b"]


async def test_a_group_that_was_removed_while_it_worked_leaves_nothing_open() -> None:
    hub = new_hub(RoundRobin(("a", "b"), speakers=2), {"a": plain("ping"), "b": plain("pong")})
    hub.agents.script = slowly(hub.agents.script, "team asks", 100)
    ada = hub.person("ada")
    async with hub.running():
        await ada.says("@team play")
        await asyncio.sleep(10)
    hub.routes = {name: Route(name) for name in NAMES}
    hub.options = replace(hub.options, groups={})
    async with hub.running():
        await ada.reads(1)
        await asyncio.sleep(600)

    assert ada.sees == ['Sorry, I could not answer this: the agent "team" is not here any more.']
    assert await hub.store.errands.open_of(hub.agents.created[0][0]) == []


def tended(when: int | Watch, tender: Part) -> FakeHub:
    parts: dict[str, Part] = {"a": tender, "postern": plain("Good to know.")}
    watch = Watch("postern", when) if isinstance(when, int) else when
    return new_hub(Sleeptime(("a",)), parts, watch=watch)


class Tender:
    """An agent that notes what it is told to look after."""

    def __init__(self) -> None:
        self.heard: list[list[str]] = []

    def __call__(self, text: str) -> str:
        lines = text.partition("\n\n")[2].splitlines()
        self.heard.append([line for line in lines if line.startswith("[user]")])
        return "I noted it."


async def test_a_group_works_once_its_person_has_been_quiet_for_so_long() -> None:
    tender = Tender()
    hub = tended(Watch("postern", quiet=timedelta(minutes=10)), tender)
    async with hub.running():
        ada = hub.person("ada")
        for number in (1, 2):
            await ada.says(f"My number is {number}.")
            await ada.reads(number)
            await asyncio.sleep(300)
        before = list(tender.heard)
        await asyncio.sleep(4_000)

    assert before == []
    assert tender.heard == [["[user] My number is 1.", "[user] My number is 2."]]
    assert ada.sees == ["Good to know."] * 2
    assert await hub.store.notes.all_of(TIMED) == {}


async def test_a_group_works_so_long_after_the_last_time_if_there_is_anything_new() -> None:
    tender = Tender()
    hub = tended(Watch("postern", after=timedelta(hours=1)), tender)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("one")
        await asyncio.sleep(3_500)
        before = list(tender.heard)
        await asyncio.sleep(200)
        await ada.says("two")
        await asyncio.sleep(3_300)
        once = list(tender.heard)
        await asyncio.sleep(20_000)

    assert (before, once) == ([], [["[user] one"]])
    assert tender.heard == [["[user] one"], ["[user] two"]]


async def test_a_group_works_after_its_person_wrote_so_much() -> None:
    tender = Tender()
    hub = tended(Watch("postern", characters=10), tender)
    async with hub.running():
        ada = hub.person("ada")
        for number, text in enumerate(("short", "enough", "a", "b"), 1):
            await ada.says(text)
            await ada.reads(number)
            await asyncio.sleep(60)

    assert tender.heard == [["[user] short", "[user] enough"]]


async def test_a_group_works_when_a_rule_of_the_operators_own_says_so() -> None:
    tender = Tender()
    rule = Watch("postern", custom=lambda untended, _: untended.turns == 2)
    hub = tended(rule, tender)
    async with hub.running():
        ada = hub.person("ada")
        for number in (1, 2, 3):
            await ada.says(f"{number}")
            await ada.reads(number)
            await asyncio.sleep(60)

    assert tender.heard == [["[user] 1", "[user] 2"]]


async def test_what_is_to_be_tended_outlives_the_process_and_is_tended_once() -> None:
    tender = Tender()
    hub = tended(Watch("postern", quiet=timedelta(minutes=10)), tender)
    ada = hub.person("ada")
    async with hub.running():
        await ada.says("remember me")
        await ada.reads(1)
    for _ in range(2):
        async with hub.running():
            await asyncio.sleep(1_000)

    assert tender.heard == [["[user] remember me"]]


async def test_nothing_is_tended_while_the_watched_agent_is_at_work() -> None:
    tender = Tender()
    hub = tended(Watch("postern", quiet=timedelta(minutes=1)), tender)
    hub.agents.script = slowly(hub.agents.script, "think", 100)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("hello")
        await ada.reads(1)
        await ada.says("think long")
        await asyncio.sleep(90)
        before = list(tender.heard)
        await asyncio.sleep(200)

    assert before == []
    assert tender.heard == [["[user] hello", "[user] think long"]]


async def test_what_was_forgotten_is_not_tended() -> None:
    tender = Tender()
    hub = tended(Watch("postern", quiet=timedelta(minutes=10)), tender)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("forget me")
        await ada.reads(1)
        await hub.store.personal.forget(hub.agents.created[0][0], hub.clock.now())
        await asyncio.sleep(4_000)

    assert tender.heard == []
    assert await hub.store.notes.all_of(TIMED) == {}


async def test_after_so_many_turns_of_its_agent_a_group_works_unheard() -> None:
    heard: list[str] = []

    def tender(text: str) -> str:
        heard.append(text.partition("\n\n")[2])
        return "I noted it."

    hub = tended(2, tender)
    async with hub.running():
        ada, bob = hub.person("ada"), hub.person("bob")
        await bob.says("Bob here.")
        for number in range(1, 6):
            await ada.says(f"My number is {number}.")
            await ada.reads(number)
            await asyncio.sleep(10)

    assert ada.sees == ["Good to know."] * 5
    assert bob.sees == ["Good to know."]
    second = ["[user] My number is 3.", "[assistant] Good to know.", "[user] My number is 4."]
    assert [text.splitlines()[1:] for text in heard] == [
        ["[user] My number is 1.", "[assistant] Good to know.", "[user] My number is 2."],
        ["[assistant] Good to know.", *second],
    ]
    assert await hub.store.errands.open_of(hub.agents.created[0][0]) == []


async def test_a_group_that_is_still_at_it_is_not_begun_again() -> None:
    hub = tended(1, plain("I noted it."))
    hub.agents.script = slowly(hub.agents.script, "team asks", 100)
    async with hub.running():
        ada = hub.person("ada")
        for number in range(1, 5):
            await ada.says(f"My number is {number}.")
            await ada.reads(number)
        await asyncio.sleep(400)
        before = hub.agents.runs_started
        await ada.says("And one more.")
        await ada.reads(5)
        await asyncio.sleep(400)

    assert before == 4 + 1
    assert hub.agents.runs_started == before + 2


def slowly(script: Script, of: str, seconds: float) -> Script:
    """Let a turn take a while in which this is heard."""

    def play(request: RunRequest) -> list[Step]:
        steps = list(script(request))
        is_slow = of in request.input[0].text
        return [Wait(seconds), *steps] if is_slow else steps

    return play


async def test_one_that_tends_can_be_asked_to_and_the_person_hears_the_end_alone() -> None:
    hub = tended(5, plain("I noted it."))

    assert await told(hub, "remember the milk") == ["The memory was looked after."]


async def test_a_tender_that_fails_is_heard_by_nobody_and_tried_at_its_next_time() -> None:
    hub = tended(1, plain("fail"))
    async with hub.running():
        ada = hub.person("ada")
        for number in range(1, 4):
            await ada.says(f"My number is {number}.")
            await ada.reads(number)
            await asyncio.sleep(60)

    assert ada.sees == ["Good to know."] * 3
    assert hub.agents.runs_started == 6


@given(st.integers(0, 2**32))
@settings(max_examples=5)
def test_agents_that_ask_each_other_at_will_come_to_an_end(seed: int) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(ask_at_will(random.Random(seed)))


async def ask_at_will(dice: random.Random) -> None:
    """Six agents and their group, each of which asks whom it likes whenever it can."""
    hub = new_hub(Supervisor("postern", NAMES[1:]), {})

    def play(request: RunRequest) -> list[Step]:
        if isinstance(request.input[0], ToolResult):
            return [Say(f"@{dice.choice(NAMES)}: go on")]
        return [Ask(tuple(a_wish(dice, number) for number in range(dice.randint(1, 3))))]

    hub.agents.script = play
    async with hub.running(), asyncio.timeout(100_000):
        ada = hub.person("ada")
        await ada.says("@all you may begin" if dice.random() < 0.2 else "@team you may begin")
        await asyncio.sleep(20_000)

    chains = await chains_of_errands(hub)
    assert await hub.store.errands.open_of(hub.agents.created[0][0]) == []
    assert all(len(chain) <= LONGEST_CHAIN for chain in chains.values())
    assert all(len(set(chain)) == len(chain) for chain in chains.values())
    # What is asked at the same moment is not counted yet: three calls of each of seven lanes.
    roots = Counter([(await errand_of(hub, name)).root for name in chains])
    assert all(count <= MOST_ERRANDS + 21 for count in roots.values())
    assert not hub.agents.overlaps


async def chains_of_errands(hub: FakeHub) -> dict[str, list[str]]:
    log = await hub.store.history.audit(0, 100_000)
    changed = [each for each in log if each.kind is AuditKind.ERRAND_CHANGED]
    changed = [each for each in changed if each.data["state"] == "open"]
    return {each.ref: cast("list[str]", each.data["chain"]) for each in changed}  # as it is logged


async def errand_of(hub: FakeHub, name: str) -> Errand:
    errand = await hub.store.errands.get(name)
    assert errand is not None
    return errand


def a_wish(dice: random.Random, number: int) -> ToolCall:
    wish = {"role": dice.choice([*NAMES, "team"]), "question": f"well, {dice.random()}?"}
    return ToolCall(f"c{number}", "ask_agent", json.dumps(wish))
