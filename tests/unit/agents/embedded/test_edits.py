import pytest

from agents.embedded.memory.edits import EditRefused, inserted, replaced
from agents.embedded.records import Block


def _block(value: str, *, limit: int = 20, read_only: bool = False) -> Block:
    return Block("block-1", "human", value, limit, read_only=read_only)


@pytest.mark.parametrize(
    ("line", "result"), [(-1, "a\nb\nx"), (0, "x\na\nb"), (1, "a\nx\nb"), (2, "a\nb\nx")]
)
def test_text_is_inserted_after_the_asked_line(line: int, result: str) -> None:
    assert inserted(_block("a\nb"), "x", line) == result


def test_the_first_text_needs_no_line() -> None:
    assert inserted(_block(""), "x", 5) == "x"


def test_a_line_that_is_not_there_is_refused() -> None:
    with pytest.raises(EditRefused, match='has 2 lines; "3" is not one'):
        inserted(_block("a\nb"), "x", 3)


def test_only_a_unique_text_is_replaced() -> None:
    assert replaced(_block("one two"), "two", "2") == "one 2"
    with pytest.raises(EditRefused, match="is not in block"):
        replaced(_block("one"), "two", "2")
    with pytest.raises(EditRefused, match="is 2 times in block"):
        replaced(_block("a a"), "a", "b")
    with pytest.raises(EditRefused, match="is not in block"):
        replaced(_block("a"), "", "b")


def test_an_edit_over_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(EditRefused, match="at most 20 characters and the new text has 21"):
        inserted(_block("x" * 19), "y")


def test_a_read_only_block_is_not_edited() -> None:
    with pytest.raises(EditRefused, match="read-only"):
        inserted(_block("a", read_only=True), "b")
