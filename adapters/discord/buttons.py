"""Buttons of ours: how Discord is shown them, and what somebody says by pressing one. Pure.

A custom id carries the words themselves. It is not signed, for a press gives no right that
typing the same words lacks: the hub looks at who presses.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.discord.rest import Json
from gateway.domain.deliveries import LONGEST_LABEL, MOST_BUTTONS, Button, ButtonStyle

_SAYS = "say:"
_LONGEST_ID = 100
"""Characters of a custom id ("Component Reference", Discord's reference)."""
_ROW, _BUTTON = 1, 2
_PER_ROW = 5
_STYLES = {ButtonStyle.PLAIN: 2, ButtonStyle.GOOD: 3, ButtonStyle.DANGER: 4}


def rows_of(buttons: Sequence[Button]) -> list[Json]:
    """Return the buttons in rows of five. Those that Discord would refuse are left out.

    It refuses a message whose custom ids are not all different, so of two buttons
    that say the same the first is shown.
    """
    fitting = {button.says: button for button in reversed(buttons) if _fits(button)}
    shown = [_shown(button) for button in buttons if fitting.get(button.says) is button]
    shown = shown[:MOST_BUTTONS]
    rows = [shown[first : first + _PER_ROW] for first in range(0, len(shown), _PER_ROW)]
    return [{"type": _ROW, "components": row} for row in rows]


def says_of(custom_id: str) -> str | None:
    """Return what is said by pressing the button of this id; None when it is none of ours."""
    says = custom_id.removeprefix(_SAYS)
    return says if says and says != custom_id else None


def _fits(button: Button) -> bool:
    return bool(button.label.strip() and button.says) and len(_id(button)) <= _LONGEST_ID


def _shown(button: Button) -> Json:
    return {
        "type": _BUTTON,
        "style": _STYLES[button.style],
        "label": button.label[:LONGEST_LABEL],
        "custom_id": _id(button),
    }


def _id(button: Button) -> str:
    return _SAYS + button.says
