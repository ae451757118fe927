import pytest

from gateway.cli.banner import Line, show, what_is_on
from gateway.settings import load_settings

KEY = "ab" * 32
AFAR = {
    "POSTERN_HTTP__HOST": "0.0.0.0",  # noqa: S104 - a setting, nothing listens
    "POSTERN_HTTP__ADMIN_TOKEN": "a-long-one",
}


def line(name: str, environ: dict[str, str]) -> Line:
    [found] = [each for each in what_is_on(load_settings(environ)) if each.name == name]
    return found


def test_with_nothing_set_the_web_chat_and_the_embedded_server_are_on() -> None:
    lines = {each.name: each for each in what_is_on(load_settings({}))}

    assert [each.name for each in lines.values() if each.is_on] == [
        "web chat",
        "Letta",
        "database",
    ]
    assert lines["web chat"].sentence == "http://127.0.0.1:8080; everybody may talk"
    assert lines["Letta"].sentence == "embedded server"
    assert lines["database"].sentence == "SQLite, .postern/postern.db"


def test_what_is_off_says_what_turns_it_on() -> None:
    off = [each for each in what_is_on(load_settings({})) if not each.is_on]

    assert {each.name: each.hint for each in off} == {
        "Discord": "set DISCORD_TOKEN",
        "Slack": "set SLACK_BOT_TOKEN and SLACK_APP_TOKEN",
        "model": "set OPENAI_API_KEY, or OPENAI_BASE_URL of any such server",
    }


@pytest.mark.parametrize(
    ("environ", "doors"),
    [
        ({}, "gateway connection"),
        ({"DISCORD_PUBLIC_KEY": KEY}, "gateway connection and interactions by webhook"),
        (
            {"DISCORD_PUBLIC_KEY": KEY, "POSTERN_DISCORD__GATEWAY": "no"},
            "interactions by webhook",
        ),
    ],
)
def test_discord_says_by_which_doors_it_hears(environ: dict[str, str], doors: str) -> None:
    found = line("Discord", {"DISCORD_TOKEN": "t", **environ})

    assert found.is_on
    assert found.sentence.startswith(f"{doors}; ")


def test_slack_with_a_bot_token_alone_hears_nothing_and_says_so() -> None:
    found = line("Slack", {"SLACK_BOT_TOKEN": "b"})

    assert found.sentence == "writes, but hears nothing"
    assert found.hint == "set SLACK_APP_TOKEN, or SLACK_SIGNING_SECRET"


def test_slack_says_by_which_doors_it_hears() -> None:
    socket = line("Slack", {"SLACK_BOT_TOKEN": "b", "SLACK_APP_TOKEN": "a"})
    webhook = line("Slack", {"SLACK_BOT_TOKEN": "b", "SLACK_SIGNING_SECRET": "s"})

    assert socket.sentence.startswith("Socket Mode; ")
    assert webhook.sentence.startswith("events by webhook; ")


def test_who_may_talk_is_said() -> None:
    assert line("web chat", AFAR).sentence.endswith("`postern pairing approve CODE`")
    listed = {"DISCORD_TOKEN": "t", "POSTERN_ACCESS__DISCORD": "allowlist"}
    assert line("Discord", listed).sentence.endswith("only people in access.allow may talk")


def test_a_free_port_is_not_shown_as_0() -> None:
    assert ":0" not in line("web chat", {"POSTERN_HTTP__PORT": "0"}).sentence


def test_with_a_letta_server_the_model_is_its_own_matter() -> None:
    lines = what_is_on(load_settings({"LETTA_BASE_URL": "http://127.0.0.1:8283"}))

    assert "model" not in [each.name for each in lines]


def test_no_line_shows_a_password() -> None:
    environ = {
        "DATABASE_URL": "postgresql://me:s3cr3t@db.example/postern?password=s3cr3t",
        "LETTA_BASE_URL": "http://me:s3cr3t@127.0.0.1:1",
    }

    assert "s3cr3t" not in str(what_is_on(load_settings(environ)))
    assert line("database", environ).sentence == "Postgres, postgresql://db.example/postern"


def test_where_no_terminal_is_the_lines_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show([Line("one", is_on=True, sentence="works"), Line("two", False, "[off]", "set TWO")])

    assert capsys.readouterr().err == "on   one  works\noff  two  [off]  (set TWO)\n"
