"""What the settings say reaches what is made of them."""

from pathlib import Path

import pytest
from letta_client.types.create_block_param import CreateBlockParam

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.options import BotPolicy, ReactionPolicy
from adapters.slack.adapter import SlackAdapter
from adapters.web.sessions import new_token
from agents.app_server.runtime import AppServerRuntime
from agents.letta import LettaOptions
from agents.letta.client import make_client
from agents.letta.runtime import LettaRuntime
from gateway.bootstrap import (
    make_discord,
    make_slack,
    manifests,
    memories,
    opened_artifacts,
    routes,
    served_letta,
)
from gateway.bootstrap.choices import access_policy, named_circles
from gateway.bootstrap.doors import make_sign_in, terminal_identity
from gateway.bootstrap.letta import embedded_options
from gateway.bootstrap.minds import opened_mind
from gateway.clock import SystemClock
from gateway.domain.artifacts import Attachment, NotHeard, Transcript
from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId, PersonId, TurnId
from gateway.domain.memory import nearly_full
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.domain.turns import Turn, TurnRef
from gateway.errors import SettingsWrong
from gateway.settings import Settings, load_settings
from gateway.single_ear import SingleEar
from storage.artifacts import MemoryArtifacts
from storage.memory import MemoryStore
from tests.fakes.s3_server import BUCKET, KEY_ID, REGION, SECRET, s3_server
from tests.fakes.transcription_server import KEY, recording, transcription_server
from tests.fakes.virtual_time import EPOCH


def settings_of(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "postern.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings({"DISCORD_TOKEN": "d", "SLACK_BOT_TOKEN": "s"}, file)


ROLE, USERGROUP = "discord:7:@70", "slack:T1:@S1"
CIRCLES = f"""
[[circles]]
name = "staff"
members = ["{ROLE}", "{USERGROUP}", "discord:discord:5"]
[access]
allow = ["@staff", "slack:T1:U1"]
[[agents]]
name = "postern"
[[agents]]
name = "vault"
access = ["@staff"]
[[bindings]]
agent = "vault"
people = ["{ROLE}"]
"""


def test_named_circles_stand_for_their_members(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, CIRCLES)
    staff = frozenset({ROLE, USERGROUP, "discord:discord:5"})

    assert access_policy(settings).allowed == staff | {"slack:T1:U1"}
    assert routes(settings).access == {"vault": staff}
    assert named_circles(settings) == {ROLE, USERGROUP}
    assert "usergroups:read" in str(manifests(settings)["slack"].document)
    assert "usergroups:read" not in str(manifests(settings_of(tmp_path, ""))["slack"].document)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[access]\nallow = ['@staff']", 'access.allow names "@staff", which is no circle'),
        ("[[agents]]\nname = 'a'\naccess = ['@x']", 'The access of the agent "a" names "@x"'),
        ("[[bindings]]\npeople = ['@x']", 'A [[bindings]] rule names "@x"'),
        ("[[circles]]\nname = 'a'\nmembers = ['@b']", 'names the circle "@b"'),
        ("[access]\nallow = ['discord:7:@staff']", "discord:SERVER:@ROLE"),
        ("[access]\nplaces = ['discord']", "a place, such as"),
        ("[access]\nplaces = ['discord:general']", "a place, such as"),
        ("[access]\nplaces = ['slack:T1:D1']", "direct messages is said by"),
        ("[[places]]\nplace = 'discord:dm'\npolicy = 'open'", "direct messages is said by"),
        ("[[places]]\nplace = 'slack:T1:D1'\npolicy = 'open'", "direct messages is said by"),
        ("[[places]]\nplace = 'web'\npolicy = 'open'", "a place such as"),
        ("[[places]]\nplace = 'slack:T1:C1:1.5:9'\npolicy = 'open'", "a place such as"),
        ("[[places]]\nplace = 'slack:*'\npolicy = 'disabled'", "a place such as"),
        ("[[places]]\nplace = 'discord:general'\npolicy = 'disabled'", "by its ids"),
        ("[[places]]\nplace = '*'\npolicy = 'loud'", "one of 'open', 'listen'"),
        (2 * "[[places]]\nplace = '*'\npolicy = 'open'\n", 'Two [[places]] are called "*"'),
        ("[access]\nadmins = ['discord:7:@70']", "platform:workspace:user"),
    ],
)
def test_what_is_no_circle_or_place_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        settings_of(tmp_path, text)

    assert sentence in str(refused.value)


async def test_discord_is_told_what_is_set(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        "[discord]\nbots = 'mentions'\nreactions = 'own'\nthreads_on_mention = true\n"
        "message_content = false\nmax_parts = 3\n"
        "[artifacts]\nattachment_bytes = 1000\nattachment_types = ['image/*']\n"
        "[access]\nallow = ['discord:discord:7']\n",
    )

    adapter, _ = make_discord(
        settings, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()
    )

    assert isinstance(adapter, DiscordAdapter)
    options = adapter.options
    assert (options.bots, options.reactions) == (BotPolicy.MENTIONS, ReactionPolicy.OWN)
    assert (options.threads_on_mention, options.wants_content) == (True, False)
    assert options.max_parts == 3
    assert options.attachment_bytes == 1_000
    assert options.attachment_types == ("image/*",)
    place = Conversation("discord", "dm", "99")
    known, unknown = (Sender(Identity("discord", "discord", user), "") for user in "78")
    assert await options.admits(known, place)
    assert not await options.admits(unknown, place)
    assert options.find_approval is not None
    assert await options.find_approval("a1b2") is None


def test_browsers_sign_in_where_a_provider_is_set(tmp_path: Path) -> None:
    lines = (
        f"data_dir = '{tmp_path}'\n[oidc]\nissuer = 'https://id.example.org/'\n"
        "client_id = 'web'\nclient_secret = 'a long enough secret'\nsession_hours = 2\n"
    )
    settings = settings_of(tmp_path, lines)

    sign_in = make_sign_in(settings, SystemClock())

    assert make_sign_in(settings_of(tmp_path, ""), SystemClock()) is None
    assert sign_in is not None
    assert sign_in.session_seconds == 7_200
    own = sign_in.visitor((tmp_path / "terminal.token").read_text())
    assert own is not None
    assert own.sender.identity == terminal_identity(settings)
    assert sign_in.visitor(new_token()) is None


async def test_a_tool_of_the_server_can_not_be_called_as_one_of_ours(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, "[[agents]]\nname = 'postern'\nserver_tools = ['read_file', 'web_search']\n"
    )
    clock = SystemClock()

    with pytest.raises(SettingsWrong, match='has a tool "read_file" on its server'):
        async with opened_mind(settings, MemoryStore(), MemoryArtifacts(clock), clock):
            pass


async def test_people_choose_from_the_models_that_are_listed(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        "[letta]\nmodels = ['p/small', 'p/large']\n[model]\nbase_url = 'http://127.0.0.1:9/v1'\n"
        "[[agents]]\nname = 'postern'\n"
        "[[agents]]\nname = 'scribe'\nmodels = ['p/tiny']\n"
        "[[agents]]\nname = 'fixed'\nmodels = []\n",
    )
    store, clock = MemoryStore(), SystemClock()

    async with opened_mind(settings, store, MemoryArtifacts(clock), clock) as mind:
        models = mind.models

    assert models is not None
    assert models.allowed("postern") == ("p/small", "p/large")
    assert models.allowed("scribe") == ("p/tiny",)
    assert models.allowed("fixed") == ()


async def test_recordings_are_heard_by_whom_the_settings_name(tmp_path: Path) -> None:
    store, clock = MemoryStore(), SystemClock()
    artifacts = MemoryArtifacts(clock)
    saved = await artifacts.save("ada/web/1/0-a.ogg", recording("buy milk"), "audio/ogg")
    file = Attachment("a.ogg", "audio/ogg", saved.size_bytes, saved.key)
    small = Attachment("b.ogg", "audio/ogg", 101, "ada/web/1/1-b.ogg")
    async with transcription_server() as service:
        service.models = ("m",)
        told = f"base_url = '{service.url}'\napi_key = '{KEY}'\nmodel = 'm'\nlimit_bytes = 100\n"
        settings = settings_of(tmp_path, f"[transcription]\n{told}")
        async with opened_mind(settings, store, artifacts, clock) as mind:
            assert mind.transcripts is not None
            heard = await mind.transcripts.of(_turn_with(file, small))
    async with opened_mind(settings_of(tmp_path, ""), store, artifacts, clock) as deaf:
        assert deaf.transcripts is None

    assert heard == {
        file.artifact: Transcript("buy milk", "ada/web/1/0.transcript.txt"),
        small.artifact: NotHeard("it has 101 bytes, and 100 are the most"),
    }


async def test_pictures_are_made_only_where_the_settings_name_who_makes_them(
    tmp_path: Path,
) -> None:
    store, clock = MemoryStore(), SystemClock()
    artifacts, names = MemoryArtifacts(clock), list[bool]()
    service = "[image_generation]\nbase_url = 'http://127.0.0.1:9/v1'\n"
    for text in ("", service):
        async with opened_mind(settings_of(tmp_path, text), store, artifacts, clock) as mind:
            specs = mind.toolbox.specs(_turn_with())
            names.append("make_image" in [spec.name for spec in specs])

    assert names == [False, True]


def _turn_with(*files: Attachment) -> Turn:
    place, sender = Conversation("web", "w", "ada"), Sender(Identity("web", "w", "ada"), "Ada")
    message = InboundMessage("e1", place, sender, "", EPOCH, attachments=files)
    ref = TurnRef(TurnId("turn-1"), LaneId("lane"), 1)
    return Turn(ref, PersonId("ada"), "postern", place, (message,), 1, EPOCH)


def test_the_embedded_server_is_told_what_is_set(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        "[model]\nbase_url = 'http://127.0.0.1:9/v1'\nname = 'm'\ncontext_window = 9000\n"
        "embedding = 'e'\nword_seconds = 0\n",
    )

    options = embedded_options(settings, "t")

    assert options.model is not None
    assert (options.model.name, options.model.context_window) == ("m", 9000)
    assert (options.token, options.embedding) == ("t", "e")
    assert options.word_delay_seconds == 0


def test_slack_is_told_what_is_set(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "[slack]\nreactions = true\nprompts = ['What is new?']\n")

    adapter, _ = make_slack(settings, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock())

    assert isinstance(adapter, SlackAdapter)
    assert adapter.options.hears_reactions
    assert adapter.options.prompts == ("What is new?",)


def test_an_app_that_workspaces_install_needs_no_bot_token() -> None:
    settings = load_settings(
        {
            "SLACK_CLIENT_ID": "1.2",
            "SLACK_CLIENT_SECRET": "c",
            "SLACK_SIGNING_SECRET": "s",
            "POSTERN_HTTP__PUBLIC_URL": "https://chat.example.com",
        }
    )

    adapter, router = make_slack(
        settings, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()
    )

    assert isinstance(adapter, SlackAdapter)
    assert router is not None
    assert adapter.options.bot_token is None
    oauth = adapter.options.oauth
    assert oauth is not None
    assert oauth.redirect_uri == "https://chat.example.com/slack/oauth_redirect"
    assert "chat:write" in oauth.scopes
    paths = {getattr(route, "path", "") for route in router.routes}
    assert paths == {"/slack/events", "/slack/install", "/slack/oauth_redirect"}


def test_left_alone_the_adapters_have_their_own_defaults(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "")

    discord, _ = make_discord(
        settings, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()
    )
    slack, _ = make_slack(settings, MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock())

    assert isinstance(discord, DiscordAdapter)
    assert isinstance(slack, SlackAdapter)
    assert (discord.options.bots, discord.options.reactions) == (BotPolicy.NONE, ReactionPolicy.OFF)
    assert (discord.options.max_parts, discord.options.wants_content) == (8, True)
    assert (slack.options.hears_reactions, slack.options.prompts) == (False, ())


async def test_the_address_of_letta_says_how_it_is_spoken_to(tmp_path: Path) -> None:
    rest = settings_of(tmp_path, "[letta]\nbase_url = 'http://127.0.0.1:8283'\n")
    socket = settings_of(tmp_path, "[letta]\nbase_url = 'ws://127.0.0.1:4500'\n")

    clock = SystemClock()
    parts = MemoryStore(), MemoryArtifacts(clock), clock
    async with opened_mind(rest, *parts) as one, opened_mind(socket, *parts) as other:
        runtimes = (one.runtime, other.runtime)

    assert isinstance(runtimes[0], LettaRuntime)
    assert isinstance(runtimes[1], AppServerRuntime)


async def test_artifacts_are_kept_where_the_settings_say(tmp_path: Path) -> None:
    async with s3_server() as server:
        settings = load_settings(
            {
                "POSTERN_ARTIFACTS__URL": f"s3://{BUCKET}/ours",
                "POSTERN_ARTIFACTS__S3_ENDPOINT": server.url,
                "POSTERN_ARTIFACTS__S3_REGION": REGION,
                "AWS_ACCESS_KEY_ID": KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET,
            }
        )
        async with opened_artifacts(settings, SystemClock()) as store:
            await store.save("ada/a.txt", b"x")
        assert "ours/ada/a.txt" in server.objects

    here = load_settings({"POSTERN_DATA_DIR": str(tmp_path)})
    async with opened_artifacts(here, SystemClock()) as store:
        await store.save("ada/a.txt", b"x")
    assert (tmp_path / "artifacts" / "ada" / "a.txt").read_bytes() == b"x"


async def test_a_bucket_without_a_key_is_said_to_be_so() -> None:
    settings = load_settings({"POSTERN_ARTIFACTS__URL": "s3://our-bucket"})

    with pytest.raises(SettingsWrong, match="AWS_SECRET_ACCESS_KEY"):
        async with opened_artifacts(settings, SystemClock()):
            pass


def test_where_a_postgres_is_shared_one_process_at_a_time_listens() -> None:
    shared = load_settings({"DISCORD_TOKEN": "d", "DATABASE_URL": "postgresql://h/d"})
    only_written = load_settings(
        {
            "DISCORD_TOKEN": "d",
            "DATABASE_URL": "postgresql://h/d",
            "POSTERN_DISCORD__GATEWAY": "false",
        }
    )
    parts = MemoryStore(), MemoryArtifacts(SystemClock()), SystemClock()

    assert isinstance(make_discord(shared, *parts)[0], SingleEar)
    assert isinstance(make_discord(only_written, *parts)[0], DiscordAdapter)


async def test_the_memory_of_agents_on_a_server_elsewhere_is_read(tmp_path: Path) -> None:
    here = settings_of(tmp_path, "")
    async with served_letta(here, "127.0.0.1", 0, tmp_path / "letta.db") as url:
        there = settings_of(tmp_path, f"[letta]\nbase_url = '{url}'\n")
        async with make_client(LettaOptions(base_url=url)) as letta:
            blocks: list[CreateBlockParam] = [{"label": "human", "value": "tea", "limit": 3}]
            made = await letta.agents.create(memory_blocks=blocks)
        gone = "agent-00000000-0000-4000-8000-000000000001"
        found = await memories(there, [made.id, gone])

    assert [(agent, nearly_full(blocks)) for agent, blocks in found] == [
        (made.id, ('the block "human" is 100% full: 3 of 3 characters',))
    ]
