"""Full-text queries made of what people and models type. Pure."""

import re


def any_word(text: str) -> str:
    """The FTS5 query for entries that have any of the words; empty when there is none."""
    return " OR ".join(f'"{word}"' for word in re.findall(r"\w+", text))
