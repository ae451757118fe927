"""Buttons, windows and shortcuts: what a person did with the app itself. Pure.

Source: docs.slack.dev/reference/interaction-payloads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.slack import forms
from adapters.slack.buttons import says_of
from adapters.slack.canvas import SEND, said_by_form
from adapters.slack.decoding import decode
from adapters.slack.forms import Origin, Quote
from adapters.slack.handles import Handle
from adapters.slack.inbound import RESPONSE_URL_LIFE, is_private
from adapters.slack.places import Place, place_of
from adapters.slack.wire import Action, Interaction, SlashForm
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.errors import BadInput

UNKNOWN_BUTTON = "This button is no longer in use."
NOTHING_WRITTEN = "You wrote nothing."


class Stale(BadInput):
    """What was pressed, chosen or sent off is not, or no longer, ours."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said by a button."""

    message: InboundMessage


@dataclass(frozen=True, slots=True)
class WindowWanted:
    """Somebody wants to write a question; the trigger is good once, for three seconds."""

    team: str
    trigger_id: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Submitted:
    """A question that was written in a window."""

    place: Place
    view: str
    sender: Sender
    question: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Nothing:
    """What Slack wants acknowledged and nobody acts on, such as a link that was followed."""


Wish = Said | WindowWanted | Submitted | Nothing


@dataclass(frozen=True, slots=True)
class Asker:
    """Who did something, and where only they can be told of it."""

    team: str
    user: str
    channel: str | None
    thread: str | None
    url: str


def asker_of(body: Mapping[str, object]) -> Asker:
    """Return who did it. Raises ValueError for a shape that Slack does not describe."""
    payload = Interaction.model_validate(body)
    place, container = _place(payload), payload.container
    channel = payload.channel.id if payload.channel else None
    thread = container.thread_ts if container else None
    return Asker(place.team, payload.user.id, channel, thread, payload.response_url)


def parse_interaction(
    body: Mapping[str, object], specs: Sequence[CommandSpec], now: datetime
) -> Wish:
    """Read an interaction.

    Raises BadInput with a sentence for its person, and ValueError for a shape that
    Slack does not describe.
    """
    payload = Interaction.model_validate(body)
    place = _place(payload)
    match payload.type:
        case "block_actions":
            return _press(payload, place, specs, now)
        case "view_submission":
            return _submission(payload, place)
        case "shortcut" if payload.callback_id == forms.ASK:
            return WindowWanted(place.team, payload.trigger_id, Origin())
        case "message_action" if payload.callback_id == forms.ASK_ABOUT:
            return WindowWanted(place.team, payload.trigger_id, Origin(quote=_quote(payload)))
        case "shortcut" | "message_action":
            raise Stale("This shortcut is no longer in use.")
        case _:
            return Nothing()


def parse_wordless(body: Mapping[str, object], now: datetime) -> WindowWanted | None:
    """Return the window that `/ask` wants when nothing stands behind it; None for all else."""
    form = SlashForm.model_validate(body)
    words = [form.command.removeprefix("/"), *form.text.lower().split()]
    if words not in (["ask"], ["postern", "ask"]):
        return None
    place = place_of(
        form.team_id, form.enterprise_id or None, is_org_wide=form.is_enterprise_install
    )
    handle = Handle(form.response_url, form.user_id, now + RESPONSE_URL_LIFE)
    return WindowWanted(place.team, form.trigger_id, Origin(form.channel_id, handle.to_text()))


def question_of(
    submitted: Submitted, channel: str, author: str, specs: Sequence[CommandSpec], now: datetime
) -> InboundMessage:
    """Return a submitted question as what its person says in a channel.

    `author` is what the writer of the quoted message is called.
    """
    text, origin, sender = submitted.question, submitted.origin, submitted.sender
    if origin.quote is not None:
        is_own = origin.quote.author == sender.identity.user
        text = forms.quoted(text, origin.quote, author, is_own=is_own)
    return InboundMessage(
        event_id=f"view:{submitted.view}",
        conversation=Conversation("slack", submitted.place.team, channel),
        sender=sender,
        text=text,
        sent_at=now,
        handle=origin.handle,
        is_private=is_private("ask", specs) and not channel.startswith("D"),
    )


def _press(payload: Interaction, place: Place, specs: Sequence[CommandSpec], now: datetime) -> Wish:
    action, container = next(iter(payload.actions), None), payload.container
    if action is None:
        raise Stale(UNKNOWN_BUTTON)
    if action.action_id == forms.ASK:
        return WindowWanted(place.team, payload.trigger_id, Origin())
    says = _said_by(action, payload)
    if says is None or payload.channel is None or container is None:
        raise Stale(UNKNOWN_BUTTON)
    channel = payload.channel.id
    verb = says[1:].partition(" ")[0].lower() if says.startswith("/") else "ask"
    handle = Handle(payload.response_url, payload.user.id, now + RESPONSE_URL_LIFE)
    is_for_one = container.is_ephemeral or is_private(verb, specs)
    message = InboundMessage(
        event_id=f"press:{channel}:{container.message_ts}:{payload.user.id}:{action.action_ts}",
        conversation=Conversation("slack", place.team, channel, container.thread_ts),
        sender=_sender(payload, place),
        text=says,
        sent_at=now,
        handle=handle.to_text(),
        is_private=is_for_one and not channel.startswith("D"),
    )
    return Said(message)


def _said_by(action: Action, payload: Interaction) -> str | None:
    if action.action_id != SEND:
        return says_of(action.action_id, action.value)
    return said_by_form(action.value, payload.state.values if payload.state else {})


def _submission(payload: Interaction, place: Place) -> Submitted:
    view = payload.view
    if view is None or view.callback_id != forms.ASK:
        raise Stale("This window is no longer in use.")
    field = view.state.values.get(forms.QUESTION, {}).get(forms.TEXT)
    question = ((field.value if field else None) or "").strip()
    if not question:
        raise BadInput(NOTHING_WRITTEN)
    origin = Origin.from_text(view.private_metadata)
    return Submitted(place, view.id, _sender(payload, place), question, origin)


def _quote(payload: Interaction) -> Quote:
    message = payload.message
    if message is None:
        raise BadInput("Slack did not say which message. Please try again.")
    return forms.quote_of(message.user, decode(message.text or "", None))


def _place(payload: Interaction) -> Place:
    """Return where the app is installed: what a window names counts, in a shared channel."""
    app_team = payload.view.app_installed_team_id if payload.view else None
    team = payload.team.id if payload.team else None
    return place_of(
        app_team or team,
        payload.enterprise.id if payload.enterprise else None,
        is_org_wide=payload.is_enterprise_install,
    )


def _sender(payload: Interaction, place: Place) -> Sender:
    """Name who did it; where an organisation's app is told no team, they are the organisation's."""
    user = payload.user
    home = place.people if payload.team is None else place.home_of(user.team_id)
    return Sender(Identity("slack", home, user.id), user.username or user.name)
