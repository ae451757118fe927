"""Which model is meant by what somebody typed."""

from __future__ import annotations

import pytest

from gateway.models import named

HANDLES = ("small", "openai/small", "openai/large", "azure/large", "proxy/Meta/llama")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("OpenAI/Large", "openai/large"),
        ("small", "small"),
        ("meta/LLAMA", "proxy/Meta/llama"),
        ("large", None),
        ("openai", None),
        ("", None),
    ],
)
def test_a_model_is_meant_by_its_whole_name_or_by_the_only_short_one(
    typed: str, meant: str | None
) -> None:
    assert named(typed, HANDLES) == meant
