"""JSON seen from Python: a name for it, and questions about its shape."""

from typing import Any, TypeGuard

# JSON as Slack's clients send and read it: any shape, so the values are Any.
Json = dict[str, Any]


def is_object(value: object) -> TypeGuard[Json]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:  # Any: JSON values
    return isinstance(value, list)
