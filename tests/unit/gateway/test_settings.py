from datetime import time, timedelta
from pathlib import Path

import pytest

from gateway.access import AccessMode
from gateway.bootstrap.choices import renewal_policy
from gateway.errors import SettingsWrong
from gateway.renewals import Ends
from gateway.settings import Settings, load_settings
from gateway.settings.explained import as_toml, as_variables, explain, first_file, page

KEY = "ab" * 32
EVERYWHERE = "0.0.0.0"  # noqa: S104 - settings that name it, nothing listens


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "postern.toml"


def complaint(environ: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(SettingsWrong) as caught:
        load_settings(environ, file)
    return str(caught.value)


def complaint_about(text: str, file: Path) -> str:
    file.write_text(text)
    return complaint({}, file).replace(str(file), "postern.toml")


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


# -- mistakes -----------------------------------------------------------------------------------


def test_an_unknown_key_names_the_nearest_one(file: Path) -> None:
    assert complaint_about("[http]\nprot = 1\n", file) == (
        '"http.prot" in postern.toml is no setting. The nearest is "http.port".'
    )


def test_an_unknown_section_names_the_nearest_one(file: Path) -> None:
    assert complaint_about("[dicsord]\n", file) == (
        '"dicsord" in postern.toml is no setting. The nearest is "discord".'
    )


def test_a_key_in_the_wrong_place_is_sent_to_its_section(file: Path) -> None:
    assert complaint_about("port = 1\n", file) == (
        '"port" in postern.toml is no setting. The nearest is "http.port".'
    )


def test_an_unknown_key_like_no_other_gets_the_list_of_its_section(file: Path) -> None:
    assert complaint_about("[retention]\nxyzzy = 1\n", file) == (
        '"retention.xyzzy" in postern.toml is no setting. '
        "There is, in [retention]: days, audit_days."
    )


def test_an_unknown_variable_names_the_nearest_one() -> None:
    assert complaint({"POSTERN_HTP__PORT": "1"}) == (
        "The variable POSTERN_HTP__PORT is no setting of Postern. "
        "The nearest is POSTERN_HTTP__PORT."
    )
    assert "`postern config env`" in complaint({"POSTERN_XYZZY_PLUGH_12345": "1"})


def test_what_kubernetes_injects_beside_a_service_of_our_name_is_let_be() -> None:
    injected = {
        "POSTERN_SERVICE_HOST": "10.0.0.1",
        "POSTERN_SERVICE_PORT": "8080",
        "POSTERN_SERVICE_PORT_HTTP": "8080",
        "POSTERN_PORT": "tcp://10.0.0.1:8080",
        "POSTERN_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "POSTERN_PORT_8080_TCP_ADDR": "10.0.0.1",
    }

    assert load_settings(injected) == load_settings({})


def test_broken_toml_is_told_with_its_line(file: Path) -> None:
    sentence = complaint_about('[discord]\ntoken = "s3cr3t-token\n', file)

    assert sentence.startswith("postern.toml is not valid TOML: ")
    assert "line 2" in sentence
    assert "s3cr3t" not in sentence
    assert sentence.count("\n") == 0


PUBLIC_KEY_IS = "the 64 hexadecimal digits that Discord shows as the application's public key"
REACTIONS_ARE = "one of 'off', 'own' or 'all'; it is true or false"

WRONG = [
    ("[http]\nport = true\n", "http.port", "a whole number; it is true or false"),
    ('[http]\nport = "many"\n', "http.port", "a whole number; it is a text"),
    ("[http]\nport = 65536\n", "http.port", "at most 65535; it is not"),
    ("[http]\nport = -1\n", "http.port", "at least 0; it is not"),
    ("[http]\nport = 80.5\n", "http.port", "a whole number; it is a number"),
    ("[discord]\ngateway = 7\n", "discord.gateway", "true or false; it is a whole number"),
    ("[turns]\nlease_seconds = 0\n", "turns.lease_seconds", "more than 0; it is not"),
    ("[turns]\nquiet_seconds = nan\n", "turns.quiet_seconds", "a number that ends; it is a number"),
    ("data_dir = 5\n", "data_dir", "a path; it is a whole number"),
    ("http = 5\n", "http", "a table; it is a whole number"),
    ("agents = []\n", "agents", "a list with something in it; it is empty"),
    ("agents = 'one'\n", "agents", "a list; it is a text"),
    ("[retention]\ndays = true\n", "retention.days", "a whole number; it is true or false"),
    ("[slack]\nbot_token = 5\n", "slack.bot_token", "a text; it is a whole number"),
    ("[slack]\nbot_token = {}\n", "slack.bot_token", "a text; it is a table"),
    ("[slack]\nbot_token = []\n", "slack.bot_token", "a text; it is a list"),
    (
        "[access]\nweb = 'opne'\n",
        "access.web",
        "one of 'open', 'allowlist' or 'pairing'; it is another text",
    ),
    (
        "[discord]\nbots = 'some'\n",
        "discord.bots",
        "one of 'none', 'mentions' or 'all'; it is another text",
    ),
    ("[discord]\nreactions = true\n", "discord.reactions", REACTIONS_ARE),
    ("[discord]\nmax_parts = 0\n", "discord.max_parts", "at least 1; it is not"),
    (
        "[slack]\nprompts = ['a', 'b', 'c', 'd', 'e']\n",
        "slack.prompts",
        "a list of at most 4; it is longer",
    ),
    (
        "[slack]\nprompts = [' ']\n",
        "slack.prompts[0]",
        "a text with something in it; it is another text",
    ),
    (
        "[letta]\nbase_url = 'localhost:8283'\n",
        "letta.base_url",
        "an address that starts with http://, https://, ws:// or wss://; it is another text",
    ),
    (
        "[discord]\ngateway_url = 'https://x'\n",
        "discord.gateway_url",
        "an address that starts with ws:// or wss://; it is another text",
    ),
    (
        "database_url = 'mysql://x/y'\n",
        "database_url",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE; it is another text",
    ),
    (
        "[access]\nallow = ['discord:12']\n",
        "access.allow[0]",
        'platform:workspace:user, such as "discord:discord:80351110224678912"; it is another text',
    ),
    (
        "[discord]\npublic_key = 'short'\n",
        "discord.public_key",
        f"{PUBLIC_KEY_IS}; it is another text",
    ),
    (
        "[[agents]]\nname = 'My Agent'\n",
        "agents[0].name",
        "at most 40 lower-case letters, digits, - and _; it is another text",
    ),
    (
        "[[agents]]\nname = 'all'\n",
        "agents[0].name",
        'a name of its own; "all" is taken; it is another text',
    ),
]


@pytest.mark.parametrize(("text", "name", "rest"), WRONG)
def test_a_wrong_value_is_one_sentence(file: Path, text: str, name: str, rest: str) -> None:
    assert complaint_about(text, file) == f"{name} (from postern.toml) must be {rest}."


def test_a_wrong_variable_is_named_as_the_source() -> None:
    assert complaint({"POSTERN_HTTP__PORT": "many"}) == (
        "http.port (from POSTERN_HTTP__PORT) must be a whole number; it is a text."
    )


def test_a_missing_name_of_an_agent_is_one_sentence(file: Path) -> None:
    assert complaint_about("[[agents]]\npersona = 'x'\n", file) == (
        "agents[0].name is not set in postern.toml, and has no default."
    )


HOOK_SECRET = "0123456789abcdef"


def test_wakeups_stand_below_their_agent_and_hooks_beside_it(file: Path) -> None:
    file.write_text(
        "[[agents]]\nname = 'clerk'\n"
        "[[agents.wakeups]]\nname = 'papers'\nto = 'slack:T1:C2'\nprompt = 'Look.'\nat = '9:00'\n"
        f"[[hooks]]\nname = 'ci'\nsecret = '{HOOK_SECRET}'\nto = 'discord:dm:99'\nagent = 'clerk'\n"
    )

    settings = load_settings({}, file)

    assert settings.agents[0].wakeups[0].to == "slack:T1:C2"
    assert settings.hooks[0].secret.get_secret_value() == HOOK_SECRET
    assert HOOK_SECRET in settings.secrets()
    assert HOOK_SECRET not in as_toml(settings)
    file.write_text(as_toml(settings).replace("[hidden]", HOOK_SECRET))
    again = load_settings({}, file)
    assert (again.agents, again.hooks) == (settings.agents, settings.hooks)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("secret = 'short'", "hooks[0].secret (from postern.toml) must be a text of at least 16"),
        ("to = 'nowhere'", "hooks[0].to (from postern.toml) must be a conversation"),
        ("agent = 'nobody'", 'The hook "ci" wakes "nobody", which is no agent.'),
    ],
)
def test_a_hook_that_can_not_work_is_one_sentence(file: Path, line: str, said: str) -> None:
    good = {"name": "'ci'", "secret": f"'{HOOK_SECRET}'", "to": "'discord:dm:99'"}
    key, _, value = line.partition(" = ")
    lines = [f"{name} = {text}" for name, text in {**good, key: value}.items()]

    assert complaint_about("[[hooks]]\n" + "\n".join(lines), file).startswith(said)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("agent = 'nobody'", 'A [[bindings]] rule names "nobody", which is no agent.'),
        ("channel = 'C1'", "A [[bindings]] rule with channel needs workspace too."),
        ("workspace = 'T1'", "A [[bindings]] rule with workspace needs platform too."),
        ("mode = 'pair'", "bindings[0].mode (from postern.toml) must be one of"),
        ("platform = 'irc'", "bindings[0].platform (from postern.toml) must be one of"),
        ("people = ['ada']", "bindings[0].people[0] (from postern.toml) must be platform:"),
    ],
)
def test_a_binding_that_can_not_work_is_one_sentence(file: Path, lines: str, said: str) -> None:
    assert complaint_about(f"[[bindings]]\n{lines}", file).startswith(said)


def test_bindings_are_written_out_and_read_back(file: Path) -> None:
    file.write_text("[[bindings]]\nplatform = 'slack'\nworkspace = 'T1'\nmode = 'channel'\n")
    settings = load_settings({}, file)

    file.write_text(as_toml(settings))

    assert load_settings({}, file).bindings == settings.bindings


_BLOCK = "[[agents.blocks]]\nlabel = 'notes'\n"
_SHARED = "[[agents.shared_blocks]]\nlabel = 'state'\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"{_BLOCK}value = 'xxxx'\nlimit = 3", 'The block "notes" has 4 characters, and 3 are the'),
        (f"persona = '{'x' * 5_001}'", 'The persona of the agent "a" has 5,001 characters'),
        (_BLOCK + _BLOCK, 'The agent "a" has two blocks called "notes".'),
        (f"{_BLOCK}{_SHARED.replace('state', 'notes')}", 'The agent "a" has two blocks called'),
        ("[[agents.blocks]]\nlabel = 'human'", 'The agent "a" has two blocks called "human".'),
        (
            f"{_SHARED}[[agents]]\nname = 'b'\n{_SHARED}limit = 9",
            'Two agents describe the shared block "state" differently.',
        ),
    ],
)
def test_blocks_that_can_not_be_are_one_sentence(file: Path, lines: str, said: str) -> None:
    assert complaint_about(f"[[agents]]\nname = 'a'\n{lines}", file).startswith(said)


def test_two_agents_can_not_share_a_name() -> None:
    assert complaint({"POSTERN_AGENTS": '[{"name": "x"}, {"name": "x"}]'}) == (
        'Two [[agents]] are called "x"; give each a name of its own.'
    )


def test_every_mistake_is_told_at_once(file: Path) -> None:
    sentences = complaint_about("[http]\nport = 'x'\n[turns]\nmax_attempts = 0\n", file)

    assert sentences.splitlines() == [
        "http.port (from postern.toml) must be a whole number; it is a text.",
        "turns.max_attempts (from postern.toml) must be at least 1; it is not.",
    ]


def test_a_follow_up_of_a_mistake_is_not_told(file: Path) -> None:
    assert len(complaint_about("data_dir = 5\n", file).splitlines()) == 1
    assert len(complaint_about("[[agents]]\nname = 5\n", file).splitlines()) == 1


def test_a_file_that_can_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    assert "No such file" in complaint({}, tmp_path / "none.toml")
    assert "Is a directory" in complaint({"POSTERN_CONFIG": str(tmp_path)})
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    assert "is not UTF-8 text" in complaint({}, tmp_path / "latin.toml")


SECRET = "s3cr3t-s3cr3t"


@pytest.mark.parametrize(
    "environ",
    [
        {"POSTERN_HTTP__PORT": SECRET},
        {"POSTERN_ACCESS__DISCORD": SECRET},
        {"POSTERN_ACCESS__ALLOW": SECRET},
        {"DATABASE_URL": f"mysql://me:{SECRET}@h/d"},
        {"LETTA_BASE_URL": SECRET},
        {"DISCORD_PUBLIC_KEY": SECRET},
        {"POSTERN_AGENTS": SECRET},
        {"POSTERN_SLACK__BOT_TOKN": SECRET},
    ],
)
def test_no_complaint_repeats_a_value(environ: dict[str, str]) -> None:
    assert SECRET not in complaint(environ)


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
    written = Path(__file__).parents[3] / "docs" / "settings.md"

    assert written.read_text(encoding="utf-8") == page()


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


_ISSUER = "issuer = 'https://id.example.org'"
_SIGNED = "session_secret = 'a long enough secret'"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("issuer = 'http://id.example.org'", "client_id = 'x'", _SIGNED), "start with https://"),
        ((_ISSUER, _SIGNED), "oidc.client_id is not: set both."),
        ((_ISSUER, "client_id = 'x'"), "nothing signs sessions"),
        ((_ISSUER, "client_id = 'x'", "session_secret = 'short'"), "nothing signs sessions"),
        ((_ISSUER, "client_id = 'x'", _SIGNED, "scopes = 'profile'"), 'must hold "openid".'),
    ],
)
def test_signing_in_needs_all_that_it_takes(file: Path, lines: tuple[str, ...], said: str) -> None:
    assert said in complaint_about("[oidc]\n" + "\n".join(lines), file)


def test_the_secrets_of_signing_in_are_secret(file: Path) -> None:
    file.write_text("[oidc]\nclient_secret = 'cs-1234'\nsession_secret = 'ss-1234'\n", "utf-8")

    assert {"cs-1234", "ss-1234"} <= set(load_settings({}, file).secrets())
