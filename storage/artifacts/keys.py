"""Keys of artifacts as lists of parts. Pure; what a part may be decides that no key leads out."""

from __future__ import annotations

import mimetypes
import unicodedata

from gateway.errors import BadInput

LONGEST_KEY = 512
"""Bytes of UTF-8."""
LONGEST_PART = 180
"""Bytes of UTF-8; file systems take 255, and ours add a few."""
_DEEPEST = 16


def parse_key(key: str) -> tuple[str, ...]:
    """Return the parts of an artifact's key: its owner and at least a name. Raises BadInput."""
    parts = parse_folder(key)
    if len(parts) < 2:
        raise BadInput(f'"{key}" names no file: say whose it is and its name, as "owner/name".')
    return parts


def parse_folder(folder: str) -> tuple[str, ...]:
    """Return the parts of a folder, the owner's own being the highest. Raises BadInput."""
    parts = tuple(folder.split("/"))
    if len(parts) > _DEEPEST or len(_bytes(folder)) > LONGEST_KEY:
        raise BadInput(f"The name is too long: {LONGEST_KEY} bytes in {_DEEPEST} parts at most.")
    for part in parts:
        if not _is_plain(part):
            raise BadInput(
                f'"{_shown(folder)}" can not be the name of a file here: a part of it is empty, '
                "begins with a dot, is too long, or has a character that names can not have."
            )
    return parts


def guess_media_type(key: str) -> str:
    """Return the media type that the name's ending tells of."""
    return mimetypes.guess_type(key, strict=False)[0] or "application/octet-stream"


def check_media_type(media_type: str) -> str:
    """Return it when it can stand in a header; raises BadInput."""
    if media_type.isascii() and media_type.isprintable() and 3 <= len(media_type) <= 200:
        return media_type
    raise BadInput('The media type must look like "text/plain".')


def _is_plain(part: str) -> bool:
    """Say whether it is one name in one folder, on every system. Dots at the start are ours."""
    if not part or part.startswith(".") or len(_bytes(part)) > LONGEST_PART:
        return False
    return not any(sign in "/\\" or unicodedata.category(sign) in ("Cc", "Cs") for sign in part)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:80]
