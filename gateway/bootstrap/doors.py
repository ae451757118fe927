"""The platforms that are turned on, and the routes by which they call us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastapi import APIRouter

from gateway.bootstrap.admission import make_access
from gateway.bootstrap.choices import (
    named_circles,
    place_options,
    place_rules,
    routes,
    secret,
    worker_of,
)
from gateway.bootstrap.desks import PLATFORMS, desks
from gateway.bootstrap.kept import TOKEN
from gateway.commands import SPECS
from gateway.domain.manifests import Manifest
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Identity
from gateway.errors import SettingsWrong
from gateway.mind import Mind
from gateway.place import Place
from gateway.ports import Adapter, ArtifactStore, Clock, Store
from gateway.posts import Broadcasts, Posts
from gateway.rights.pairings import Pairings
from gateway.rivals import Rivals
from gateway.settings import Settings
from gateway.single_ear import SingleEar
from gateway.trail import Trails

if TYPE_CHECKING:
    from adapters.discord.options import Admits, DiscordOptions, HeardOwn, NewestEvents
    from adapters.slack.options import OAuth, Options
    from adapters.web.sign_in import SignIn

LISTENER = "discord listener"
"""The place of whoever holds Discord's gateway connection."""
_LISTENER_LEASE_SECONDS = 45.0
"""Or as long as a dead worker keeps its turns, where that is shorter."""

Door = tuple[Adapter, APIRouter | None]
"""A platform, and the routes by which it calls us, if it does."""


def make_doors(
    settings: Settings,
    store: Store,
    artifacts: ArtifactStore,
    clock: Clock,
    mind: Mind | None = None,
) -> tuple[list[Adapter], list[APIRouter]]:
    """Return every platform that is turned on, and the routes by which they call us.

    With a `mind`, people can see there whether their agents can be reached.
    """
    doors: list[Door] = [make_web(settings, store, artifacts, clock)]
    if settings.discord.is_on:
        doors.append(make_discord(settings, store, artifacts, clock, mind))
    if settings.slack.is_on:
        doors.append(make_slack(settings, store, artifacts, clock, mind))
    routers = [make_api(settings, store, clock), *(router for _, router in doors if router)]
    return [adapter for adapter, _ in doors], routers


def make_api(settings: Settings, store: Store, clock: Clock) -> APIRouter:
    """Return the routes of the admin API; without an admin token they all say 404."""
    from adapters.api.parts import ApiParts
    from adapters.api.routes import make_router

    parts = ApiParts(
        posts=Posts(store.deliveries, PLATFORMS, clock),
        broadcasts=Broadcasts(store, PLATFORMS, clock),
        deliveries=store.deliveries,
        schedules=desks(settings, store, clock).schedules,
        fires=store.fires,
        trails=Trails(store.history),
        pairings=Pairings(store.people, clock),
        roles=list(routes(settings)),
    )
    return make_router(parts, secret(settings.http.admin_token) or None)


def make_web(settings: Settings, store: Store, artifacts: ArtifactStore, clock: Clock) -> Door:
    """Return the web chat: its adapter, and the routes by which browsers reach it."""
    from adapters.web.activity import ActivityDoor
    from adapters.web.adapter import WebAdapter
    from adapters.web.files import FileDoor
    from adapters.web.guard import WebOptions
    from adapters.web.pairings import PairingDoor
    from adapters.web.parts import WebParts
    from adapters.web.routes import make_router
    from adapters.web.tokens import TokenDoor

    is_shared = settings.sqlite_path is None
    adapter = WebAdapter(clock, store if is_shared else None)
    options = WebOptions(
        host=settings.http.host,
        public_url=settings.http.public_url,
        admin_token=secret(settings.http.admin_token) or None,
    )
    parts = WebParts(
        adapter,
        store.history,
        store.deliveries,
        routes(settings),
        options,
        files=FileDoor(store.deliveries, artifacts),
        activity=ActivityDoor(store.fires, store.people),
        tokens=TokenDoor(store.tokens, store.people, clock),
        pairings=PairingDoor(Pairings(store.people, clock), settings.access.admins),
        sign_in=make_sign_in(settings, clock),
        standing_of=make_access(settings, store, clock).standing,
    )
    return adapter, make_router(parts)


def make_sign_in(settings: Settings, clock: Clock) -> SignIn | None:
    """Return how browsers sign in; None where the page asks nobody to."""
    oidc = settings.oidc
    if oidc.issuer is None or oidc.client_id is None:
        return None

    from adapters.web.provider import ProviderOptions
    from adapters.web.sign_in import SignIn, SignInOptions

    terminal = terminal_identity(settings)
    provider = ProviderOptions(
        oidc.issuer, oidc.client_id, secret(oidc.client_secret) or None, oidc.scopes
    )
    options = SignInOptions(
        provider,
        session_secret=oidc.signing_secret,
        session_seconds=round(oidc.session_hours * 3_600),
        terminal=None if terminal is None else terminal.user,
    )
    return SignIn(options, clock)


def terminal_identity(settings: Settings) -> Identity | None:
    """Return whom the web door takes this machine's terminal for; None without a data directory."""
    from adapters.console.remote import load_token
    from adapters.web.sessions import visitor_of

    if not settings.data_dir.is_dir():
        return None
    visitor = visitor_of(load_token(settings.data_dir / TOKEN))
    return visitor.sender.identity if visitor is not None else None


def make_discord(
    settings: Settings,
    store: Store,
    artifacts: ArtifactStore,
    clock: Clock,
    mind: Mind | None = None,
) -> Door:
    """Return Discord: its gateway and REST, and the route for signed interactions.

    Where processes share a store, one of them at a time holds the gateway connection.
    """
    from adapters.discord.adapter import DiscordAdapter
    from adapters.discord.routes import make_router

    discord = settings.discord
    is_shared = discord.connects and settings.sqlite_path is None
    access = make_access(settings, store, clock, None if mind is None else mind.circles)

    async def note_refusal(message: InboundMessage, reason: str) -> None:
        await store.turns.refuse(Refusal(message, reason), clock.now())

    options = replace(
        discord_options(settings, lambda: store.history.newest_events("discord")),
        admits=access.hears,
        artifacts=artifacts,
        find_approval=store.approvals.get,
        find_delivery=store.deliveries.numbered,
        note_refusal=note_refusal,
        heard_own=Rivals(store.deliveries, store.leases, clock).heard_own,
        agents_health=None if mind is None else mind.runtime.health,
    )
    voice = DiscordAdapter(replace(options, has_gateway=discord.connects and not is_shared), clock)
    router = None if discord.public_key is None else make_router(voice, discord.public_key)
    if not is_shared:
        return voice, router
    alone = place_options(settings, _LISTENER_LEASE_SECONDS)
    place = Place(LISTENER, worker_of(settings), store.leases, clock, alone)
    return SingleEar(voice, DiscordAdapter(options, clock), place), router


def discord_options(settings: Settings, newest_events: NewestEvents) -> DiscordOptions:
    """Return what the settings tell the adapter."""
    from adapters.discord.options import BotPolicy, DiscordOptions, ReactionPolicy

    discord = settings.discord
    return DiscordOptions(
        token=secret(discord.token),
        newest_events=newest_events,
        application_id=discord.application_id,
        has_gateway=discord.connects,
        api_url=discord.api_url,
        gateway_url=discord.gateway_url,
        commands=SPECS,
        hears_all=place_rules(settings).is_open,
        wants_content=discord.message_content,
        bots=BotPolicy(discord.bots),
        reactions=ReactionPolicy(discord.reactions),
        threads_on_mention=discord.threads_on_mention,
        max_parts=discord.max_parts,
        attachment_bytes=settings.artifacts.attachment_bytes,
        attachment_types=settings.artifacts.attachment_types,
    )


@dataclass(frozen=True, slots=True)
class ListensFor:
    """What a process that only listens knows of whoever has the store."""

    newest_events: NewestEvents
    admits: Admits
    artifacts: ArtifactStore
    heard_own: HeardOwn


def make_listener(settings: Settings, known: ListensFor, clock: Clock) -> Adapter:
    """Return Discord for a process that only listens. Raises SettingsWrong when it is off."""
    from adapters.discord.adapter import DiscordAdapter

    if not settings.discord.connects:
        raise SettingsWrong("Discord is off: set DISCORD_TOKEN to listen.")
    options = replace(
        discord_options(settings, known.newest_events),
        admits=known.admits,
        artifacts=known.artifacts,
        heard_own=known.heard_own,
    )
    return DiscordAdapter(options, clock)


def make_slack(
    settings: Settings,
    store: Store,
    artifacts: ArtifactStore,
    clock: Clock,
    mind: Mind | None = None,
) -> Door:
    """Return Slack: Socket Mode with an app token, signed requests with a signing secret."""
    from adapters.slack.adapter import SlackAdapter
    from adapters.slack.routes import make_router

    access = make_access(settings, store, clock, None if mind is None else mind.circles)

    options = replace(slack_options(settings), admits=access.hears)
    adapter = SlackAdapter(options, store, artifacts, clock)
    return adapter, make_router(adapter) if settings.slack.has_webhook else None


def slack_options(settings: Settings) -> Options:
    """Return what the settings say of Slack."""
    from adapters.slack.options import Options

    slack = settings.slack
    return Options(
        bot_token=secret(slack.bot_token) or None,
        oauth=_slack_oauth(settings),
        attachment_bytes=settings.artifacts.attachment_bytes,
        attachment_types=settings.artifacts.attachment_types,
        signing_secret=secret(slack.signing_secret) or None,
        app_token=secret(slack.app_token) or None,
        api_url=slack.api_url,
        commands=SPECS,
        hears_all=place_rules(settings).is_open,
        hears_reactions=slack.reactions,
        prompts=slack.prompts,
    )


def _slack_oauth(settings: Settings) -> OAuth | None:
    """Return what installing by OAuth needs; None without a client id and secret."""
    from adapters.slack.manifest import REDIRECT, scopes_for
    from adapters.slack.options import OAuth

    slack, url = settings.slack, settings.http.public_url
    if not slack.installs or slack.client_id is None:
        return None
    return OAuth(
        client_id=slack.client_id,
        client_secret=secret(slack.client_secret),
        state_secret=secret(slack.state_secret) or secret(slack.client_secret),
        scopes=tuple(scopes_for(slack, reads_usergroups=_reads_usergroups(settings))),
        authorize_url=slack.authorize_url,
        redirect_uri=None if url is None else f"{url}{REDIRECT}",
    )


def manifests(settings: Settings) -> Mapping[str, Manifest]:
    """Return, by platform, how an app is made that fits the settings."""
    from adapters.discord.manifest import discord_manifest
    from adapters.slack.manifest import slack_manifest

    url = settings.http.public_url
    return {
        "discord": discord_manifest(settings.discord, url),
        "slack": slack_manifest(
            settings.slack, url, SPECS, reads_usergroups=_reads_usergroups(settings)
        ),
    }


def _reads_usergroups(settings: Settings) -> bool:
    return any(key.startswith("slack:") for key in named_circles(settings))
