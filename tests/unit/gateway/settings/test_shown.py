"""What people are shown of settings, and that it is no secret."""

from pathlib import Path

from gateway.settings import Settings, load_settings
from gateway.settings.explained import as_toml, as_variables, explain, first_file, page

# -- secrets ------------------------------------------------------------------------------------

SECRETS = {
    "POSTERN_HTTP__ADMIN_TOKEN": "secret-admin",
    "DISCORD_TOKEN": "secret-discord",
    "SLACK_BOT_TOKEN": "secret-slack-bot",
    "SLACK_APP_TOKEN": "secret-slack-app",
    "SLACK_SIGNING_SECRET": "secret-slack-signing",
    "SLACK_CLIENT_SECRET": "secret-slack-client",
    "LETTA_API_KEY": "secret-letta",
    "OPENAI_API_KEY": "secret-openai",
    "POSTERN_TRANSCRIPTION__API_KEY": "secret-ears",
    "POSTERN_IMAGE_GENERATION__API_KEY": "secret-brush",
    "DATABASE_URL": "postgresql://me:secret-database@db.example/postern",
}


def test_no_view_of_the_settings_shows_a_secret() -> None:
    settings = load_settings({**SECRETS, "LETTA_BASE_URL": "http://me:secret-url@127.0.0.1:1"})
    views = [
        str(explain(settings)),
        as_toml(settings),
        as_variables(settings),
        repr(settings.discord),
        settings.model_dump_json(include={"discord", "slack", "database_url"}),
    ]

    for view in views:
        assert "secret-" not in view


def test_the_log_is_told_every_secret() -> None:
    told = load_settings(SECRETS).secrets()

    assert sorted(told) == sorted({**SECRETS, "DATABASE_URL": "secret-database"}.values())


# -- told to people -----------------------------------------------------------------------------


def test_every_setting_is_explained_with_value_and_source() -> None:
    explained = {each.name: each for each in explain(load_settings({"DISCORD_TOKEN": "x"}))}

    assert explained["http.port"].value == "8080"
    assert explained["http.port"].source == "default"
    assert explained["discord.token"].value == '"[hidden]"'
    assert explained["discord.token"].source == "DISCORD_TOKEN"
    assert explained["slack.bot_token"].value is None
    assert all(each.meaning for each in explained.values())


def test_what_is_shown_can_be_read_back(file: Path) -> None:
    given = {"POSTERN_HTTP__PORT": "9001", "POSTERN_ACCESS__ALLOW": "slack:T1:U2"}
    settings = load_settings(given)
    file.write_text(as_toml(settings))

    assert load_settings({}, file).model_dump() == settings.model_dump()


def test_the_first_file_sets_nothing(file: Path) -> None:
    file.write_text(first_file())

    assert load_settings({}, file) == Settings()


def test_every_line_of_the_first_file_can_be_switched_on(file: Path) -> None:
    lines = first_file().splitlines()
    is_setting = [line.startswith("# ") and (" = " in line or "[[" in line) for line in lines]
    file.write_text(
        "\n".join(
            line.removeprefix("# ") if on else line
            for line, on in zip(lines, is_setting, strict=True)
        )
    )

    load_settings({}, file)


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    written = Path(__file__).parents[4] / "docs" / "settings.md"

    assert written.read_text(encoding="utf-8") == page()
