import stat
from pathlib import Path

from gateway.settings.explained import first_file, page
from tests.unit.gateway.cli.terminal import Terminal


def test_show_prints_a_settings_file_without_secrets(postern: Terminal) -> None:
    seen = postern.types("config", "show", DISCORD_TOKEN="s3cr3t-token")

    assert seen.code == 0
    assert '[discord]\ntoken = "[hidden]"' in seen.out
    assert "s3cr3t" not in seen.out


def test_show_as_json_has_every_setting_by_name(postern: Terminal) -> None:
    seen = postern.types("config", "show", "--json", POSTERN_HTTP__PORT="9001")

    assert seen.json["http.port"] == 9001
    assert seen.json["access.allow"] == []


def test_explain_tells_where_a_value_came_from(postern: Terminal) -> None:
    Path("postern.toml").write_text("[turns]\nmax_attempts = 7\n")

    seen = postern.types("config", "explain", POSTERN_HTTP__PORT="9001")

    assert "http.port = 9001  (from: POSTERN_HTTP__PORT)\n" in seen.out
    assert "turns.max_attempts = 7  (from: postern.toml)\n" in seen.out
    assert "slack.bot_token is not set  (from: default)\n" in seen.out


def test_explain_as_json_says_the_same(postern: Terminal) -> None:
    seen = postern.types("config", "explain", "--json", LETTA_API_KEY="s3cr3t-key")

    [key] = [each for each in seen.json if each["name"] == "letta.api_key"]
    assert (key["value"], key["source"]) == ('"[hidden]"', "LETTA_API_KEY")
    assert key["variable"] == "POSTERN_LETTA__API_KEY"


def test_explain_as_markdown_is_the_page_of_the_docs(postern: Terminal) -> None:
    assert postern.types("config", "explain", "--markdown").out == page()


def test_env_lists_every_variable_and_marks_what_is_set(postern: Terminal) -> None:
    seen = postern.types("config", "env", POSTERN_HTTP__PORT="9001", SLACK_BOT_TOKEN="s3cr3t")

    assert "\nPOSTERN_HTTP__PORT=9001\n" in seen.out
    assert "\nPOSTERN_SLACK__BOT_TOKEN=[hidden]\n" in seen.out
    assert "\n# POSTERN_HTTP__HOST=127.0.0.1\n" in seen.out
    assert "Also read from SLACK_BOT_TOKEN." in seen.out


def test_init_writes_a_file_for_this_user_alone(postern: Terminal) -> None:
    seen = postern.types("init")

    written = Path("postern.toml")
    assert seen.code == 0
    assert written.read_text() == first_file()
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


def test_init_replaces_nothing(postern: Terminal) -> None:
    Path("postern.toml").write_text("# mine\n")

    seen = postern.types("init")

    assert seen.code == 1
    assert seen.err == '"postern.toml" exists already and is left as it is.\n'
    assert Path("postern.toml").read_text() == "# mine\n"


def test_init_writes_where_the_settings_are_looked_for(postern: Terminal) -> None:
    postern.types("init", POSTERN_CONFIG="other.toml")

    assert Path("other.toml").exists()
    assert postern.types("config", "show", POSTERN_CONFIG="other.toml").code == 0


def test_init_in_a_place_that_can_not_be_written_is_one_sentence(postern: Terminal) -> None:
    seen = postern.types("init", POSTERN_CONFIG="missing/other.toml")

    assert seen.code == 1
    assert seen.err == '"missing/other.toml" can not be written: No such file or directory.\n'
