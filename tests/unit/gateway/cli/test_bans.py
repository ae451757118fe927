import pytest

from tests.unit.gateway.cli.terminal import Terminal

ADA = "discord:discord:42"


def test_with_nobody_banned_the_list_says_so(postern: Terminal) -> None:
    assert postern.types("bans", "list").out == "Nobody is banned.\n"
    assert postern.types("bans", "list", "--json").json == []


def test_a_ban_is_listed_until_it_is_lifted(postern: Terminal) -> None:
    added = postern.types("bans", "add", ADA, "--for", "2h")
    seen = postern.types("bans", "list")
    [listed] = postern.types("bans", "list", "--json").json
    lifted = postern.types("bans", "lift", ADA)

    assert added.out.startswith(f"{ADA} is banned until ")
    assert f"{ADA}  banned until" in seen.out
    assert (listed["identity"], listed["by"], listed["silent"]) == (ADA, "operator", False)
    assert listed["until"] > listed["since"]
    assert lifted.out == f"{ADA} is heard again.\n"
    assert postern.types("bans", "list", "--json").json == []


def test_a_mute_is_silent_and_for_good_unless_said_otherwise(postern: Terminal) -> None:
    [added] = postern.types("bans", "add", ADA, "--silent", "--json").json

    assert (added["until"], added["silent"]) == (None, True)
    assert f"{ADA} is muted for good." in postern.types("bans", "add", ADA, "--silent").out


def test_who_is_not_banned_can_not_be_lifted(postern: Terminal) -> None:
    seen = postern.types("bans", "lift", ADA)

    assert seen.code == 1
    assert seen.err.startswith(f"{ADA} is not banned.")


@pytest.mark.parametrize(
    "words", [("ada",), ("discord:99:42",), ("irc:net:ada",), (ADA, "--for", "soon")]
)
def test_what_is_no_account_or_length_is_wrong_usage(
    postern: Terminal, words: tuple[str, ...]
) -> None:
    assert postern.types("bans", "add", *words).code == 2
