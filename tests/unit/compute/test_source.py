"""What may be deployed; nothing of it is run to find out."""

from __future__ import annotations

import pytest

from compute.source import LIMIT_BYTES, check_function, version_of
from gateway.domain.compute import RunLimits
from gateway.errors import BadInput


@pytest.mark.parametrize(
    "source",
    ["def f(x):\n    return x", "import json\nasync def f(): ...", "raise SystemExit\ndef f(): 0"],
)
def test_code_that_defines_the_function_is_taken_and_not_run(source: str) -> None:
    check_function("f", source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def g(): ...", 'defines "f" 0 times'),
        ("def f(): ...\ndef f(): ...", 'defines "f" 2 times'),
        ("class A:\n    def f(self): ...", 'defines "f" 0 times'),
        ("def f(:", "line 1"),
        ("def f(): ...\0", "can not be read"),
        ("(" * 10_000, "can not be read"),
        ("f = " + "-" * 100_000 + "1", "can not be read"),
        ("#" * LIMIT_BYTES + "\ndef f(): ...", "is over"),
    ],
)
def test_other_code_is_refused_with_the_reason(source: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        check_function("f", source)


@pytest.mark.parametrize("name", ["", "1f", "def", "f()", "__postern_run__", "f" * 81, "f\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        check_function(name, "def f(): ...")


def test_the_version_tells_the_code_and_its_limits() -> None:
    one = version_of("def f(): ...", RunLimits())

    assert one == version_of("def f(): ...", RunLimits())
    assert one != version_of("def f(): 1", RunLimits())
    assert one != version_of("def f(): ...", RunLimits(seconds=1))
