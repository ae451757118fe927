import pytest

from agents.embedded.errors import Refused
from agents.embedded.services.tool_schema import describe_function

SOURCE = '''
import os

def book(city: str, nights: int = 1, tags: list[str] | None = None, *, cheap: bool,
         kind: Literal["room", "flat"] = "room", extra: Optional[dict] = None):
    """
    Book a place to stay.

    Args:
        city (str): Where to stay,
            as a name.
        nights: How long.

    Returns:
        str: The booking.
    """
'''


def test_the_schema_comes_from_signature_and_docstring() -> None:
    described = describe_function(SOURCE)

    assert (described.name, described.description) == ("book", "Book a place to stay.")
    assert described.parameters["required"] == ["city", "cheap"]
    properties = described.parameters["properties"]
    assert properties["city"] == {"type": "string", "description": "Where to stay, as a name."}
    assert properties["nights"] == {"type": "integer", "description": "How long."}
    assert properties["tags"]["items"] == {"type": "string"}
    assert properties["cheap"]["type"] == "boolean"
    assert properties["kind"]["enum"] == ["room", "flat"]
    assert properties["extra"]["type"] == "object"


def test_the_source_is_read_and_never_run() -> None:
    source = 'raise SystemExit\ndef f(a: int):\n    """Do."""\n'

    assert describe_function(source).name == "f"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(:", "cannot be parsed"),
        ("x = 1", "defines no function"),
        ("def f(a: int):\n    return a", "no docstring"),
        ('def f(a):\n    """Do."""', '"a" of "f" has no type'),
        ('def f(a: Thing):\n    """Do."""', '"Thing" cannot be shown'),
    ],
)
def test_what_cannot_be_described_is_refused_with_the_reason(source: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        describe_function(source)
