"""Where people and one agent talk, and the readable id of such a place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.domain.ids import ConversationId

OPTED_OUT = "broadcasts_off"
"""The note of a direct conversation in which nobody wants broadcasts."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A place on a platform: `platform:workspace:channel[:thread]`."""

    platform: str
    """`discord`, `slack`, `web` or `console`."""
    workspace: str
    """Slack team, Discord guild or `dm`, `local` where the platform has no such thing."""
    channel: str
    thread: str | None = None

    def __post_init__(self) -> None:
        """Refuse parts that could not be read back out of the id."""
        for part in (self.platform, self.workspace, self.channel):
            if not part or not _is_plain(part):
                raise ValueError(f'"{part}" can not be part of a conversation id.')
        if self.thread is not None and not (self.thread and _is_plain(self.thread)):
            raise ValueError(f'"{self.thread}" can not be the thread of a conversation id.')

    @property
    def id(self) -> ConversationId:
        """The readable id; `Conversation.parse` reads it back."""
        channel = f"{self.platform}:{self.workspace}:{self.channel}"
        return ConversationId(channel if self.thread is None else f"{channel}:{self.thread}")

    @property
    def is_direct(self) -> bool:
        """Whether one person is alone here with the agent, as far as the id can tell.

        Discord's direct messages have a workspace of their own, and Slack's channels
        of one person begin with D (developer documentation of both, "channel types").
        """
        match self.platform:
            case "discord":
                return self.workspace == "dm"
            case "slack":
                return self.channel.startswith("D")
            case _:
                return self.platform in ("web", "console")

    @classmethod
    def parse(cls, readable: str) -> Conversation:
        """Read `platform:workspace:channel[:thread]`; raises ValueError with a sentence."""
        parts = readable.split(":")
        if len(parts) not in (3, 4):
            raise ValueError(
                f'"{readable}" is not a conversation. It reads platform:workspace:channel'
                "[:thread], for example discord:dm:99 or slack:T1:C2:171.5."
            )
        return cls(*parts)


def check_ids(place: Conversation) -> None:
    """Raise ValueError, with a sentence, where a part can not be an id of the platform.

    Discord's ids are numbers; Slack's begin with T or E for a workspace and with C, D or G for a
    channel, and threads are moments (developer documentation of both).
    """
    shape = _SHAPES.get(place.platform)
    if shape is not None and not re.fullmatch(shape[0], place.id):
        raise ValueError(f'"{place.id}" is no place on {place.platform.title()}. {shape[1]}')


_SHAPES = {
    "discord": (
        r"discord:(dm|\d+):\d+(:\d+)?",
        "It reads discord:SERVER:CHANNEL with the numbers of its link, or discord:dm:CHANNEL.",
    ),
    "slack": (
        r"slack:[TE][A-Z0-9]*:[CDG][A-Z0-9]*(:\d+\.\d+)?",
        "It reads slack:T…:C… with the ids that its link has in a browser, not its name.",
    ),
}
"""What a place's id looks like, and how to say so."""


def _is_plain(part: str) -> bool:
    # Of all white space, only the plain space counts as printable.
    return part.isprintable() and " " not in part and ":" not in part
