"""Slack's events and slash commands → messages for the inbox. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.slack.decoding import decode, mentions
from adapters.slack.handles import Handle
from adapters.slack.places import Place, place_of
from adapters.slack.wire import (
    AssistantStartedEvent,
    Authorization,
    EventEnvelope,
    File,
    HomeOpenedEvent,
    MessageBody,
    MessageEvent,
    ReactionEvent,
    SlashForm,
    TokensRevokedEvent,
)
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Sender
from gateway.errors import BadInput

RESPONSE_URL_LIFE = timedelta(minutes=29)
"""Slack takes answers there for 30 minutes."""

SLACKBOT = "USLACKBOT"
"""Slack's own voice, the only bot whose messages have no `bot_id`."""

_NOBODY = Authorization()

_SAID_SUBTYPES = frozenset({None, "file_share", "me_message", "thread_broadcast"})
"""A message of a person; every other subtype is a notice, or what became of a message."""


_PASSED_OVER = (
    "assistant_thread_context_changed",
    "link_shared",
    "reaction_added",
    "reaction_removed",
)
"""What an app of one's own making may be told of, and nothing is to be done about."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and whether it was said to the app."""

    message: InboundMessage
    is_addressed: bool
    """False: it is for the app only if the app takes part in its thread."""
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody opened a fresh conversation with the app."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Visited:
    """Somebody looks at the app's Home tab."""

    team: str
    user: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a kind that nobody here has heard of."""

    kind: object


@dataclass(frozen=True, slots=True)
class Left:
    """A workspace took the app out, or its token back."""

    workspace: str
    reason: str
    at: datetime


def read_envelope(body: Mapping[str, object]) -> EventEnvelope:
    """Read what is around an event. Raises ValueError for a shape that Slack has not."""
    return EventEnvelope.model_validate(body)


def place_of_event(envelope: EventEnvelope) -> Place:
    """Return where an event came from. Raises ValueError when it does not say."""
    first = envelope.authorizations[0] if envelope.authorizations else _NOBODY
    bots = (one.user_id for one in envelope.authorizations if one.is_bot)
    return place_of(
        envelope.team_id,
        envelope.enterprise_id or first.enterprise_id,
        is_org_wide=first.is_enterprise_install,
        app_user=next(bots, None),
    )


def parse_event(
    envelope: EventEnvelope, place: Place, *, hears_reactions: bool
) -> Heard | Opened | Visited | Left | Unknown | None:
    """Read an event of the Events API; None for what is not for the app.

    A mention arrives twice, as `app_mention` and as `message`, under two event
    ids: both become the same message, named by channel and ts. Raises ValueError
    for a shape that Slack does not describe.
    """
    match envelope.event.get("type"):
        case "message" | "app_mention" as kind:
            event = MessageEvent.model_validate(envelope.event)
            return _parse_message(event, place, is_mention=kind == "app_mention")
        case "reaction_added" if hears_reactions:
            return _parse_reaction(ReactionEvent.model_validate(envelope.event), place)
        case "app_home_opened":
            return _parse_home(HomeOpenedEvent.model_validate(envelope.event), place)
        case "assistant_thread_started":
            thread = AssistantStartedEvent.model_validate(envelope.event).assistant_thread
            return Opened(Conversation("slack", place.team, thread.channel_id, thread.thread_ts))
        case "app_uninstalled":
            return Left(place.team, "app_uninstalled", _second(envelope.event_time))
        case "tokens_revoked":
            revoked = TokensRevokedEvent.model_validate(envelope.event).tokens
            at = _second(envelope.event_time)
            return Left(place.team, "tokens_revoked", at) if revoked.bot else None
        case kind:
            return None if kind in _PASSED_OVER else Unknown(kind)


def parse_command(
    body: Mapping[str, object], specs: Sequence[CommandSpec], now: datetime
) -> InboundMessage:
    """Read a slash command: `/ask …` is said to the agent, `/postern …` to the gateway.

    Raises BadInput with what to write instead.
    """
    form = SlashForm.model_validate(body)
    command = form.command.removeprefix("/")
    text = form.text.strip()
    if command == "postern" and text.partition(" ")[0].lower() == "ask":
        command, text = "ask", text[len("ask") :].strip()
    is_question = command == "ask"
    if is_question and not text:
        raise BadInput("Write your question behind the command, as in `/ask what is the time?`")
    place = place_of(
        form.team_id, form.enterprise_id or None, is_org_wide=form.is_enterprise_install
    )
    verb = command if is_question else (text.partition(" ")[0].lower() or "help")
    handle = Handle(form.response_url, form.user_id, now + RESPONSE_URL_LIFE)
    return InboundMessage(
        event_id=f"command:{form.trigger_id}",
        conversation=Conversation("slack", place.team, form.channel_id),
        sender=Sender(Identity("slack", place.people, form.user_id), form.user_name),
        text=decode(text or verb, None),
        sent_at=now,
        kind=MessageKind.TEXT if is_question else MessageKind.COMMAND,
        handle=handle.to_text(),
        is_private=is_private(verb, specs) and not form.channel_id.startswith("D"),
    )


def is_private(verb: str, specs: Sequence[CommandSpec]) -> bool:
    """Whether only its person sees the answer; of unknown ones, only `ask` is for all to see."""
    return next((spec.is_private for spec in specs if spec.name == verb), verb != "ask")


def _parse_home(event: HomeOpenedEvent, place: Place) -> Opened | Visited:
    if event.tab != "messages":
        return Visited(place.team, event.user)
    return Opened(Conversation("slack", place.team, event.channel))


def _parse_message(event: MessageEvent, place: Place, *, is_mention: bool) -> Heard | None:
    match event.subtype:
        case "message_changed":
            return _parse_change(event, place)
        case "message_deleted":
            return _parse_deletion(event, place)
        case _:
            return _parse_said(event, event, place, is_mention=is_mention)


def _parse_said(
    said: MessageBody, event: MessageEvent, place: Place, *, is_mention: bool = False
) -> Heard | None:
    """Read what a person said; None for bots, notices and what was said to nobody here."""
    if said.user is None or said.user == place.app_user or not is_said(said):
        return None
    is_direct = _is_direct(event)
    text = said.text or ""
    thread = said.thread_ts if is_direct else said.thread_ts or said.ts
    conversation = Conversation("slack", place.team, event.channel, thread)
    is_to_us = is_direct or is_mention or mentions(text, place.app_user)
    is_to_us = is_to_us or place.hears_all(conversation)
    if not is_to_us and said.thread_ts is None:
        return None
    message = InboundMessage(
        event_id=f"{event.channel}:{said.ts}",
        conversation=conversation,
        sender=_sender(said, said.user, place),
        text=decode(text, place.app_user),
        sent_at=moment_of_ts(said.ts),
    )
    return Heard(message, is_addressed=is_to_us, files=said.files)


def is_said(said: MessageBody) -> bool:
    """Whether a person said it, and no app or notice."""
    is_a_persons = said.user not in (None, SLACKBOT) and said.bot_id is None
    return is_a_persons and said.subtype in _SAID_SUBTYPES


def _parse_change(event: MessageEvent, place: Place) -> Heard | None:
    """Read an edit; a link that unfolds, or an app's own update, changes no text of a person."""
    new, old = event.message, event.previous_message
    if new is None:
        return None
    if new.subtype == "tombstone" and old is not None:
        return _taken_back(old, event, place)
    if new.edited is None or (old is not None and old.text == new.text):
        return None
    heard = _parse_said(new, event, place)
    if heard is None:
        return None
    said = heard.message
    stamp = new.edited.ts
    edit = InboundMessage(
        event_id=f"{said.event_id}:edit:{stamp}",
        conversation=said.conversation,
        sender=said.sender,
        text=said.text,
        sent_at=moment_of_ts(stamp),
        kind=MessageKind.EDIT,
        target=said.event_id,
    )
    return Heard(edit, heard.is_addressed)


def _parse_deletion(event: MessageEvent, place: Place) -> Heard | None:
    old = event.previous_message
    return None if old is None else _taken_back(old, event, place)


def _taken_back(old: MessageBody, event: MessageEvent, place: Place) -> Heard | None:
    heard = _parse_said(old, event, place)
    if heard is None:
        return None
    said = heard.message
    deletion = InboundMessage(
        event_id=f"{said.event_id}:delete",
        conversation=said.conversation,
        sender=said.sender,
        text="",
        sent_at=moment_of_ts(event.ts),
        kind=MessageKind.DELETE,
        target=said.event_id,
    )
    return Heard(deletion, is_addressed=True)


def _parse_reaction(event: ReactionEvent, place: Place) -> Heard | None:
    """Read a reaction to one of the app's messages, in a DM."""
    channel, ts = event.item.channel, event.item.ts
    if channel is None or ts is None or not channel.startswith("D"):
        return None
    if event.item_user != place.app_user or event.user == place.app_user:
        return None
    message = InboundMessage(
        event_id=f"{channel}:{ts}:reaction:{event.user}:{event.reaction}:{event.event_ts}",
        conversation=Conversation("slack", place.team, channel),
        sender=Sender(Identity("slack", place.people, event.user), ""),
        text=f":{event.reaction}:",
        sent_at=moment_of_ts(event.event_ts),
        kind=MessageKind.REACTION,
        target=f"{channel}:{ts}",
    )
    return Heard(message, is_addressed=True)


def _sender(said: MessageBody, user: str, place: Place) -> Sender:
    """Name the sender by their own workspace: in shared channels it is not the app's."""
    team = place.home_of(said.user_team or said.source_team)
    profile = said.user_profile
    name = (profile.display_name or profile.real_name) if profile is not None else ""
    return Sender(Identity("slack", team, user), name)


def _is_direct(event: MessageEvent) -> bool:
    return event.channel_type == "im" or event.channel.startswith("D")


def _second(seconds: int) -> datetime:
    return moment_of_ts(str(seconds))


def moment_of_ts(ts: str) -> datetime:
    """Return when this `ts` was. Raises ValueError for what is none."""
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except OverflowError as error:
        raise ValueError(f'"{ts}" is no moment.') from error
