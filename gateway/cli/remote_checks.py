"""What the doctor asks other servers: do they answer, and do they take our tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httpx
from pydantic import SecretStr

from gateway.cli.findings import Finding, ok, warning, wrong
from gateway.settings import (
    DiscordSettings,
    ImageGenerationSettings,
    LettaSettings,
    Settings,
    SlackSettings,
    TranscriptionSettings,
)

if TYPE_CHECKING:
    from gateway.bootstrap import LookedAt

_MESSAGE_CONTENT = (1 << 18) | (1 << 19)
"""Application flags GATEWAY_MESSAGE_CONTENT and …_LIMITED, of Discord's application resource."""

_INTENT_REMEDY = (
    "Switch on the Message Content Intent in Discord's developer portal, page Bot; without it only "
    "direct messages and mentions can be read."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said: its status, and the JSON object that came with it."""

    status: int
    body: Mapping[str, object]


async def check_letta(letta: LettaSettings, client: httpx.AsyncClient) -> Finding:
    """Ask the Letta server for an agent, which takes a right key; an App Server, if it is ready."""
    if letta.server_url is None:
        return ok("letta", "The embedded server is used.")
    question = f"{letta.server_url}/v1/agents/?limit=1"
    if letta.is_app_server:
        question = letta.server_url.replace("ws", "http", 1).removesuffix("/ws") + "/readyz"
    try:
        reply = await _get(client, question, _bearer(letta.api_key))
    except httpx.HTTPError as error:
        sentence = f"{letta.server_url} does not answer: {_reason(error)}."
        return wrong("letta", sentence, "Start it, or correct letta.base_url.")
    if reply.status in (401, 403):
        return wrong("letta", f"{letta.server_url} refuses the key.", "Correct letta.api_key.")
    if reply.status != 200:
        sentence = f"{letta.server_url} answers with status {reply.status}."
        return wrong("letta", sentence, "See whether letta.base_url is a Letta server.")
    return ok("letta", f"{letta.server_url} answers.")


async def check_model(settings: Settings, client: httpx.AsyncClient) -> Finding:
    """Ask the model's API for its list of models."""
    model = settings.model
    if not settings.letta.is_embedded:
        return ok("model", "The Letta server brings its own.")
    if model.server_url is None:
        remedy = "Set OPENAI_API_KEY, or OPENAI_BASE_URL and model.name."
        return warning("model", "No language model: the agent answers by rule.", remedy)
    try:
        reply = await _get(client, f"{model.server_url}/models", _bearer(model.api_key))
    except httpx.HTTPError as error:
        sentence = f"{model.server_url} does not answer: {_reason(error)}."
        return wrong("model", sentence, "Start it, or correct model.base_url.")
    if reply.status in (401, 403):
        return wrong("model", f"{model.server_url} refuses the key.", "Correct model.api_key.")
    if reply.status == 200 and model.name not in _ids(reply.body.get("data")):
        sentence = f'{model.server_url} does not list "{model.name}".'
        return warning("model", sentence, "Correct model.name.")
    if reply.status != 200:
        sentence = f"{model.server_url} does not list its models (status {reply.status})."
        return warning("model", sentence, "See whether model.base_url ends as the vendor says.")
    return ok("model", f"{model.name} at {model.server_url} is there.")


_OFF = {
    "transcription": "Off: agents can not hear recordings.",
    "image_generation": "Off: agents make no pictures.",
}


async def check_service(
    part: str,
    service: TranscriptionSettings | ImageGenerationSettings,
    client: httpx.AsyncClient,
) -> Finding:
    """Ask who listens, or paints, for its models; many such services have no list of them."""
    url = service.server_url
    if url is None:
        return ok(part, _OFF[part])
    try:
        reply = await _get(client, f"{url}/models", _bearer(service.api_key))
    except httpx.HTTPError as error:
        sentence = f"{url} does not answer: {_reason(error)}."
        return warning(part, sentence, f"Start it, or correct {part}.base_url.")
    if reply.status in (401, 403):
        return warning(part, f"{url} refuses the key.", f"Correct {part}.api_key.")
    if reply.status == 200 and service.model not in _ids(reply.body.get("data")):
        sentence = f'{url} does not list "{service.model}".'
        return warning(part, sentence, f"Correct {part}.model.")
    if reply.status in (404, 405):
        return ok(part, f"{url} answers; it has no list of models.")
    if reply.status != 200:
        remedy = f"See whether {part}.base_url ends as the vendor says."
        return warning(part, f"{url} answers with status {reply.status}.", remedy)
    return ok(part, f"{service.model} at {url} is there.")


async def check_discord(discord: DiscordSettings, client: httpx.AsyncClient) -> list[Finding]:
    """Ask Discord who the token belongs to, and what the application may do."""
    if discord.token is None:
        return [ok("discord", "Off: no token.")]
    bot = {"Authorization": f"Bot {discord.token.get_secret_value()}"}
    try:
        reply = await _get(client, f"{discord.api_url}/applications/@me", bot)
    except httpx.HTTPError as error:
        sentence = f"{discord.api_url} does not answer: {_reason(error)}."
        return [wrong("discord", sentence, "See whether this machine reaches it.")]
    if reply.status == 401:
        remedy = "Copy it anew from Discord's developer portal, page Bot."
        return [wrong("discord", "Discord refuses the token.", remedy)]
    if reply.status != 200:
        sentence = f"Discord answers with status {reply.status}."
        return [wrong("discord", sentence, "Try again in a while.")]
    mistakes = _discord_mistakes(discord, reply.body)
    return mistakes or [ok("discord", f'The token is that of "{reply.body.get("name")}".')]


def _discord_mistakes(discord: DiscordSettings, application: Mapping[str, object]) -> list[Finding]:
    found: list[Finding] = []
    if discord.application_id not in (None, application.get("id")):
        sentence = "discord.application_id is of another application than the token."
        found.append(wrong("discord", sentence, "Take both from the same page of the portal."))
    if discord.public_key not in (None, application.get("verify_key")):
        sentence = "discord.public_key is of another application than the token."
        found.append(wrong("discord", sentence, "Take both from the same page of the portal."))
    flags = application.get("flags")
    is_asked_for = discord.connects and discord.message_content
    if is_asked_for and isinstance(flags, int) and not flags & _MESSAGE_CONTENT:
        found.append(wrong("discord", "The bot may not read messages.", _INTENT_REMEDY))
    return found


async def check_slack(slack: SlackSettings, client: httpx.AsyncClient) -> list[Finding]:
    """Ask Slack who the tokens belong to."""
    if not slack.is_on:
        return [ok("slack", "Off: no bot token.")]
    found: list[Finding] = []
    if slack.installs:
        found.append(ok("slack", "Workspaces install the app at /slack/install."))
    if slack.bot_token is not None:
        remedy = "Copy the Bot User OAuth Token (xoxb-…) of the app anew."
        found.append(await _ask_slack(slack, client, "auth.test", slack.bot_token, remedy))
    if slack.app_token is not None:
        remedy = "Make an app-level token (xapp-…) with connections:write."
        call = "apps.connections.open"
        found.append(await _ask_slack(slack, client, call, slack.app_token, remedy))
    if not slack.connects and not slack.has_webhook:
        remedy = "Set SLACK_APP_TOKEN, or SLACK_SIGNING_SECRET."
        found.append(warning("slack", "It can write, but hears nothing.", remedy))
    return found


async def check_mcp_servers(settings: Settings, seconds: float) -> list[Finding]:
    """Ask each MCP server of the settings for its tools."""
    from gateway import bootstrap

    return [_server_finding(each) for each in await bootstrap.looked_at(settings, seconds)]


def _server_finding(found: LookedAt) -> Finding:
    part = f"mcp {found.name}"
    if found.error is not None:
        return warning(part, found.error, "Start it, or correct its url and token.")
    if found.missing:
        sentence = f"It has no tool {', '.join(found.missing)}, which the settings name."
        return warning(part, sentence, f"Correct the names. It has: {', '.join(found.tools)}.")
    if found.left_out:
        sentence = f"{len(found.tools)} tools; left out: {'; '.join(found.left_out)}."
        return warning(part, sentence, "Name in `tools` those that agents shall have.")
    return ok(part, f"{len(found.tools)} tools: {', '.join(found.tools) or 'none'}.")


async def _ask_slack(
    slack: SlackSettings, client: httpx.AsyncClient, call: str, token: SecretStr, remedy: str
) -> Finding:
    try:
        answer = await client.post(f"{slack.api_url}/{call}", headers=_bearer(token))
    except httpx.HTTPError as error:
        sentence = f"{slack.api_url} does not answer: {_reason(error)}."
        return wrong("slack", sentence, "See whether this machine reaches it.")
    body = _object(answer)
    if body.get("ok") is not True:
        return wrong("slack", f'Slack says "{body.get("error", answer.status_code)}".', remedy)
    return ok("slack", f"{call} works{_team(body)}.")


def _team(body: Mapping[str, object]) -> str:
    return f' in "{body["team"]}"' if "team" in body else ""


async def _get(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> Reply:
    answer = await client.get(url, headers=dict(headers))
    return Reply(answer.status_code, _object(answer))


def _object(answer: httpx.Response) -> Mapping[str, object]:
    """Return the JSON object of an answer; an empty one when it has none."""
    try:
        body: object = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, object]", body) if isinstance(body, dict) else {}  # keys are texts


def _ids(models: object) -> set[object]:
    """Return the ids in an OpenAI-compatible list of models."""
    listed = cast("list[object]", models) if isinstance(models, list) else []  # looked at below
    found = (cast("dict[str, object]", each) for each in listed if isinstance(each, dict))
    return {each.get("id") for each in found}


def _bearer(token: SecretStr | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}


def _reason(error: httpx.HTTPError) -> str:
    return str(error).rstrip(".") or type(error).__name__
