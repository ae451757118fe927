"""Form data with files (`multipart/form-data`, RFC 7578), as the SDK sends it. Pure."""

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from agents.embedded.errors import Malformed


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form."""

    name: str
    data: bytes
    file_name: str | None = None
    mime: str = "text/plain"

    @property
    def text(self) -> str:
        """The field as text."""
        return self.data.decode("utf-8", "replace")


def parse_form(content_type: str, body: bytes) -> dict[str, Part]:
    """The fields by name; Malformed when it is no such form."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise Malformed("The body must be a form: multipart/form-data with a boundary.")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Malformed("The form is not complete.")
    parts = [_parse_part(piece) for piece in pieces[1:-1]]
    return {part.name: part for part in parts}


def _parse_part(piece: bytes) -> Part:
    head, _, data = piece.partition(b"\r\n\r\n")
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip("\r\n"))
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise Malformed("A field of the form has no name.")
    return Part(name, data, headers.get_filename(), headers.get_content_type())
