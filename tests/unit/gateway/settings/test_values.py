"""Where settings come from, and what follows from them."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from gateway.bootstrap.choices import renewal_policy
from gateway.renewals import Ends
from gateway.rights.policy import AccessMode
from gateway.settings import Settings, load_settings
from gateway.settings.explained import as_toml, explain
from tests.unit.gateway.settings.complaints import complaint

KEY = "ab" * 32
EVERYWHERE = "0.0.0.0"  # noqa: S104 - settings that name it, nothing listens


# -- where values come from ---------------------------------------------------------------------


def test_nothing_has_to_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings({})

    assert settings == Settings()
    assert settings.data_dir == Path(".postern")
    assert settings.sqlite_path == Path(".postern/postern.db")
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert settings.letta.is_embedded
    assert settings.model.is_offline
    assert not settings.discord.is_on
    assert not settings.slack.is_on
    assert [agent.name for agent in settings.agents] == ["postern"]


def test_a_file_in_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("postern.toml").write_text("[http]\nport = 9000\n")

    settings = load_settings({})

    assert settings.http.port == 9000
    assert settings.origin("http.port") == "postern.toml"


def test_a_variable_names_another_file(file: Path) -> None:
    file.write_text("[http]\nport = 9000\n")

    settings = load_settings({"POSTERN_CONFIG": str(file)})

    assert settings.http.port == 9000


def test_the_environment_wins_over_the_file(file: Path) -> None:
    file.write_text('[http]\nport = 9000\nhost = "::1"\n')

    settings = load_settings({"POSTERN_HTTP__PORT": "9001"}, file)

    assert (settings.http.host, settings.http.port) == ("::1", 9001)
    assert settings.origin("http.port") == "POSTERN_HTTP__PORT"
    assert settings.origin("http.host") == str(file)
    assert settings.origin("http.public_url") == "default"


def test_our_variable_wins_over_the_usual_one() -> None:
    environ = {"DISCORD_TOKEN": "usual", "POSTERN_DISCORD__TOKEN": "ours"}

    settings = load_settings(environ)

    assert settings.discord.token is not None
    assert settings.discord.token.get_secret_value() == "ours"
    assert settings.origin("discord.token") == "POSTERN_DISCORD__TOKEN"


USUAL = {
    "DATABASE_URL": ("database_url", "postgresql://db.example/postern"),
    "DISCORD_TOKEN": ("discord.token", "a-token"),
    "DISCORD_PUBLIC_KEY": ("discord.public_key", KEY),
    "DISCORD_APPLICATION_ID": ("discord.application_id", "80351110224678912"),
    "SLACK_BOT_TOKEN": ("slack.bot_token", "a-token"),
    "SLACK_SIGNING_SECRET": ("slack.signing_secret", "a-secret"),
    "SLACK_APP_TOKEN": ("slack.app_token", "a-token"),
    "SLACK_CLIENT_ID": ("slack.client_id", "12.34"),
    "SLACK_CLIENT_SECRET": ("slack.client_secret", "a-secret"),
    "LETTA_BASE_URL": ("letta.base_url", "http://127.0.0.1:8283"),
    "LETTA_API_KEY": ("letta.api_key", "a-key"),
    "OPENAI_BASE_URL": ("model.base_url", "http://127.0.0.1:11434/v1"),
    "OPENAI_API_KEY": ("model.api_key", "a-key"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("traces.otlp_url", "http://127.0.0.1:4318"),
}


@pytest.mark.parametrize(("variable", "expected"), USUAL.items())
def test_usual_names_are_read(variable: str, expected: tuple[str, str]) -> None:
    dotted, value = expected

    settings = load_settings({variable: value})

    assert settings.origin(dotted) == variable
    [explained] = [each for each in explain(settings) if each.name == dotted]
    assert explained.value is not None


def test_a_blank_variable_is_not_set(file: Path) -> None:
    file.write_text('[discord]\ntoken = "from the file"\n')

    settings = load_settings({"DISCORD_TOKEN": "", "POSTERN_DISCORD__TOKEN": " "}, file)

    assert settings.origin("discord.token") == str(file)


def test_a_blank_text_in_the_file_is_not_set(file: Path) -> None:
    file.write_text('database_url = ""\n[discord]\ntoken = " "\n[http]\nhost = ""\n')

    settings = load_settings({}, file)

    assert settings.discord.token is None
    assert settings.http.host == "127.0.0.1"
    assert settings.sqlite_path == Path(".postern/postern.db")


def test_spaces_around_a_pasted_token_do_not_count() -> None:
    token = load_settings({"DISCORD_TOKEN": " abc\n"}).discord.token

    assert token is not None
    assert token.get_secret_value() == "abc"


def test_lists_in_variables_are_json_or_have_commas() -> None:
    json = load_settings({"POSTERN_ACCESS__ALLOW": '["slack:T1:U2"]'})
    commas = load_settings({"POSTERN_ACCESS__ALLOW": "discord:discord:1, slack:T1:U2"})
    agents = load_settings({"POSTERN_AGENTS": '[{"name": "clerk", "shared": true}]'})

    assert json.access.allow == ("slack:T1:U2",)
    assert commas.access.allow == ("discord:discord:1", "slack:T1:U2")
    assert (agents.agents[0].name, agents.agents[0].shared) == ("clerk", True)


def test_agents_come_in_the_order_of_the_file(file: Path) -> None:
    file.write_text('[[agents]]\nname = "one"\n[[agents]]\nname = "two"\npersona = "I am two."\n')

    settings = load_settings({}, file)

    assert [agent.name for agent in settings.agents] == ["one", "two"]
    assert settings.agents[1].persona == "I am two."


# -- what follows from them ---------------------------------------------------------------------


def test_the_database_lies_in_the_data_directory() -> None:
    settings = load_settings({"POSTERN_DATA_DIR": "/srv/postern"})

    assert settings.sqlite_path == Path("/srv/postern/postern.db")


def test_with_postgres_there_is_no_database_file() -> None:
    assert load_settings({"DATABASE_URL": "postgres://db.example/postern"}).sqlite_path is None


def test_a_key_alone_means_the_vendors_own_server() -> None:
    assert load_settings({"LETTA_API_KEY": "k"}).letta.server_url == "https://api.letta.com"
    assert load_settings({"OPENAI_API_KEY": "k"}).model.server_url == "https://api.openai.com/v1"


def test_discord_connects_with_a_token_unless_told_not_to() -> None:
    assert load_settings({"DISCORD_TOKEN": "t"}).discord.connects
    off = {"DISCORD_TOKEN": "t", "POSTERN_DISCORD__GATEWAY": "false"}
    assert not load_settings(off).discord.connects
    assert load_settings(off).discord.is_on


def test_discord_by_webhook_needs_the_public_key() -> None:
    assert not load_settings({"DISCORD_TOKEN": "t"}).discord.has_webhook
    both = {"DISCORD_TOKEN": "t", "DISCORD_PUBLIC_KEY": KEY}
    assert load_settings(both).discord.has_webhook


def test_slack_listens_by_socket_or_by_webhook() -> None:
    socket = load_settings({"SLACK_BOT_TOKEN": "b", "SLACK_APP_TOKEN": "a"}).slack
    webhook = load_settings({"SLACK_BOT_TOKEN": "b", "SLACK_SIGNING_SECRET": "s"}).slack
    nothing = load_settings({"SLACK_BOT_TOKEN": "b"}).slack

    assert (socket.connects, socket.has_webhook) == (True, False)
    assert (webhook.connects, webhook.has_webhook) == (False, True)
    assert (nothing.connects, nothing.has_webhook) == (False, False)


def test_strangers_on_the_web_are_welcome_only_on_this_machine() -> None:
    afar = {"POSTERN_HTTP__HOST": EVERYWHERE, "POSTERN_HTTP__ADMIN_TOKEN": "a-long-one"}

    assert load_settings({}).access.web is AccessMode.OPEN
    assert load_settings(afar).access.web is AccessMode.PAIRING
    chosen = load_settings({**afar, "POSTERN_ACCESS__WEB": "open"})
    assert chosen.access.web is AccessMode.OPEN


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_loopback_no_admin_token_is_needed(host: str) -> None:
    assert load_settings({"POSTERN_HTTP__HOST": host}).http.is_local


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.168.1.5", "example.org", "127.0.0.1.nip"])
def test_beyond_loopback_an_admin_token_is_needed(host: str) -> None:
    sentence = complaint({"POSTERN_HTTP__HOST": host})

    assert sentence == (
        f'http.host is "{host}", which other machines can reach, and http.admin_token is not set; '
        "set http.admin_token (POSTERN_HTTP__ADMIN_TOKEN) to a long random text, or http.host to "
        '"127.0.0.1".'
    )
    blank = {"POSTERN_HTTP__HOST": host, "POSTERN_HTTP__ADMIN_TOKEN": " "}
    assert complaint(blank) == sentence
    token = {"POSTERN_HTTP__HOST": host, "POSTERN_HTTP__ADMIN_TOKEN": "a-long-one"}
    assert not load_settings(token).http.is_local


def test_an_embedding_model_needs_an_api_to_be_asked_of() -> None:
    assert complaint({"POSTERN_MODEL__EMBEDDING": "small"}) == (
        'model.embedding is "small", and there is no API to ask it of; set model.base_url '
        "(OPENAI_BASE_URL) or model.api_key (OPENAI_API_KEY), or remove it."
    )
    assert load_settings({"POSTERN_MODEL__EMBEDDING": "small", "OPENAI_API_KEY": "k"})


def test_a_choice_of_models_needs_models_to_choose_from() -> None:
    choice = {"POSTERN_LETTA__MODELS": '["openai-proxy/large"]'}
    offline = complaint(choice)
    by_agent = complaint({"POSTERN_AGENTS": '[{"name": "a", "models": ["openai-proxy/large"]}]'})
    app_server = complaint({**choice, "LETTA_BASE_URL": "ws://127.0.0.1:4500/ws"})

    assert offline == by_agent
    assert offline.startswith("letta.models and agents.models let people choose, and there is only")
    assert app_server == (
        "An App Server takes no choice of model; remove letta.models and agents.models."
    )
    assert load_settings({**choice, "OPENAI_API_KEY": "k"}).letta.models == ("openai-proxy/large",)
    assert load_settings({**choice, "LETTA_API_KEY": "k"})


@pytest.mark.parametrize("handle", ["large", "/large", "openai/", "openai/very large"])
def test_a_model_to_choose_is_named_with_its_provider(handle: str) -> None:
    assert 'must be a handle such as "openai/gpt-4o-mini"' in complaint(
        {"POSTERN_LETTA__MODELS": f'["{handle}"]', "OPENAI_API_KEY": "k"}
    )


def test_conversations_begin_anew_only_where_it_is_set(file: Path) -> None:
    file.write_text(
        "[sessions]\ndm_daily_at = 04:00:00\nchannel_daily_at = '23:30'\n"
        "thread_idle_hours = 1.5\ntimezone = 'Europe/Vienna'\n"
    )

    settings = load_settings({}, file)
    policy = renewal_policy(settings)

    assert 'dm_daily_at = "04:00"' in as_toml(settings)
    assert policy.direct == Ends(daily_at=time(4))
    assert policy.channel == Ends(daily_at=time(23, 30))
    assert policy.thread == Ends(timedelta(hours=1.5))
    assert policy.zone == "Europe/Vienna"
    untouched = renewal_policy(load_settings({}))
    assert all(ends.is_never for ends in (untouched.direct, untouched.channel, untouched.thread))


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("DM_DAILY_AT", "24:00", "a time of day such as 04:00"),
        ("DM_DAILY_AT", "4 in the morning", "a time of day such as 04:00"),
        ("TIMEZONE", "Vienna", "an IANA time zone such as Europe/Vienna"),
    ],
)
def test_a_time_of_the_day_and_its_zone_are_checked(key: str, value: str, what: str) -> None:
    assert what in complaint({f"POSTERN_SESSIONS__{key}": value})


# -- artifacts ----------------------------------------------------------------------------------


def test_artifacts_are_kept_in_the_data_directory_unless_a_place_is_named(tmp_path: Path) -> None:
    here = load_settings({"POSTERN_DATA_DIR": str(tmp_path)})
    elsewhere = load_settings({"POSTERN_ARTIFACTS__URL": "s3://our-bucket/postern/"})

    assert here.artifacts_url == str(tmp_path / "artifacts")
    assert elsewhere.artifacts_url == "s3://our-bucket/postern"


@pytest.mark.parametrize("url", ["gs://bucket", "s3://", "s3:///a", "s3://a b", "http://h/b"])
def test_artifacts_are_kept_in_a_folder_or_a_bucket(url: str) -> None:
    told = complaint({"POSTERN_ARTIFACTS__URL": url})

    assert "artifacts.url (from POSTERN_ARTIFACTS__URL) must be a folder, s3://" in told


def test_the_buckets_key_is_a_secret() -> None:
    settings = load_settings({"AWS_SECRET_ACCESS_KEY": "shhh"})

    assert "shhh" in settings.secrets()


@pytest.mark.parametrize("section", ["transcription", "image_generation"])
def test_nobody_listens_or_paints_unless_it_is_asked_for(section: str) -> None:
    begin = f"POSTERN_{section.upper()}__"
    off = load_settings({"OPENAI_API_KEY": "k"})
    elsewhere = load_settings({f"{begin}BASE_URL": "http://127.0.0.1:8000/v1/"})
    there = load_settings({f"{begin}API_KEY": "k"})

    assert getattr(off, section).server_url is None
    assert getattr(elsewhere, section).server_url == "http://127.0.0.1:8000/v1"
    assert getattr(there, section).server_url == "https://api.openai.com/v1"
