"""What people say aloud on Discord and Slack reaches their own agent, and no other, as words."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from agents.openai_transcriber import OpenAITranscriber, TranscriberOptions, open_transcriber
from gateway.domain.artifacts import transcript_key
from tests.fakes.transcription_server import (
    KEY,
    MODEL,
    TranscriptionServer,
    recording,
    transcription_server,
)
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Upload
from tests.platforms.slack_hub import SlackHub, Ways, slack_hub
from tests.platforms.test_three_doors import house as house_of
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving

SAID = "what is said in it, written down by a machine that may have misheard: "


@pytest.fixture
async def service() -> AsyncGenerator[TranscriptionServer]:
    async with transcription_server() as service:
        yield service


@pytest.fixture
async def ears(service: TranscriptionServer) -> AsyncGenerator[OpenAITranscriber]:
    async with open_transcriber(TranscriberOptions(service.url, MODEL, KEY)) as ears:
        yield ears


# -- Discord -------------------------------------------------------------------------------------


@pytest.fixture
async def discord() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


def told(hub: DiscordHub | SlackHub) -> list[str]:
    """Return what agents were told, one text for each message."""
    return [text for texts in hub.agents.heard for text in texts]


async def test_a_voice_message_on_discord_reaches_the_agent_as_words(
    discord: DiscordServer, ears: OpenAITranscriber
) -> None:
    ada, hub = discord.person("ada"), DiscordHub(discord, ears=ears)

    async with hub.connected():
        ada.speaks(recording("say thanks"))
        await ada.hears("")

    (heard,) = told(hub)
    assert heard.startswith("[Ada on discord, ")
    assert "; with 1 file]\n[file voice-message.ogg: audio/ogg, " in heard
    assert f"; {SAID}say thanks]\n" in heard


async def test_an_audio_file_on_discord_is_heard_too(
    discord: DiscordServer, service: TranscriptionServer, ears: OpenAITranscriber
) -> None:
    ada, hub = discord.person("ada"), DiscordHub(discord, ears=ears)

    async with hub.connected():
        ada.dm(
            "say thanks",
            files=[
                Upload("memo.txt", recording("a\nmemo", "mp3"), "audio/mpeg"),
                Upload("plan.txt", b"1. tea", "text/plain"),
            ],
        )
        await ada.hears("thanks")

    assert f"{SAID}a memo]\n[file plan.txt: text/plain" in told(hub)[0]
    assert len(service.asked) == 1


async def test_each_hears_their_own_words_alone(
    discord: DiscordServer, ears: OpenAITranscriber
) -> None:
    ada, bob = discord.person("ada"), discord.person("bob")
    hub = DiscordHub(discord, ears=ears)

    async with hub.connected():
        ada.speaks(recording("apples"))
        bob.speaks(recording("pears"))
        await ada.hears("")
        await bob.hears("")

    by_name = {text.split()[0]: text for text in told(hub)}
    assert ("apples" in by_name["[Ada"], "pears" in by_name["[Ada"]) == (True, False)
    assert ("apples" in by_name["[Bob"], "pears" in by_name["[Bob"]) == (False, True)
    for message in hub.stored.values():
        (file,) = message.attachments
        kept = await hub.artifacts.load(transcript_key(file.artifact))
        assert kept is not None
        assert kept.data.decode() in by_name[f"[{message.sender.name}"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"largest_bytes": 4}, "it is too large for the service that listens"),
        ({"failures": [500, 503]}, "the service that listens is out of order"),
        ({"models": ("another",)}, "the service that listens answered 404"),
        ({"answer": b"<html>"}, "the service that listens answered something else than words"),
    ],
)
async def test_what_the_service_does_not_do_is_told_and_the_message_goes_on(
    discord: DiscordServer,
    service: TranscriptionServer,
    ears: OpenAITranscriber,
    trouble: dict[str, Any],
    reason: str,
) -> None:
    ada, hub = discord.person("ada"), DiscordHub(discord, ears=ears)
    for name, value in trouble.items():
        setattr(service, name, value)

    async with hub.connected():
        ada.speaks(recording("hello"))
        await ada.hears("")

    assert f"could not be written down, because {reason}: say so]" in told(hub)[0]


# -- Slack ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def house(ears: OpenAITranscriber) -> AsyncGenerator[SlackHub]:
    ways = Ways()
    ways.ears = ears
    async with slack_hub(ways=ways) as hub:
        yield hub


@pytest.mark.parametrize(
    ("mimetype", "subtype", "kind"),
    [
        ("audio/mp4", "slack_audio", "m4a"),
        ("video/mp4", "slack_audio", "m4a"),
        ("video/webm", "slack_audio", "webm"),
        ("audio/mpeg", None, "mp3"),
    ],
)
async def test_an_audio_clip_on_slack_reaches_the_agent_as_words(
    ears: OpenAITranscriber, mimetype: str, subtype: str | None, kind: str
) -> None:
    async with house(ears) as hub:
        ada = hub.slack.person("ada")

        ada.shares_file(
            ada.dm_channel,
            "audio_message.mp4",
            recording("buy milk", kind),
            mimetype=mimetype,
            subtype=subtype,
        )
        await hub.slack.until(lambda: len(ada.sees()) == 2)

        (heard,) = told(hub)
        assert f"; {SAID}buy milk]\n[file: audio_message.mp4]" in heard
        assert ": audio/" in heard


async def test_a_video_is_listened_to_by_nobody(
    service: TranscriptionServer, ears: OpenAITranscriber
) -> None:
    async with house(ears) as hub:
        ada = hub.slack.person("ada")

        ada.shares_file(
            ada.dm_channel,
            "clip.mp4",
            recording("hi", "m4a"),
            mimetype="video/mp4",
            subtype="slack_video",
        )
        await hub.slack.until(lambda: len(ada.sees()) == 2)

        assert "[file clip.mp4: video/mp4" in told(hub)[0]
        assert service.asked == []


async def test_an_audio_clip_can_be_asked_again(
    service: TranscriptionServer, ears: OpenAITranscriber
) -> None:
    async with house(ears) as hub:
        ada = hub.slack.person("ada")
        clip = recording("buy milk", "m4a")

        ada.shares_file(ada.dm_channel, "a.mp4", clip, mimetype="audio/mp4", subtype="slack_audio")
        await hub.slack.until(lambda: len(ada.sees()) == 2)
        await ada.slash("/postern", "retry")
        await hub.slack.until(lambda: len(told(hub)) == 2)

        assert f"{SAID}buy milk]" in told(hub)[1]
        assert len(service.asked) == 1


# -- the whole gateway, as `postern up` makes it -------------------------------------------------


async def test_the_settings_give_agents_ears_at_both_doors(
    tmp_path: Path, service: TranscriptionServer
) -> None:
    text = f'[transcription]\nbase_url = "{service.url}"\napi_key = "{KEY}"\n'
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content="Noted.")]] * 2
    model = '[model]\nbase_url = "{}"\n'
    async with serving(endpoint), house_of(tmp_path, text + model.format(endpoint.url)) as home:
        ada, eve = home.discord.person("ada"), home.slack.person("eve")
        ada.speaks(recording("buy milk"))
        await ada.hears("Noted.")
        eve.shares_file(
            eve.dm_channel,
            "audio_message.mp4",
            recording("buy tea", "m4a"),
            mimetype="video/mp4",
            subtype="slack_audio",
        )
        await home.slack.until(lambda: "Noted." in home.slack.said_by_app(eve.dm_channel))

    asked = [json.dumps(request["messages"][-1]) for request in endpoint.requests]
    assert [f"{SAID}buy milk]" in words for words in asked] == [True, False]
    assert [f"{SAID}buy tea]" in words for words in asked] == [False, True]
    assert sorted(service.asked) == sorted([recording("buy milk"), recording("buy tea", "m4a")])
