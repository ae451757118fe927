"""The operator's view of agents, on the embedded server of an empty directory."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.bootstrap import opened_store
from gateway.cli.sqlite_file import change
from gateway.data_dir import held
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from gateway.settings import load_settings
from tests.unit.gateway.cli.terminal import Terminal

TWO_ROLES = "[[agents]]\nname = 'postern'\n[[agents]]\nname = 'scribe'\n"


@pytest.fixture(autouse=True)
def ada() -> None:
    """Let somebody have written."""
    Path(".postern").mkdir(mode=0o700)
    asyncio.run(_meet())


async def _meet() -> None:
    now = datetime.now(UTC)
    async with opened_store(load_settings({})) as store:
        place = Conversation("discord", "dm", "99")
        sender = Sender(Identity("discord", "discord", "42"), "Ada")
        message = InboundMessage("event-1", place, sender, "hello", now)
        await store.turns.accept(message, Route("postern"), now)


def test_with_no_agents_the_list_says_so(postern: Terminal) -> None:
    assert postern.types("agents", "list").out == "Nobody has an agent yet.\n"
    assert postern.types("agents", "list", "--json").json == []


def test_prewarmed_agents_are_listed_shown_rolled_out_and_repaired(postern: Terminal) -> None:
    warmed = postern.types("agents", "prewarm")
    [listed] = postern.types("agents", "list", "--json").json
    [shown] = postern.types("agents", "show", "discord:discord:42", "--json").json

    assert warmed.out == "1 of 1 people have their agents.\n"
    assert (listed["name"], listed["role"], listed["template"]) == ("Ada", "postern", "current")
    assert (shown["agent"], shown["drift"], shown["error"]) == (listed["agent"], [], None)

    Path("postern.toml").write_text("[[agents]]\nname = 'postern'\npersona = 'I am a duck.'\n")
    [planned] = postern.types("agents", "rollout", "--dry-run", "--json").json
    assert planned["drift"][0] == 'the block "persona" is not the template\'s'
    assert not planned["mended"]
    rolled = postern.types("agents", "rollout")
    assert f"{listed['agent']} (postern of {listed['person']}): mended" in rolled.out
    assert "as its template says" in postern.types("agents", "repair", "--dry-run").out
    assert postern.types("agents", "rollout").out == "There is nothing to do.\n"


def test_shared_and_restricted_roles_are_not_prewarmed(postern: Terminal) -> None:
    Path("postern.toml").write_text(
        f"{TWO_ROLES}access = ['slack:T1:U1']\n[[agents]]\nname = 'everyone'\nshared = true\n"
    )
    postern.types("agents", "prewarm")

    assert [row["role"] for row in postern.types("agents", "list", "--json").json] == ["postern"]


def test_an_agent_is_not_adopted_twice_and_unknown_ones_not_at_all(postern: Terminal) -> None:
    Path("postern.toml").write_text(TWO_ROLES)
    postern.types("agents", "prewarm", "--role", "postern")
    [listed] = postern.types("agents", "list", "--json").json
    ada = ("--person", "discord:discord:42", "--role", "scribe")

    taken = postern.types("agents", "adopt", listed["agent"], *ada)
    unknown = postern.types("agents", "adopt", "agent-00000000-0000-4000-8000-000000000001", *ada)
    malformed = postern.types("agents", "adopt", "agent-7", *ada)

    assert (taken.code, taken.err.startswith(f'"{listed["agent"]}" is the agent "postern"')) == (
        1,
        True,
    )
    assert unknown.code == 1
    assert unknown.err.startswith('Letta has no agent "agent-0000')
    assert malformed.err.startswith('Letta has no agent "agent-7"')


def test_a_role_that_was_removed_is_told(postern: Terminal) -> None:
    Path("postern.toml").write_text(TWO_ROLES)
    postern.types("agents", "prewarm")
    Path("postern.toml").write_text("[[agents]]\nname = 'postern'\n")

    standings = {
        row["role"]: row["template"] for row in postern.types("agents", "list", "--json").json
    }
    repaired = postern.types("agents", "repair", "--role", "scribe")

    assert standings == {"postern": "current", "scribe": "removed"}
    assert (repaired.code, 'there is no agent "scribe"' in repaired.out) == (1, True)


def test_beside_a_running_gateway_the_embedded_server_is_left_alone(postern: Terminal) -> None:
    with held(Path(".postern")):
        refused = postern.types("agents", "repair")
        listed = postern.types("agents", "list")

    assert refused.code == 1
    assert "Stop it first" in refused.err
    assert listed.code == 0


def test_explain_tells_what_a_role_changes(postern: Terminal) -> None:
    Path("postern.toml").write_text(
        f"{TWO_ROLES}[[bindings]]\nagent = 'scribe'\npeople = ['discord:7:@70']\n"
    )
    words = ("agents", "explain", "discord:7:1", "--person", "discord:discord:5")

    without = postern.types(*words, "--json").json
    having = postern.types(*words, "--circle", "discord:7:@70").out

    assert (without["agent"], without["rules"]) == ("postern", [])
    assert having.startswith("The agent scribe answers, in the mode person")
    assert "[[bindings]] number 1: everywhere for discord:7:@70 → scribe" in having
    assert postern.types(*words, "--circle", "staff").code == 2


def test_explain_tells_what_is_heard_and_of_whom(postern: Terminal) -> None:
    Path("postern.toml").write_text(
        f"{TWO_ROLES}[[places]]\nplace = '*'\npolicy = 'disabled'\n"
        "[[places]]\nplace = 'discord:7'\npolicy = 'allowlist'\n"
        "[access]\nallow = ['discord:7:@70']\n"
    )
    words = ("agents", "explain", "discord:7:1:2", "--person", "discord:discord:5")

    hearing = postern.types(*words, "--json").json["hearing"]
    having = postern.types(*words, "--circle", "discord:7:@70").out
    elsewhere = postern.types("agents", "explain", "slack:T1:C1").out
    direct = postern.types("agents", "explain", "discord:dm:9").out

    assert (hearing["policy"], hearing["decided_by"]) == ("allowlist", "discord:7")
    assert hearing["access"].startswith("Only those may talk there whom access.allow lists")
    assert "A circle of the account may talk there" in having
    assert 'policy there is disabled ([[places]] "*"). Nobody is heard there' in elsewhere
    assert "policy there is mention (by default). Whom a pairing code let in" in direct


def test_explain_tells_which_rule_decides(postern: Terminal) -> None:
    Path("postern.toml").write_text(
        f"{TWO_ROLES}access = ['slack:T1:U1']\n[[bindings]]\nplatform = 'slack'\n"
        "[[bindings]]\nplatform = 'slack'\nworkspace = 'T1'\nchannel = 'C1'\nagent = 'scribe'\n"
        "mode = 'channel'\n"
    )

    said = postern.types("agents", "explain", "slack:T1:C1:17.5").out.splitlines()
    told = postern.types(
        "agents", "explain", "slack:T1:C1", "--person", "slack:T1:U1", "--json"
    ).json
    default = postern.types("agents", "explain", "discord:dm:99").out

    assert said[0].startswith("The agent scribe answers, in the mode channel; it belongs to place-")
    assert said[2:4] == [
        "  [[bindings]] number 2: slack:T1:C1 → scribe",
        "  [[bindings]] number 1: slack → postern",
    ]
    assert said[4] == "It is not for this account: its `access` names others."
    assert (told["agent"], told["mode"], told["allowed"]) == ("scribe", "channel", True)
    assert "belongs to each person." in default
    assert "No [[bindings]] rule speaks of it" in default


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain", "nowhere"), 2, "is not a conversation"),
        (("explain", "slack:T1:C1", "--person", "ada"), 2, "is no account"),
        (("explain", "slack:T1:C1", "--role", "duck"), 1, 'There is no agent "duck"'),
        (("list", "--person", "slack:T1:nobody"), 1, 'Nobody is known as "slack:T1:nobody"'),
    ],
)
def test_what_can_not_be_meant_is_a_sentence(
    postern: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    seen = postern.types("agents", *words)

    assert seen.code == code
    assert said in " ".join(seen.err.replace("│", " ").split())


LEARNED_MUCH = "UPDATE blocks SET value = printf('%.*c', 4600, 'x') WHERE label = 'human'"
LONG_PERSONA = "UPDATE blocks SET value = printf('%.*c', 5000, 'x') WHERE label = 'persona'"


@pytest.mark.parametrize("is_running", [False, True])
def test_memory_that_is_nearly_full_is_told(postern: Terminal, *, is_running: bool) -> None:
    postern.types("agents", "prewarm")
    [listed] = postern.types("agents", "list", "--json").json
    before = _finding(postern, "memory")

    change(Path(".postern/letta.db"), [LEARNED_MUCH])

    sentence = 'the block "human" is 92% full: 4,600 of 5,000 characters'
    with held(Path(".postern")) if is_running else nullcontext():
        after = _finding(postern, "memory")
    shown = postern.types("agents", "show", "discord:discord:42")
    assert before == ("ok", "No agent's memory is nearly full.")
    assert after == ("warning", f"{listed['agent']}: {sentence}.")
    assert sentence in shown.out


def test_memory_that_is_the_templates_own_may_be_full(postern: Terminal) -> None:
    postern.types("agents", "prewarm")

    change(Path(".postern/letta.db"), [LONG_PERSONA])

    assert _finding(postern, "memory")[0] == "ok"


def test_agents_that_differ_from_the_settings_are_counted(postern: Terminal) -> None:
    postern.types("agents", "prewarm")
    before = _finding(postern, "templates")
    Path("postern.toml").write_text("[[agents]]\nname = 'postern'\npersona = 'I am a duck.'\n")

    after = _finding(postern, "templates")

    assert before[0] == "ok"
    assert after == ("warning", "1 agents are not as the settings have them now.")


def _finding(postern: Terminal, part: str) -> tuple[str, str]:
    seen = postern.types("doctor", "--json", POSTERN_HTTP__PORT="0")
    [found] = [each for each in seen.json if each["part"] == part]
    return found["outcome"], found["sentence"]
