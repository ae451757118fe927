"""Buttons of ours: how Discord is shown them, and what somebody says by pressing one. Pure.

A press gives no right that typing the same words lacks, for the hub looks at who presses. Its
custom id carries the words and our signature: no other program puts words into anybody's mouth.
More plain ones than fit a row become a menu, whose values are what their custom ids would be.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from adapters.discord.payloads import SELECT, InteractionData
from adapters.discord.rest import Json
from gateway.domain.deliveries import LONGEST_LABEL, MOST_BUTTONS, Button, ButtonStyle

_LONGEST_ID = 100
"""Characters of a custom id, or of a menu's value ("Component Reference", Discord's reference)."""
_SIGNATURE_BYTES = 12
_ROW, _BUTTON = 1, 2
_PER_ROW = 5
_MENU_ID = "choices"
_FORM = "form"
_PLACEHOLDER = "Choose…"
_STYLES = {ButtonStyle.PLAIN: 2, ButtonStyle.GOOD: 3, ButtonStyle.DANGER: 4}


class Buttons:
    """Those of one bot, signed with a key that only who has its token can make."""

    def __init__(self, token: str) -> None:
        self._key = hashlib.blake2b(_bytes(token), person=b"postern buttons").digest()

    def rows_of(self, buttons: Sequence[Button]) -> list[Json]:
        """Return the buttons in rows of five, more than five plain ones as a menu above the others.

        Those that Discord would refuse are left out. It refuses a message whose custom ids
        are not all different, so of two buttons that say the same the first is shown.
        """
        fitting = {button.says: button for button in reversed(buttons) if self._fits(button)}
        chosen = [button for button in buttons if fitting.get(button.says) is button]
        chosen = chosen[:MOST_BUTTONS]
        plain = [button for button in chosen if button.style is ButtonStyle.PLAIN]
        if len(plain) <= _PER_ROW:
            return self._rows(chosen)
        others = [button for button in chosen if button.style is not ButtonStyle.PLAIN]
        return [{"type": _ROW, "components": [self._menu(plain)]}, *self._rows(others)]

    def said_by(self, data: InteractionData) -> str | None:
        """Return what is said by a press, or by the one choice in a menu; None if none of ours."""
        if data.component_type != SELECT:
            return self.says_of(data.custom_id)
        is_ours = data.custom_id == _MENU_ID and len(data.values) == 1
        return self.says_of(data.values[0]) if is_ours else None

    def says_of(self, custom_id: str) -> str | None:
        """Return what is said by pressing the button of this id; None when it is none of ours."""
        signature, _, says = custom_id.partition(":")
        is_ours = hmac.compare_digest(_bytes(signature), _bytes(self._signature(says)))
        return says if says and is_ours else None

    def form_id(self, delivery: int) -> str:
        """Return the custom id of the button that opens the form on a canvas, by its number."""
        return f"{_FORM}:{self._signature(f'{_FORM}:{delivery}')}:{delivery}"

    def form_of(self, custom_id: str) -> int | None:
        """Return the number of the delivery whose form is wanted; None when it is none of ours."""
        number = custom_id.rpartition(":")[2]
        if not (number.isascii() and number.isdecimal()):
            return None
        is_ours = hmac.compare_digest(_bytes(custom_id), _bytes(self.form_id(int(number))))
        return int(number) if is_ours else None

    def _fits(self, button: Button) -> bool:
        is_shown = bool(button.label.strip() and button.says)
        return is_shown and len(self._id(button)) <= _LONGEST_ID

    def _rows(self, buttons: Sequence[Button]) -> list[Json]:
        shown = [self._shown(button) for button in buttons]
        rows = [shown[first : first + _PER_ROW] for first in range(0, len(shown), _PER_ROW)]
        return [{"type": _ROW, "components": row} for row in rows]

    def _menu(self, buttons: Sequence[Button]) -> Json:
        """Return a menu from which one is chosen."""
        options = [{"label": one.label[:LONGEST_LABEL], "value": self._id(one)} for one in buttons]
        menu: Json = {"type": SELECT, "custom_id": _MENU_ID, "options": options}
        return {**menu, "placeholder": _PLACEHOLDER}

    def _shown(self, button: Button) -> Json:
        return {
            "type": _BUTTON,
            "style": _STYLES[button.style],
            "label": button.label[:LONGEST_LABEL],
            "custom_id": self._id(button),
        }

    def _id(self, button: Button) -> str:
        return f"{self._signature(button.says)}:{button.says}"

    def _signature(self, says: str) -> str:
        digest = hashlib.blake2b(_bytes(says), key=self._key, digest_size=_SIGNATURE_BYTES)
        return base64.urlsafe_b64encode(digest.digest()).decode()


def _bytes(text: str) -> bytes:
    """Encode whatever JSON may hold, lone surrogates too."""
    return text.encode(errors="surrogatepass")
