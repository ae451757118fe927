"""What members of a group are told of each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.domain.errands import Errand


def with_said(question: str, said: Iterable[Errand]) -> str:
    """Return the question with what others have said to it."""
    lines = [f"{each.role}: {heard(each)}" for each in said if not each.is_open]
    return "\n\n".join([question, "What was said so far:", *lines]) if lines else question


def heard(errand: Errand) -> str:
    """Return what came of an errand, in the words that others read."""
    return errand.answer if errand.is_answered else f"(not available: {errand.answer})"
