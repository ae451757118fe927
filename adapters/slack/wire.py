"""The shapes of Slack's events that we read, checked where they come in. Nothing is decided here.

Source: docs.slack.dev/reference/events and /apis/events-api, fields that we do not use left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """What all shapes share: unknown fields are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class File(Wire):
    """A file that was shared; one that Slack still checks has no name yet."""

    id: str | None = None
    name: str | None = None
    mimetype: str | None = None
    size: int | None = None
    subtype: str | None = None
    mode: str | None = None
    file_access: str | None = None
    url_private: str = ""
    url_private_download: str = ""

    @property
    def address(self) -> str:
        """Where its contents are."""
        return self.url_private_download or self.url_private

    @property
    def media_type(self) -> str | None:
        """Its type; that of an audio clip, which Slack often calls a video, begins with audio."""
        if self.subtype == "slack_audio" and (self.mimetype or "").startswith("video/"):
            return (self.mimetype or "").replace("video", "audio", 1)
        return self.mimetype


class Edited(Wire):
    """When a message was last changed by its author."""

    ts: str


class Profile(Wire):
    """How a person from another workspace is called."""

    display_name: str = ""
    real_name: str = ""


class MessageBody(Wire):
    """A message as it stands in a channel."""

    ts: str
    user: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    text: str | None = ""
    thread_ts: str | None = None
    files: tuple[File, ...] = ()
    edited: Edited | None = None
    user_team: str | None = None
    source_team: str | None = None
    user_profile: Profile | None = None


class MessageEvent(MessageBody):
    """`message` and `app_mention`: a message, or what became of one."""

    channel: str
    channel_type: str | None = None
    hidden: bool = False
    message: MessageBody | None = None
    previous_message: MessageBody | None = None


class ReactionItem(Wire):
    """What a reaction is on."""

    type: str
    channel: str | None = None
    ts: str | None = None


class ReactionEvent(Wire):
    """`reaction_added`."""

    user: str
    reaction: str
    item: ReactionItem
    item_user: str | None = None
    event_ts: str


class HomeOpenedEvent(Wire):
    """`app_home_opened`."""

    user: str
    channel: str
    tab: str = "home"


class AssistantThread(Wire):
    """Where somebody talks with the app beside what they look at."""

    channel_id: str
    thread_ts: str


class AssistantStartedEvent(Wire):
    """`assistant_thread_started`."""

    assistant_thread: AssistantThread


class Authorization(Wire):
    """One of those for whom an event is meant; for a bot, who it is there."""

    user_id: str | None = None
    is_bot: bool = False
    enterprise_id: str | None = None
    is_enterprise_install: bool = False


class EventEnvelope(Wire):
    """What comes around every event."""

    team_id: str | None = None
    enterprise_id: str | None = None
    event_id: str = ""
    event_time: int = 0
    event: Mapping[str, object]
    authorizations: tuple[Authorization, ...] = ()


class RevokedTokens(Wire):
    """Whose tokens Slack takes no more."""

    bot: tuple[str, ...] = ()


class TokensRevokedEvent(Wire):
    """`tokens_revoked`."""

    tokens: RevokedTokens = RevokedTokens()


class Named(Wire):
    """A team, an organisation or a channel."""

    id: str


class Actor(Wire):
    """Who did something; messages' names are asked for, these come with the payload."""

    id: str
    username: str = ""
    name: str = ""
    team_id: str | None = None


class Container(Wire):
    """What a button was in; the message itself is left out for ephemeral ones."""

    type: str = ""
    message_ts: str | None = None
    thread_ts: str | None = None
    is_ephemeral: bool = False


class Action(Wire):
    """A button that was pressed."""

    action_id: str = ""
    value: str | None = None
    action_ts: str = ""


class Chosen(Wire):
    """An option of a menu."""

    value: str = ""


class FieldState(Wire):
    """What was written into one field, or chosen there."""

    value: str | None = None
    selected_option: Chosen | None = None


class ViewState(Wire):
    """What was written into a window or a message, by block and action."""

    values: Mapping[str, Mapping[str, FieldState]] = Field(
        default_factory=dict[str, Mapping[str, FieldState]]
    )


class ViewBody(Wire):
    """A window as it was sent off."""

    id: str
    callback_id: str = ""
    private_metadata: str = ""
    app_installed_team_id: str | None = None
    state: ViewState = ViewState()


class QuotedMessage(Wire):
    """The message that a shortcut was chosen on."""

    user: str | None = None
    text: str | None = ""


class Interaction(Wire):
    """`block_actions`, `view_submission`, `shortcut` and `message_action`."""

    type: str
    team: Named | None = None
    enterprise: Named | None = None
    is_enterprise_install: bool = False
    user: Actor
    trigger_id: str = ""
    response_url: str = ""
    callback_id: str = ""
    channel: Named | None = None
    container: Container | None = None
    actions: tuple[Action, ...] = ()
    view: ViewBody | None = None
    state: ViewState | None = None
    """Of the fields in a message."""
    message: QuotedMessage | None = None


class SlashForm(Wire):
    """A slash command."""

    team_id: str | None = None
    enterprise_id: str | None = None
    is_enterprise_install: bool = False
    channel_id: str
    user_id: str
    user_name: str = ""
    command: str
    text: str = ""
    trigger_id: str = Field(min_length=1)
    response_url: str = ""
