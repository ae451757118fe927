import pytest

from agents.embedded.errors import Malformed
from agents.embedded.rest.multipart import parse_form
from agents.embedded.services.reading_files import Unreadable, chunks_of, text_in


def test_chunks_are_whole_lines_that_together_are_the_text() -> None:
    text = "\n".join(f"line {n} {'x' * 60}" for n in range(100))

    chunks = chunks_of(text)

    assert "\n".join(chunk.text for chunk in chunks) == text
    assert all(len(chunk.text) <= 1300 for chunk in chunks)
    assert text.splitlines()[chunks[3].first_line - 1] == chunks[3].text.splitlines()[0]


def test_a_giant_line_is_cut() -> None:
    assert [len(chunk.text) for chunk in chunks_of("x" * 3000)] == [1200, 1200, 600]


def test_texts_are_read_with_their_mark_and_binaries_are_not() -> None:
    assert text_in("\ufeffä".encode()) == "ä"
    assert text_in("ä".encode("utf-16")) == "ä"
    with pytest.raises(Unreadable):
        text_in(b"a\x00b")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nno end"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nnameless\r\n--b--\r\n"),
    ],
)
def test_what_is_no_form_is_malformed(content_type: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_form(content_type, body)
