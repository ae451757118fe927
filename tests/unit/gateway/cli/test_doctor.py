import asyncio
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.embedded.store.database import open_database
from gateway.cli.sqlite_file import change, schema_of
from gateway.data_dir import held
from tests.fakes.mcp_server import McpServer, mcp_in_a_thread, tool
from tests.unit.gateway.cli.servers import Server, serving
from tests.unit.gateway.cli.terminal import Seen, Terminal

KEY = "ab" * 32
APPLICATION = {"id": "77", "name": "Ada's Postern", "verify_key": KEY, "flags": 1 << 19}

DATABASES = [("database", ".postern/postern.db"), ("agents", ".postern/letta.db")]
AN_AGENT = """
INSERT INTO binding (person, role, agent, intended_at) VALUES ('ada', 'postern', 'agent-1', 0)
"""


@pytest.fixture
def letta() -> Iterator[Server]:
    with serving({"/v1/agents/": (200, [])}) as server:
        yield server


@pytest.fixture
def model() -> Iterator[Server]:
    with serving({"/v1/models": (200, {"data": [{"id": "small"}]})}) as server:
        yield server


@pytest.fixture
def discord() -> Iterator[Server]:
    with serving({"/applications/@me": (200, APPLICATION)}) as server:
        yield server


@pytest.fixture
def slack() -> Iterator[Server]:
    answers: dict[str, tuple[int, object]] = {
        "/auth.test": (200, {"ok": True, "team": "Analysts"}),
        "/apps.connections.open": (200, {"ok": True, "url": "wss://…"}),
    }
    with serving(answers) as server:
        yield server


def examine(postern: Terminal, **variables: str) -> Seen:
    """Look at everything, on a port that is surely free."""
    return postern.types("doctor", "--json", **{"POSTERN_HTTP__PORT": "0", **variables})


def make_databases(postern: Terminal) -> None:
    """Make both databases of the data directory, as a first start does."""

    async def open_agents() -> None:
        async with open_database(Path(".postern/letta.db")):
            pass

    assert postern.types("db", "migrate").code == 0
    asyncio.run(open_agents())


def remedy(seen: Seen, part: str) -> str:
    [found] = [each for each in seen.json if each["part"] == part]
    return found["remedy"]


def finding(seen: Seen, part: str) -> tuple[str, str]:
    [found] = [each for each in seen.json if each["part"] == part]
    return found["outcome"], found["sentence"]


def test_a_fresh_machine_is_well_but_for_the_missing_model(postern: Terminal) -> None:
    seen = examine(postern)

    assert seen.code == 0
    assert [each["part"] for each in seen.json if each["outcome"] != "ok"] == ["model"]


def test_findings_are_lines_with_what_to_do_below(postern: Terminal) -> None:
    seen = postern.types("doctor", POSTERN_HTTP__PORT="0")

    assert "warning  model: No language model: the agent answers by rule.\n" in seen.out
    assert "→ Set OPENAI_API_KEY, or OPENAI_BASE_URL and model.name.\n" in seen.out


def test_wrong_settings_are_the_only_finding(postern: Terminal) -> None:
    seen = examine(postern, POSTERN_HTTP__PORT="many")

    assert seen.code == 1
    assert [each["part"] for each in seen.json] == ["settings"]


def test_secrets_that_others_can_read_are_a_warning(postern: Terminal) -> None:
    file = Path("postern.toml")
    file.write_text('[http]\nadmin_token = "a-long-one"\n')
    file.chmod(0o644)
    open_file = examine(postern, POSTERN_CONFIG=str(file))
    file.chmod(0o600)
    closed_file = examine(postern, POSTERN_CONFIG=str(file))

    assert finding(open_file, "settings")[0] == "warning"
    assert finding(closed_file, "settings")[0] == "ok"


def test_a_data_directory_that_can_not_be_used_is_wrong(postern: Terminal) -> None:
    Path("occupied").write_text("a file")

    seen = examine(postern, POSTERN_DATA_DIR="occupied")

    assert seen.code == 1
    assert finding(seen, "data_dir")[0] == "wrong"


def test_looking_makes_no_data_directory(postern: Terminal) -> None:
    examine(postern)

    assert not Path(".postern").exists()


def test_a_running_gateway_is_recognised_by_directory_and_port(postern: Terminal) -> None:
    with held(Path(".postern")):
        seen = examine(postern)

    assert str(os.getpid()) in finding(seen, "data_dir")[1]
    assert finding(seen, "port") == ("ok", "The running gateway has it.")


def test_databases_of_this_version_are_whole(postern: Terminal) -> None:
    make_databases(postern)

    seen = examine(postern)

    assert finding(seen, "database") == ("ok", ".postern/postern.db is whole.")
    assert finding(seen, "agents") == ("ok", ".postern/letta.db is whole.")


@pytest.mark.parametrize(("part", "path"), DATABASES)
def test_a_database_of_a_newer_version_is_wrong(postern: Terminal, part: str, path: str) -> None:
    make_databases(postern)
    known = schema_of(Path(path))
    change(Path(path), ["PRAGMA user_version = 900"])

    seen = examine(postern)

    sentence = f"{path} was written by a newer Postern: schema 900; this one knows {known}."
    assert finding(seen, part) == ("wrong", sentence)
    assert remedy(seen, part) == "Upgrade Postern."


@pytest.mark.parametrize(("part", "path"), DATABASES)
def test_a_database_of_an_older_version_is_told(postern: Terminal, part: str, path: str) -> None:
    make_databases(postern)
    known = schema_of(Path(path))
    change(Path(path), ["PRAGMA user_version = 1"])

    seen = examine(postern)

    sentence = f"{path} is whole; the next start brings its schema from 1 to {known}."
    assert finding(seen, part) == ("ok", sentence)


@pytest.mark.parametrize(("part", "path"), DATABASES)
def test_a_damaged_database_is_wrong(postern: Terminal, part: str, path: str) -> None:
    make_databases(postern)
    content = bytearray(Path(path).read_bytes())
    content[4096 : 4096 * 12] = b"\xff" * (4096 * 11)
    Path(path).write_bytes(content)

    seen = examine(postern)

    outcome, sentence = finding(seen, part)
    assert outcome == "wrong"
    assert sentence.startswith(f"{path} is damaged: ")


@pytest.mark.parametrize(("part", "path"), DATABASES)
def test_a_database_that_is_none_is_wrong(postern: Terminal, part: str, path: str) -> None:
    make_databases(postern)
    Path(path).write_text("not a database" * 100)

    outcome, sentence = finding(examine(postern), part)

    assert outcome == "wrong"
    assert "file is not a database" in sentence


def test_agents_whose_memory_is_gone_are_wrong(postern: Terminal) -> None:
    make_databases(postern)
    Path(".postern/letta.db").unlink()
    without_agents = examine(postern)
    change(Path(".postern/postern.db"), [AN_AGENT])

    seen = examine(postern)

    assert finding(without_agents, "agents")[0] == "ok"
    assert seen.code == 1
    sentence = ".postern/letta.db is gone, and 1 agents with all their memory with it."
    assert finding(seen, "agents") == ("wrong", sentence)
    assert remedy(seen, "agents") == "Restore a backup."


def test_agents_on_a_letta_server_have_no_memory_here(postern: Terminal, letta: Server) -> None:
    seen = examine(postern, LETTA_BASE_URL=letta.url)

    assert finding(seen, "agents") == ("ok", "Their memory is on the Letta server.")


def test_a_port_that_is_taken_is_wrong(postern: Terminal) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        outcome, sentence = finding(examine(postern, POSTERN_HTTP__PORT=str(port)), "port")

    assert outcome == "wrong"
    assert sentence == f"{port} on 127.0.0.1 can not be had: Address already in use."


def test_webhooks_without_a_public_address_are_a_warning(postern: Terminal, slack: Server) -> None:
    variables = {
        "SLACK_BOT_TOKEN": "b",
        "SLACK_SIGNING_SECRET": "s",
        "POSTERN_SLACK__API_URL": slack.url,
    }
    without = examine(postern, **variables)
    plain = examine(postern, **variables, POSTERN_HTTP__PUBLIC_URL="http://postern.example")
    safe = examine(postern, **variables, POSTERN_HTTP__PUBLIC_URL="https://postern.example")

    assert finding(without, "public_url")[0] == "warning"
    assert finding(plain, "public_url")[0] == "warning"
    assert finding(safe, "public_url") == ("ok", "https://postern.example")


def test_the_letta_server_is_asked_with_the_key(postern: Terminal, letta: Server) -> None:
    seen = examine(postern, LETTA_BASE_URL=letta.url, LETTA_API_KEY="k")

    assert finding(seen, "letta") == ("ok", f"{letta.url} answers.")
    assert letta.heard == [("/v1/agents/", "Bearer k")]


@pytest.mark.parametrize(
    ("status", "sentence"), [(401, "{} refuses the key."), (500, "{} answers with status 500.")]
)
def test_a_letta_server_that_says_no_is_wrong(
    postern: Terminal, letta: Server, status: int, sentence: str
) -> None:
    letta.answers["/v1/agents/"] = (status, {})

    seen = examine(postern, LETTA_BASE_URL=letta.url)

    assert seen.code == 1
    assert finding(seen, "letta") == ("wrong", sentence.format(letta.url))


def test_servers_that_do_not_answer_are_wrong(postern: Terminal) -> None:
    with serving({}) as gone:
        pass

    letta = examine(postern, LETTA_BASE_URL=gone.url)
    model = examine(postern, OPENAI_BASE_URL=gone.url)
    discord = examine(postern, DISCORD_TOKEN="t", POSTERN_DISCORD__API_URL=gone.url)
    slack = examine(postern, SLACK_BOT_TOKEN="b", POSTERN_SLACK__API_URL=gone.url)

    assert finding(letta, "letta")[1].startswith(f"{gone.url} does not answer: ")
    assert finding(model, "model")[1].startswith(f"{gone.url} does not answer: ")
    assert finding(discord, "discord")[1].startswith(f"{gone.url} does not answer: ")
    assert f"{gone.url} does not answer: " in slack.out


def test_a_model_that_is_listed_is_there(postern: Terminal, model: Server) -> None:
    listed = examine(
        postern, OPENAI_BASE_URL=f"{model.url}/v1", POSTERN_MODEL__NAME="small", OPENAI_API_KEY="k"
    )
    unlisted = examine(postern, OPENAI_BASE_URL=f"{model.url}/v1", POSTERN_MODEL__NAME="large")

    assert finding(listed, "model") == ("ok", f"small at {model.url}/v1 is there.")
    assert model.heard[0] == ("/v1/models", "Bearer k")
    assert finding(unlisted, "model") == ("warning", f'{model.url}/v1 does not list "large".')


def test_models_that_people_may_choose_are_looked_for(postern: Terminal, model: Server) -> None:
    listed = {"OPENAI_BASE_URL": f"{model.url}/v1", "POSTERN_MODEL__NAME": "small"}
    there = examine(postern, **listed, POSTERN_LETTA__MODELS='["openai-proxy/small"]')
    agents = '[{"name": "a", "models": ["openai-proxy/small", "openai-proxy/huge"]}]'
    missing = examine(postern, **listed, POSTERN_AGENTS=agents)

    assert finding(there, "models")[0] == "ok"
    assert finding(missing, "models") == (
        "warning",
        'People may choose "openai-proxy/huge", and the server lists no such model.',
    )


def test_a_letta_server_is_asked_for_its_models(postern: Terminal, letta: Server) -> None:
    letta.answers["/v1/models/"] = (200, [{"handle": "openai/small"}])
    handles = '["openai/small", "openai/gone"]'
    seen = examine(
        postern, LETTA_BASE_URL=letta.url, LETTA_API_KEY="k", POSTERN_LETTA__MODELS=handles
    )
    letta.answers["/v1/models/"] = (500, "no")
    away = examine(postern, LETTA_BASE_URL=letta.url, POSTERN_LETTA__MODELS=handles)

    assert finding(seen, "models") == (
        "warning",
        'People may choose "openai/gone", and the server lists no such model.',
    )
    assert ("/v1/models/", "Bearer k") in letta.heard
    assert "models" not in [each["part"] for each in away.json]


def test_a_model_server_that_says_no_is_told(postern: Terminal, model: Server) -> None:
    wrong_path = examine(postern, OPENAI_BASE_URL=model.url)
    model.answers["/v1/models"] = (401, "no")
    wrong_key = examine(postern, OPENAI_BASE_URL=f"{model.url}/v1", OPENAI_API_KEY="k")

    assert finding(wrong_path, "model")[0] == "warning"
    assert finding(wrong_key, "model") == ("wrong", f"{model.url}/v1 refuses the key.")


EARS = "POSTERN_TRANSCRIPTION__BASE_URL"


def test_who_listens_to_recordings_is_asked_with_the_key(postern: Terminal, model: Server) -> None:
    url = f"{model.url}/v1"
    key = {"POSTERN_TRANSCRIPTION__API_KEY": "k"}
    listed = examine(postern, POSTERN_TRANSCRIPTION__MODEL="small", **{EARS: url}, **key)
    unlisted = examine(postern, **{EARS: url})

    assert finding(listed, "transcription") == ("ok", f"small at {url} is there.")
    assert ("/v1/models", "Bearer k") in model.heard
    assert finding(unlisted, "transcription") == (
        "warning",
        f'{url} does not list "gpt-transcribe".',
    )


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        (404, "ok", "answers; it has no list of models."),
        (401, "warning", "refuses the key."),
        (500, "warning", "answers with status 500."),
    ],
)
def test_what_the_listening_service_says_is_told(
    postern: Terminal, model: Server, status: int, outcome: str, words: str
) -> None:
    model.answers["/v1/models"] = (status, "no")

    seen = examine(postern, **{EARS: f"{model.url}/v1"})

    assert finding(seen, "transcription") == (outcome, f"{model.url}/v1 {words}")


def test_who_makes_pictures_is_asked_too(postern: Terminal, model: Server) -> None:
    url = f"{model.url}/v1"
    begin = "POSTERN_IMAGE_GENERATION__"
    there = {f"{begin}BASE_URL": url, f"{begin}API_KEY": "k", f"{begin}MODEL": "small"}

    assert finding(examine(postern), "image_generation") == ("ok", "Off: agents make no pictures.")
    assert finding(examine(postern, **there), "image_generation") == (
        "ok",
        f"small at {url} is there.",
    )
    assert model.heard[-1] == ("/v1/models", "Bearer k")


def test_a_listening_service_that_is_away_is_a_warning(postern: Terminal) -> None:
    off = examine(postern)
    away = examine(postern, **{EARS: "http://127.0.0.1:9/v1"})

    assert finding(off, "transcription") == ("ok", "Off: agents can not hear recordings.")
    assert finding(away, "transcription")[0] == "warning"
    assert "http://127.0.0.1:9/v1 does not answer: " in finding(away, "transcription")[1]


def test_a_right_discord_token_is_told_with_its_name(postern: Terminal, discord: Server) -> None:
    seen = examine(
        postern,
        DISCORD_TOKEN="t",
        DISCORD_PUBLIC_KEY=KEY,
        DISCORD_APPLICATION_ID="77",
        POSTERN_DISCORD__API_URL=discord.url,
        POSTERN_HTTP__PUBLIC_URL="https://postern.example",
    )

    assert finding(seen, "discord") == ("ok", 'The token is that of "Ada\'s Postern".')
    assert discord.heard == [("/applications/@me", "Bot t")]


@pytest.mark.parametrize(
    ("variables", "application", "sentence"),
    [
        ({"DISCORD_PUBLIC_KEY": "cd" * 32}, {}, "discord.public_key is of another application"),
        ({"DISCORD_APPLICATION_ID": "78"}, {}, "discord.application_id is of another application"),
        ({}, {"flags": 0}, "The bot may not read messages."),
    ],
)
def test_mistakes_in_the_discord_application_are_told(
    postern: Terminal,
    discord: Server,
    variables: dict[str, str],
    application: dict[str, object],
    sentence: str,
) -> None:
    discord.answers["/applications/@me"] = (200, {**APPLICATION, **application})
    base = {"DISCORD_TOKEN": "t", "POSTERN_DISCORD__API_URL": discord.url}

    seen = examine(postern, **base, **variables)

    assert seen.code == 1
    assert finding(seen, "discord")[1].startswith(sentence)


def test_a_wrong_discord_token_is_told(postern: Terminal, discord: Server) -> None:
    discord.answers["/applications/@me"] = (401, {})

    seen = examine(postern, DISCORD_TOKEN="t", POSTERN_DISCORD__API_URL=discord.url)

    assert finding(seen, "discord") == ("wrong", "Discord refuses the token.")


def test_both_slack_tokens_are_tried(postern: Terminal, slack: Server) -> None:
    seen = examine(
        postern, SLACK_BOT_TOKEN="b", SLACK_APP_TOKEN="a", POSTERN_SLACK__API_URL=slack.url
    )

    assert [each["sentence"] for each in seen.json if each["part"] == "slack"] == [
        'auth.test works in "Analysts".',
        "apps.connections.open works.",
    ]
    assert slack.heard == [("/auth.test", "Bearer b"), ("/apps.connections.open", "Bearer a")]


def test_a_wrong_slack_token_is_told_in_slacks_word(postern: Terminal, slack: Server) -> None:
    slack.answers["/auth.test"] = (200, {"ok": False, "error": "invalid_auth"})

    seen = examine(
        postern, SLACK_BOT_TOKEN="b", SLACK_APP_TOKEN="a", POSTERN_SLACK__API_URL=slack.url
    )

    assert seen.code == 1
    assert 'Slack says \\"invalid_auth\\".' in seen.out


def test_a_slack_app_that_hears_nothing_is_a_warning(postern: Terminal, slack: Server) -> None:
    seen = examine(postern, SLACK_BOT_TOKEN="b", POSTERN_SLACK__API_URL=slack.url)

    outcomes = [each["outcome"] for each in seen.json if each["part"] == "slack"]
    assert outcomes == ["ok", "warning"]


def test_no_finding_shows_a_secret(postern: Terminal, discord: Server) -> None:
    discord.answers["/applications/@me"] = (401, {})

    seen = examine(postern, DISCORD_TOKEN="s3cr3t-token", POSTERN_DISCORD__API_URL=discord.url)

    assert "s3cr3t" not in seen.out


def _servers(url: str, **more: object) -> str:
    return json.dumps([{"name": "wiki", "url": url, **more}])


def test_the_tools_of_an_mcp_server_are_told(postern: Terminal, letta: Server) -> None:
    with mcp_in_a_thread(McpServer(tools=[tool("find"), tool("pay")])) as server:
        seen = examine(postern, POSTERN_MCP_SERVERS=_servers(server.url))

    (found,) = [each for each in seen.json if each["part"] == "mcp wiki"]
    assert found["outcome"] == "ok"
    assert found["sentence"] == "2 tools: mcp_wiki_find, mcp_wiki_pay."


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [({"approve": ["pya"]}, "pya"), ({"tools": ["find", "gone"]}, "gone")],
)
def test_a_name_that_an_mcp_server_does_not_have_is_told(
    postern: Terminal, chosen: dict[str, object], missing: str
) -> None:
    with mcp_in_a_thread(McpServer(tools=[tool("find"), tool("pay")])) as server:
        seen = examine(postern, POSTERN_MCP_SERVERS=_servers(server.url, **chosen))

    (found,) = [each for each in seen.json if each["part"] == "mcp wiki"]
    assert found["outcome"] == "warning"
    assert f"It has no tool {missing}," in found["sentence"]


def test_an_mcp_server_that_is_away_is_a_warning(postern: Terminal) -> None:
    with mcp_in_a_thread(McpServer(tools=[tool("find")], token="Bearer right")) as server:
        refused = examine(postern, POSTERN_MCP_SERVERS=_servers(server.url, token="wrong-one"))
    away = examine(postern, POSTERN_MCP_SERVERS=_servers(server.url))

    sentences = [
        each["sentence"]
        for seen in (refused, away)
        for each in seen.json
        if each["part"] == "mcp wiki" and each["outcome"] == "warning"
    ]
    assert "refuses our token" in sentences[0]
    assert "can not be reached" in sentences[1]
    assert "wrong-one" not in refused.out
