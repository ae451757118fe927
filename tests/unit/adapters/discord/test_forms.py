"""The button of a form opens its window, or says why there is none."""

from __future__ import annotations

from adapters.discord.buttons import Buttons
from adapters.discord.forms import Forms
from gateway.domain.deliveries import Delivery
from tests.unit.adapters.discord.shapes import interaction

BUTTONS = Buttons("token")


async def _nothing(number: int) -> Delivery | None:
    return None


async def _said(forms: Forms, custom_id: str) -> str | None:
    pressed = interaction(type=3, data={"custom_id": custom_id, "component_type": 2})
    answer = await forms.opening(pressed)
    return None if answer is None else answer["data"]["content"]


async def test_a_form_that_is_kept_no_more_is_refused() -> None:
    said = await _said(Forms(_nothing, BUTTONS), BUTTONS.form_id(7))

    assert said == "This form is no longer in use."


async def test_where_no_form_is_known_none_is_opened() -> None:
    said = await _said(Forms(None, BUTTONS), BUTTONS.form_id(7))

    assert said is not None
    assert said.startswith("I can't open this right now.")


async def test_another_button_is_left_to_others() -> None:
    forged = BUTTONS.form_id(7).replace(":7", ":8")

    assert await _said(Forms(_nothing, BUTTONS), forged) is None
    assert await _said(Forms(_nothing, BUTTONS), "form:x:²") is None
