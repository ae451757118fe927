"""Settings that can not be: each mistake is one sentence, which repeats no value."""

from pathlib import Path

import pytest

from gateway.settings import load_settings
from gateway.settings.explained import as_toml
from tests.unit.gateway.settings.complaints import complaint, complaint_about


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
