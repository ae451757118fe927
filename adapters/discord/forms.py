"""Opens the window of a form when the button is pressed that stands for it on a canvas."""

from __future__ import annotations

from adapters.discord import modals
from adapters.discord.buttons import Buttons
from adapters.discord.interactions import Kind, refusal
from adapters.discord.options import FindDelivery
from adapters.discord.outbound import channel_of
from adapters.discord.payloads import Interaction
from adapters.discord.rest import Json
from gateway.domain.canvases import Form, forms_of
from gateway.errors import StoreUnavailable

_NO_LONGER = "This form is no longer in use."
_NOT_NOW = (
    "I can't open this right now. Please try again in a moment, or write what you want to say."
)


class Forms:
    """The forms on canvases of one bot, as the store has them."""

    def __init__(self, find_delivery: FindDelivery | None, buttons: Buttons) -> None:
        self._find_delivery = find_delivery
        self._buttons = buttons

    async def opening(self, interaction: Interaction) -> Json | None:
        """Return the answer to the press of a form's button; None for everything else.

        Discord wants it within three seconds: where the store can't be read, it says so.
        """
        if interaction.type != Kind.COMPONENT or interaction.data is None:
            return None
        number = self._buttons.form_of(interaction.data.custom_id)
        if number is None:
            return None
        try:
            form = await self._find(number, interaction.channel_id)
        except StoreUnavailable:
            return refusal(_NOT_NOW)
        return refusal(_NO_LONGER) if form is None else modals.opening_of(form)

    async def _find(self, number: int, channel: str | None) -> Form | None:
        """Return the form, if its canvas stands in this channel."""
        if self._find_delivery is None:
            raise StoreUnavailable("This process reads no deliveries.")
        found = await self._find_delivery(number)
        if found is None or found.canvas is None or channel_of(found.conversation) != channel:
            return None
        return next(iter(forms_of(found.canvas)), None)
