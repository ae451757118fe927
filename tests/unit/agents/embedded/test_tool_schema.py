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
        ("x = 1\ndef f(:", r"cannot be parsed: .*\(line 2\)"),
        ("x = 1", "defines no function"),
        ("def f(a: int):\n    return a", "no docstring"),
        ('def f(a):\n    """Do."""', '"a" of "f" has no type'),
        ('def f(a: int,\n      b):\n    """Do."""', r'"b" of "f" has no type \(line 2\)'),
        ('def f(a: Thing):\n    """Do."""', '"Thing" cannot be shown'),
        ('def f(a: int | str):\n    """Do."""', "cannot be shown"),
        ('def f(a: Literal[1, "b"]):\n    """Do."""', "cannot be shown"),
    ],
)
def test_what_cannot_be_described_is_refused_with_the_reason(source: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        describe_function(source)


def test_every_plain_type_has_its_schema() -> None:
    source = """
def f(a: int, b: float, c: bool, d: str, e: list[int], g: dict, h: Optional[float],
      i: Literal[1, 2], j: "str | None", k: tuple[int, str], l: List[List[str]]):
    'Do.'
"""
    properties = describe_function(source).parameters["properties"]

    kinds = {name: schema["type"] for name, schema in properties.items()}
    assert kinds == {
        "a": "integer",
        "b": "number",
        "c": "boolean",
        "d": "string",
        "e": "array",
        "g": "object",
        "h": "number",
        "i": "integer",
        "j": "string",
        "k": "array",
        "l": "array",
    }
    assert properties["e"]["items"] == {"type": "integer"}
    assert properties["k"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert properties["l"]["items"] == {"type": "array", "items": {"type": "string"}}


def test_pydantic_models_are_described_by_their_fields() -> None:
    source = """
from pydantic import BaseModel, Field

class Place(BaseModel):
    city: str = Field(..., description="Which city.")
    floor: int = 0

class Trip(BaseModel):
    to: Place
    days: list[str] = Field(default_factory=list)

def plan(trips: list[Trip]):
    'Plan.'
"""
    trips = describe_function(source).parameters["properties"]["trips"]

    trip = trips["items"]
    assert (trips["type"], trip["required"]) == ("array", ["to"])
    assert trip["properties"]["to"]["properties"] == {
        "city": {"type": "string", "description": "Which city."},
        "floor": {"type": "integer"},
    }
    assert trip["properties"]["to"]["required"] == ["city"]


def test_a_model_inside_itself_is_refused() -> None:
    source = "class Node(BaseModel):\n    next: Node\n\ndef f(n: Node):\n    'Do.'\n"

    with pytest.raises(Refused, match='"Node" cannot be shown'):
        describe_function(source)
