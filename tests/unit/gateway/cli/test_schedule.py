"""The commands of schedules, as they are typed."""

import asyncio
import json
from pathlib import Path

import pytest
from letta_client import AsyncLetta

from gateway import bootstrap
from gateway.data_dir import held, prepare
from gateway.settings import load_settings
from tests.unit.gateway.cli.terminal import Seen, Terminal

ADD = ("schedule", "add", "--name", "papers", "--to", "slack:T1:C2", "--prompt", "Look around.")
ROSTER = {
    "agents": [
        {
            "name": "research-assistant",
            "autonomous_enabled": True,
            "wakeup_schedule": "*/15 * * * *",
            "wakeup_prompt": "It is {timestamp}.",
            "data_sources": ["arxiv", "email"],
            "max_actions_per_wakeup": 5,
        },
        {"name": "sleeper", "favourite_colour": "blue"},
    ]
}


def agent_on_the_embedded_server() -> str:
    """Make an agent that belongs to nobody, as another system may have left it; return its id."""

    async def make() -> str:
        settings = load_settings({})
        prepare(settings.data_dir)
        database = settings.data_dir / "letta.db"
        async with (
            bootstrap.served_letta(settings, "127.0.0.1", 0, database) as url,
            AsyncLetta(base_url=url, api_key="none", max_retries=0) as client,
        ):
            return (await client.agents.create(name="research-assistant")).id

    return asyncio.run(make())


def import_roster(postern: Terminal, *agents: object, to: str = "slack:T1:C2") -> Seen:
    Path("agents.json").write_text(json.dumps({"agents": agents}), "utf-8")
    return postern.types("schedule", "import", "agents.json", "--to", to)


def test_a_schedule_is_echoed_as_it_was_understood(postern: Terminal) -> None:
    seen = postern.types(*ADD, "--at", "every weekday 8:30", "--tz", "Europe/Vienna")

    first, *moments = seen.out.splitlines()
    assert first == "papers: every weekday at 08:30 (Europe/Vienna), on."
    assert len(moments) == 3
    assert all("08:30 CE" in moment for moment in moments)


def test_a_place_that_is_switched_off_is_told(postern: Terminal) -> None:
    off = postern.types(*ADD, "--every", "15m")
    on = postern.types(*ADD, "--name", "more", "--every", "15m", SLACK_BOT_TOKEN="xoxb-1")

    assert off.err == (
        "Slack is off here (set SLACK_BOT_TOKEN and SLACK_APP_TOKEN): until it is on, nothing is "
        "posted there.\n"
    )
    assert (off.code, on.code, on.err) == (0, 0, "")


def test_all_that_was_asked_for_is_in_the_listing(postern: Terminal) -> None:
    postern.types(
        *(*ADD, "--cron", "0 9 * * *", "--owner", "slack:T1:U7", "--agent", "postern"),
        *("--misfire", "all", "--catch-up", "5", "--jitter", "60", "--active", "08:00-22:00"),
        *("--quiet-days", "sat,sun", "--outside", "defer", "--source", "arxiv"),
        *("--max-actions", "4"),
    )

    [listed] = postern.types("schedule", "list", "--json").json

    assert (listed["id"], listed["trigger"], listed["timezone"]) == (
        "papers",
        "cron:0 9 * * *",
        "UTC",
    )
    assert (listed["owner"], listed["agent"]) == ("slack:T1:U7", "postern")
    assert (listed["misfire"], listed["max_catch_up"], listed["jitter_seconds"]) == ("all", 5, 60)
    assert (listed["active_from"], listed["active_to"]) == ("08:00", "22:00")
    assert (listed["quiet_days"], listed["outside"]) == (["sat", "sun"], "defer")
    assert (listed["data_sources"], listed["max_actions"]) == (["arxiv"], 4)


def test_what_was_asked_for_is_shown_where_it_is_not_as_usual(postern: Terminal) -> None:
    postern.types(*ADD, "--every", "15m")
    postern.types(
        *(*ADD, "--name", "more", "--every", "15m", "--misfire", "all", "--quiet-days", "sat,sun"),
        *("--skip-busy", "--source", "arxiv", "--max-actions", "4", "--agent", "postern"),
    )

    usual = postern.types("schedule", "show", "papers").out.splitlines()
    more = postern.types("schedule", "show", "more").out.splitlines()

    assert usual[-4:] == [
        "Conversation: slack:T1:C2",
        "Owner: who wrote there last",
        "Agent: the default one",
        "Prompt: Look around.",
    ]
    assert more[-6:-1] == [
        "Data sources: arxiv",
        "Tool calls: 4 at most",
        "Misfire: all",
        "Quiet days: sat, sun",
        "Skip busy: yes",
    ]


@pytest.mark.parametrize(
    ("timing", "sentence"),
    [
        (("--cron", "0 0 30 2 *"), "its day-of-month does not fit"),
        (("--cron", "0 0 30 2 *"), 'The nearest that is taken is "0 0 L 2 *"'),
        (("--cron", "@daily"), 'The nearest that is taken is "0 0 * * *"'),
        (("--cron", "*/5 * * * * *"), 'The nearest that is taken is "* * * * *"'),
        (("--cron", "30 9 * * 1-5 2026"), 'as in "30 8 * * 1-5"'),
        (("--at", "2027-02-30 18:00"), 'The nearest is "2027-02-28 18:00"'),
        (("--at", "31 april 2027 at 9"), "its last one is the 30th"),
        (("--every", "15m", "--to", "slack:T1:general"), "with the ids that its link has"),
        (("--every", "15m", "--to", "discord:1:general"), "with the numbers of its link"),
        (("--cron", "0 0 * 2 1#5"), "does not fire within ten years"),
        (("--every", "30s"), 'The nearest that is taken is "1m"'),
        (("--cron", "* * * * * *"), "has 6 fields; a cron line has five"),
        (("--every", "15m", "--tz", "Europe/Wien"), 'Did you mean "Europe/Vienna"?'),
        (("--at", "tomorrow"), 'Did you mean "tomorrow at 9:00"?'),
        (("--at", "2020-01-01 10:00"), "is over"),
        (("--every", "15m", "--cron", "* * * * *"), "in one way"),
        ((), "in one way"),
        (("--every", "15m", "--prompt", " "), "The prompt is empty"),
        (("--every", "15m", "--to", "slack:T1"), "is not a conversation"),
        (("--every", "15m", "--to", "irc:x:y"), "is no platform"),
        (("--every", "15m", "--agent", "nobody"), 'There is "postern"'),
        (("--every", "15m", "--active", "8-9"), "is no time of day"),
        (("--cron", "0 3 * * *", "--active", "08:00-22:00"), "No slot lies within"),
        (("--every", "15m", "--quiet-days", "mon,tue,wed,thu,fri,sat,sun"), "All days are quiet"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_a_reason(
    postern: Terminal, timing: tuple[str, ...], sentence: str
) -> None:
    seen = postern.types(*ADD, *timing)

    assert seen.code == 2
    assert sentence in " ".join(seen.err.split())
    assert postern.types("schedule", "list", "--json").json == []


def test_a_name_is_taken_once(postern: Terminal) -> None:
    postern.types(*ADD, "--every", "15m")

    seen = postern.types(*ADD, "--every", "30m")

    assert seen.code != 0
    assert "already" in seen.err


def test_a_schedule_is_paused_and_goes_on(postern: Terminal) -> None:
    postern.types(*ADD, "--every", "15m")

    paused = postern.types("schedule", "pause", "papers", "--json").json
    resumed = postern.types("schedule", "resume", "papers", "--json").json

    assert (paused["paused"], paused["next_fires"]) == (True, [])
    assert not resumed["paused"]
    assert len(resumed["next_fires"]) == 3


def test_a_pause_may_have_an_end(postern: Terminal) -> None:
    postern.types(*ADD, "--every", "15m")

    paused = postern.types("schedule", "pause", "papers", "--until", "in 2 hours", "--json").json

    assert min(paused["next_fires"]) >= paused["paused_until"]


def test_a_wakeup_beside_the_slots_is_recorded(postern: Terminal) -> None:
    postern.types(*ADD, "--every", "15m")

    postern.types("schedule", "run", "papers")

    shown = postern.types("schedule", "show", "papers", "--json").json
    assert [slot["outcome"] for slot in shown["past"]] == ["fired"]
    assert "fired" in postern.types("schedule", "show", "papers").out


def test_a_removed_schedule_is_gone(postern: Terminal) -> None:
    postern.types(*ADD, "--every", "15m")

    assert postern.types("schedule", "remove", "papers").out == "papers is gone.\n"

    seen = postern.types("schedule", "remove", "papers")
    assert (seen.code, seen.err) == (
        1,
        'There is no schedule "papers". `postern schedule list` shows all.\n',
    )
    assert "no schedule" in postern.types("schedule", "list").out


def test_a_roster_comes_in_and_goes_out(postern: Terminal) -> None:
    agent = agent_on_the_embedded_server()
    seed = {"agent_id": agent, **ROSTER["agents"][0]}
    Path("agents.json").write_text(json.dumps({"agents": [seed, ROSTER["agents"][1]]}), "utf-8")

    taken = postern.types(
        "schedule", "import", "agents.json", "--to", "discord:dm:9", "--json"
    ).json
    postern.types("schedule", "export", "out.json")

    assert [each["paused"] for each in taken] == [False, True]
    assert [each["ignored_fields"] for each in taken] == [[], ["favourite_colour"]]
    exported = json.loads(Path("out.json").read_text("utf-8"))["agents"]
    assert seed.items() <= exported[0].items()
    assert exported[0]["conversation"] == "discord:dm:9"
    [adopted] = postern.types("agents", "list", "--json").json
    assert (adopted["agent"], adopted["template"]) == (agent, "own")


def test_a_roster_that_was_exported_comes_in_as_it_was(postern: Terminal) -> None:
    Path("agents.json").write_text(json.dumps(ROSTER), "utf-8")
    postern.types("schedule", "import", "agents.json", "--to", "discord:dm:9")
    first = postern.types("schedule", "export").out

    Path("again.json").write_text(first, "utf-8")
    postern.types("schedule", "import", "again.json")

    assert postern.types("schedule", "export").out == first


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"name": "x", "wakeup_schedule": "every day"},
            '"x" is left out: "every day" has 2 fields',
        ),
        ({"name": "x", "timezone": "Mars"}, '"x" is left out: "Mars" is not an IANA time zone'),
        ({"name": "x", "wakeup_prompt": " "}, '"x" is left out: The prompt is empty'),
        ({"name": "x", "max_actions_per_wakeup": -1}, "are a number from 0"),
        ({"name": "x", "data_sources": "arxiv"}, '"x" is left out: data_sources: '),
        ({"name": "x", "conversation": "irc:x:y"}, '"irc" is no platform'),
        ({"autonomous_enabled": True}, "Agent 1 is left out: name: Field required"),
        ("research", "Agent 1 is left out: "),
        ({"name": "Research Assistant"}, 'has this name ("research-assistant"); take another one'),
        ({"name": "x", "agent_id": "agent-7"}, 'Letta has no agent "agent-7". Without its'),
    ],
)
def test_what_a_roster_has_wrong_is_left_out_and_the_rest_goes_in(
    postern: Terminal, wrong: object, sentence: str
) -> None:
    good, sleeper = ROSTER["agents"]
    first, second = (good, wrong) if "has this name" in sentence else (wrong, good)

    seen = import_roster(postern, first, second, sleeper)

    assert seen.code == 1
    assert sentence in seen.err
    assert seen.err.count("is left out") == 1
    listed = postern.types("schedule", "list", "--json").json
    assert [each["name"] for each in listed] == ["research-assistant", "sleeper"]


def test_a_file_that_is_not_there_is_told(postern: Terminal) -> None:
    seen = postern.types("schedule", "import", "nope.json")

    assert (seen.code, seen.err) == (
        1,
        '"nope.json" can not be read: No such file or directory.\n',
    )


def test_what_is_no_roster_is_refused_whole(postern: Terminal) -> None:
    for text in ("", "[]", '{"agents": {}}', "hello"):
        Path("agents.json").write_text(text, "utf-8")

        assert "This is no agents.json" in postern.types("schedule", "import", "agents.json").err


def test_an_agent_of_somebody_else_or_a_second_one_is_not_taken_over(postern: Terminal) -> None:
    agent = agent_on_the_embedded_server()
    mine = {"name": "one", "agent_id": agent, "owner": "slack:T1:U7"}
    theirs = {**mine, "name": "two", "owner": "slack:T1:EVE"}
    second = {**mine, "name": "three", "agent_id": "agent-2"}

    seen = import_roster(postern, mine, theirs, second)

    assert seen.code == 1
    assert f'"two" is left out: The agent "{agent}" is somebody else\'s' in seen.err
    assert f'"three" is left out: "slack:T1:U7" has the agent "{agent}" already' in seen.err
    assert "[[agents]] of the settings" in seen.err
    assert [each["name"] for each in postern.types("schedule", "list", "--json").json] == ["one"]


def test_while_a_gateway_has_the_agents_none_is_adopted_and_the_rest_goes_in(
    postern: Terminal,
) -> None:
    with held(load_settings({}).data_dir):
        seen = import_roster(postern, {"name": "one", "agent_id": "agent-1"}, {"name": "two"})

    assert seen.code == 1
    assert '"one" is left out: A gateway runs in' in seen.err
    assert [each["name"] for each in postern.types("schedule", "list", "--json").json] == ["two"]


def test_the_roster_of_the_examples_goes_in_whole(postern: Terminal) -> None:
    example = Path(__file__).parents[4] / "examples" / "watchers.json"

    seen = postern.types("schedule", "import", str(example), "--to", "slack:T1:C2")

    assert seen.code == 0
    assert len(postern.types("schedule", "list", "--json").json) == 2


def test_what_a_roster_can_not_hold_is_named(postern: Terminal) -> None:
    postern.types(*ADD, "--at", "in 2 hours")

    seen = postern.types("schedule", "export")

    assert json.loads(seen.out) == {"agents": []}
    assert "papers is not in it" in seen.err


def test_what_an_agent_did_is_printed_line_by_line(postern: Terminal) -> None:
    postern.types(*ADD, "--at", "every weekday 8:30")
    postern.types("schedule", "run", "papers")

    (line,) = postern.types("schedule", "activity", "--jsonl").out.splitlines()
    [listed] = postern.types("schedule", "activity", "--json").json

    assert json.loads(line) == listed
    assert (listed["schedule"], listed["outcome"]) == ("papers", "open")
    assert postern.types("schedule", "activity", "--agent", "nobody").code == 2
