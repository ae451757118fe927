"""Buttons as Slack's blocks, and what pressing one says. Pure.

Source of the limits: docs.slack.dev/reference/block-kit ("actions" block, "button" element).
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.web_api import Json
from gateway.domain.deliveries import LONGEST_LABEL, Button, ButtonStyle

MOST_IN_A_BLOCK = 25
_LONGEST_VALUE = 2_000
_ALL_LABELS = 1_200
"""Characters that labels may have together beside the longest text (bolt-js issue 2509)."""
_SAYS = "say-"
"""How the action ids of our buttons begin; those of one block have to differ."""
_STYLES = {ButtonStyle.GOOD: "primary", ButtonStyle.DANGER: "danger"}


def actions_of(buttons: Sequence[Button]) -> list[Json]:
    """Return the block that shows the buttons; none without any that Slack would take."""
    fitting = [one for one in buttons if one.label.strip() and len(one.says) <= _LONGEST_VALUE]
    if not fitting:
        return []
    chosen = fitting[:MOST_IN_A_BLOCK]
    limit = _label_limit(chosen)
    shown = [_element(index, one, limit) for index, one in enumerate(chosen)]
    return [{"type": "actions", "elements": shown}]


def says_of(action_id: str, value: str | None) -> str | None:
    """Return what a pressed button says; None for a button that is not one of these."""
    return value if value and action_id.startswith(_SAYS) else None


def _label_limit(buttons: Sequence[Button]) -> int:
    """Return how long a label may be, so that each button finds room."""
    length = sum(min(len(button.label), LONGEST_LABEL) for button in buttons)
    return LONGEST_LABEL if length <= _ALL_LABELS else _ALL_LABELS // len(buttons)


def _element(index: int, button: Button, label_limit: int) -> Json:
    # Slack refuses a style that is none, instead of showing the plain one.
    style = _STYLES.get(button.style)
    label = {"type": "plain_text", "text": button.label[:label_limit], "emoji": True}
    element = {"type": "button", "action_id": f"{_SAYS}{index}", "text": label}
    return {**element, "value": button.says, **({} if style is None else {"style": style})}
