"""What a small shop lets its agents do: look up an order, and pay back, much only with a yes."""

from __future__ import annotations

from gateway.domain.tools import Effect, ToolCall
from gateway.errors import BadInput
from toolbox.registry import tool_from

ASK_ABOVE_EUROS = 50
ORDERS = {"R-1001": 79.9, "R-1002": 12.5}
"""A real shop asks its own system here."""
_paid: dict[str, str] = {}


async def look_up_order(order: str) -> str:
    """Tell what an order cost.

    Args:
        order: The number on the invoice, such as R-1001.
    """
    return f"{order} cost {_price(order):.2f} euros."


async def refund(order: str, euros: float, call: ToolCall) -> str:
    """Pay money back to whoever ordered.

    Args:
        order: The number on the invoice, such as R-1001.
        euros: How much; not more than the order cost.
    """
    if not 0 < euros <= _price(order):
        raise BadInput(
            f"{order} cost {_price(order):.2f} euros; that is the most that can go back."
        )
    # The call's id is the same in every repeat: with it as the key, the bank pays once.
    return _paid.setdefault(call.id, f"{euros:.2f} euros go back for {order}.")


def _price(order: str) -> float:
    if order not in ORDERS:
        raise BadInput(f'There is no order "{order}". Ask for the number on the invoice.')
    return ORDERS[order]


def _needs_a_yes(order: str, euros: float) -> bool:
    return euros > ASK_ABOVE_EUROS


TOOLS = [
    tool_from(look_up_order, effect=Effect.PURE),
    tool_from(refund, effect=Effect.EXTERNAL, approval=_needs_a_yes),
]
