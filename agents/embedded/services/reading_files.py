"""From uploaded bytes to text in pieces that a search can show. Pure."""

import codecs

from agents.embedded.records import Chunk

_CHUNK_CHARACTERS = 1200


class Unreadable(Exception):
    """No text can be read out of these bytes; the sentence says why."""


def text_in(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("The file is not text in UTF-8; convert it to text first.") from error
    if "\x00" in text:
        raise Unreadable("The file is binary; convert it to text first.")
    return text


def chunks_of(text: str) -> list[Chunk]:
    """The text in pieces of whole lines; only a giant line is cut. Lines count from 1."""
    chunks: list[Chunk] = []
    lines: list[str] = []
    first, size = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        for part in _parts(line):
            if lines and size + len(part) > _CHUNK_CHARACTERS:
                chunks.append(Chunk(first, "\n".join(lines)))
                lines, size = [], 0
            if not lines:
                first = number
            lines.append(part)
            size += len(part) + 1
    if lines:
        chunks.append(Chunk(first, "\n".join(lines)))
    return [chunk for chunk in chunks if chunk.text.strip()]


def _parts(line: str) -> list[str]:
    step = _CHUNK_CHARACTERS
    return [line[n : n + step] for n in range(0, len(line), step)] or [""]
