"""The shapes of Slack's answers that we read, checked where they come in. Nothing is decided here.

Source: docs.slack.dev/reference/methods, fields that we do not use left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from adapters.slack.wire import Named, Profile, Wire


class Granted(Wire):
    """The answer of `oauth.v2.access`: a token, and where it is good."""

    access_token: str = Field(min_length=1)
    refresh_token: str | None = None
    expires_in: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds; None for a token that stays."""
    is_enterprise_install: bool = False
    team: Named | None = None
    enterprise: Named | None = None

    @property
    def workspace(self) -> str:
        """The team, or the organisation when all of its teams were given at once."""
        place = self.enterprise if self.is_enterprise_install else self.team
        return place.id if place else ""

    @model_validator(mode="after")
    def _says_where(self) -> Granted:
        if not self.workspace:
            raise ValueError("It does not say where the app was installed.")
        return self


class Introduced(Wire):
    """The answer of `auth.test`: who a token speaks for."""

    user_id: str
    bot_id: str
    team_id: str = Field(min_length=1)
    team: str | None = None
    enterprise: str | None = None


class Posted(Wire):
    """The answer of what shows a message: its place in the channel."""

    ts: str = Field(min_length=1)


class NextPage(Wire):
    """Where a list goes on."""

    next_cursor: str | None = None


class MessagePage(Wire):
    """The answer of `conversations.history` and `.replies`; each message is read by itself."""

    messages: tuple[Mapping[str, object], ...]
    response_metadata: NextPage = NextPage()


class DirectChannel(Wire):
    """The answer of `conversations.open`."""

    channel: Named


class SocketAddress(Wire):
    """The answer of `apps.connections.open`."""

    url: str


class UploadPlace(Wire):
    """The answer of `files.getUploadURLExternal`: where the bytes go."""

    upload_url: str
    file_id: str


class Shares(Wire):
    """Where a file is shown: by channel, the messages."""

    public: Mapping[str, tuple[Posted, ...]] = Field(default_factory=dict[str, tuple[Posted, ...]])
    private: Mapping[str, tuple[Posted, ...]] = Field(default_factory=dict[str, tuple[Posted, ...]])


class SharedFile(Wire):
    """A file that was shared, if it says where."""

    shares: Shares = Shares()


class FileTold(Wire):
    """The answer of `files.info`."""

    file: SharedFile


class UsergroupMembers(Wire):
    """The answer of `usergroups.users.list`: user ids."""

    users: tuple[str, ...]


class Known(Wire):
    """Somebody, with what they are called."""

    name: str | None = None
    real_name: str | None = None
    profile: Profile = Profile()


class KnownTold(Wire):
    """The answer of `users.info`."""

    user: Known
