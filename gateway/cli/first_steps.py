"""What `postern init` asks at a terminal: what nobody can guess, each tried where it counts."""

from __future__ import annotations

import asyncio
import os
import tomllib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import typer

from gateway.cli.findings import Finding
from gateway.cli.remote_checks import check_discord, check_letta, check_model, check_slack
from gateway.cli.terminal import printable, say
from gateway.errors import SettingsWrong
from gateway.settings.explained import first_file
from gateway.settings.sources import check_settings

if TYPE_CHECKING:
    from gateway.settings import Settings

_TRY_SECONDS = 10.0
Check = Callable[["Settings", httpx.AsyncClient], Coroutine[None, None, Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Question:
    """One setting that a person is asked for."""

    name: str
    """Dotted, as settings are called."""
    text: str
    is_secret: bool = False
    """Whether nobody sees what is typed."""


@dataclass(frozen=True, slots=True)
class Part:
    """What can be turned on, what has to be known for it, and who knows whether that is right."""

    name: str
    wish: str
    hint: str
    questions: tuple[Question, ...]
    check: Check


async def _letta(settings: Settings, client: httpx.AsyncClient) -> list[Finding]:
    return [await check_letta(settings.letta, client)]


async def _model(settings: Settings, client: httpx.AsyncClient) -> list[Finding]:
    return [await check_model(settings, client)]


async def _discord(settings: Settings, client: httpx.AsyncClient) -> list[Finding]:
    return await check_discord(settings.discord, client)


async def _slack(settings: Settings, client: httpx.AsyncClient) -> list[Finding]:
    return await check_slack(settings.slack, client)


PARTS = (
    Part(
        "Letta",
        "Agents live in an embedded server. Do you have a Letta server, or Letta Cloud, instead?",
        "It keeps the agents and their memory, and brings the language model.",
        (
            Question("letta.base_url", "Its address (Enter for Letta Cloud)"),
            Question("letta.api_key", "Its key (Enter for none)", is_secret=True),
        ),
        _letta,
    ),
    Part(
        "model",
        "Agents answer by rule. Do you have OpenAI, or any server that speaks its API?",
        "The address ends as its maker says, mostly in /v1.",
        (
            Question("model.base_url", "Address of its API (Enter for OpenAI)"),
            Question("model.api_key", "Its key (Enter for none)", is_secret=True),
            Question("model.name", "Name of the model (Enter for the usual one)"),
        ),
        _model,
    ),
    Part(
        "Discord",
        "Shall people write on Discord?",
        "Make a bot at https://discord.com/developers/applications; its token is on the page Bot.",
        (Question("discord.token", "The bot's token", is_secret=True),),
        _discord,
    ),
    Part(
        "Slack",
        "Shall people write on Slack?",
        "Make an app at https://api.slack.com/apps from what `postern manifest slack` prints.",
        (
            Question("slack.bot_token", "Its bot token (xoxb-…)", is_secret=True),
            Question("slack.app_token", "Its app-level token (xapp-…)", is_secret=True),
        ),
        _slack,
    ),
)


def ask_all() -> dict[str, object]:
    """Ask for each part; return what the file is to say. What the environment says is not asked."""
    values: dict[str, object] = {}
    for part in PARTS:
        settings = _settings(values)
        if part.name == "model" and not settings.letta.is_embedded:
            continue
        if any(settings.origin(each.name) != "default" for each in part.questions):
            say(f"{part.name}: set in the environment.")
            _try(part, settings)
        elif _yes(part.wish, is_usual=False):
            values |= _ask(part, values)
    return values


def _ask(part: Part, values: Mapping[str, object]) -> dict[str, object]:
    """Ask until it works, or the person keeps it as it is, or has nothing to say."""
    say(part.hint)
    while True:
        typed = {each.name: _typed(each) for each in part.questions}
        answers: dict[str, object] = {name: text for name, text in typed.items() if text}
        if not answers:
            say(f"{part.name} stays as it is.")
            return {}
        try:
            is_right = _try(part, _settings({**values, **answers}))
        except SettingsWrong as error:
            say(str(error))
            continue
        if is_right or not _yes("Type it again?", is_usual=True):
            return answers


def _typed(question: Question) -> str:
    text = typer.prompt(
        question.text, default="", show_default=False, hide_input=question.is_secret
    )
    return str(text).strip()


def _yes(sentence: str, *, is_usual: bool) -> bool:
    return typer.confirm(sentence, default=is_usual)


def _settings(values: Mapping[str, object]) -> Settings:
    """Return the settings that a file with these values makes; raises SettingsWrong."""
    return check_settings(tomllib.loads(first_file(values)), os.environ, "your answer")


def _try(part: Part, settings: Settings) -> bool:
    """Ask the other side, and tell what it says; return whether nothing is wrong."""
    found = asyncio.run(_asked(part.check, settings))
    for finding in found:
        say(f"  {finding.outcome}: {printable(finding.sentence)}")
        if finding.remedy:
            say(f"  → {finding.remedy}")
    return all(finding.outcome != "wrong" for finding in found)


async def _asked(check: Check, settings: Settings) -> Sequence[Finding]:
    async with httpx.AsyncClient(timeout=_TRY_SECONDS) as client:
        return await check(settings, client)
