"""Who last wrote where: they are told in private what can not be said there. A process's memory."""

from __future__ import annotations

from collections import OrderedDict

from adapters.discord.outbound import channel_of
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage

_PLACES = 10_000


class Askers:
    """The person who last wrote to us in each of the places that were written in lately.

    What they are told is no delivery: it is a courtesy about one that Discord refused for good,
    and that one is kept, with its reason, as a dead letter. So it may be lost: when the process
    ends before it is told, when their direct messages can not be had, when another process sends
    than hears, and beyond the newest 10,000 places. It is never repeated: whoever is told is
    forgotten first, and a process that begins knows nobody. Stored, it would come after an
    outage to somebody who has long seen that no answer came.
    """

    def __init__(self) -> None:
        self._by_channel: OrderedDict[str, str] = OrderedDict()

    def note(self, message: InboundMessage) -> None:
        """Remember who wrote, where others are."""
        if message.conversation.is_direct:
            return
        channel = channel_of(message.conversation)
        self._by_channel[channel] = message.sender.identity.user
        self._by_channel.move_to_end(channel)
        if len(self._by_channel) > _PLACES:
            self._by_channel.popitem(last=False)

    def take(self, place: Conversation) -> str | None:
        """Return the account that waits for an answer there, once for what it wrote last.

        None where nobody is known to wait: what a schedule says there bothers nobody.
        """
        return self._by_channel.pop(channel_of(place), None)
