"""Tools for small facts that a person's agents keep together: set only over what one has read.

A key is a file of whoever the agents are for, under `state/`: `/forget` deletes it, an
export has it, and the store below compares before it writes, in any number of processes.
"""

from __future__ import annotations

import hashlib
import re

from gateway.domain.people import lane_owner
from gateway.domain.tools import Effect
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import ABSENT, ArtifactStore
from toolbox.registry import Tool, tool_from

FOLDER = "state"
LONGEST_VALUE = 4_000
MOST_LISTED = 100
_SHOWN = 200
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def shared_state_tools(artifacts: ArtifactStore) -> list[Tool]:
    """Return the tools. Of an agent that a place shares, the state is the place's."""

    async def list_shared_state(turn: Turn) -> str:
        """List what you and the other agents of this person keep under keys, each with its text."""
        found = await artifacts.list(_folder(turn), limit=MOST_LISTED + 1)
        shown = found[:MOST_LISTED]
        lines = [f"{_named(each.key)}: {await _short(artifacts, each.key)}" for each in shown]
        if len(found) > MOST_LISTED:
            lines.append("There are more keys than these.")
        return "\n".join(lines) or "There are no keys."

    async def read_shared_state(turn: Turn, key: str) -> str:
        """Read what stands under a key that you share with the other agents of this person.

        Args:
            key: Such as who-plans-the-trip.
        """
        value = await _value(artifacts, _place(turn, key))
        return f'There is no "{key}".' if value is None else value

    async def set_shared_state(turn: Turn, key: str, value: str, was: str = "") -> str:
        """Set a key that you share with the other agents of this person, if it still says `was`.

        Of two agents that set the same key at once, one is told that the other was faster.

        Args:
            key: At most 60 letters, digits, - and _.
            value: The text to stand there now.
            was: What you read there, word for word; left out, the key must not be there yet.
        """
        if not value.strip() or len(value) > LONGEST_VALUE:
            raise BadInput(f"A value has 1 to {LONGEST_VALUE:,} characters.")
        place = _place(turn, key)
        try:
            await artifacts.save(place, value.encode(), "text/plain", replaces=_tag(was))
        except BadInput:
            now = await _value(artifacts, place)
            if now == (was or None):
                raise  # it is as it was: something else is wrong
            if now != value:  # set by this very call, before it was repeated
                raise BadInput(_not_set(key, now)) from None
        return f'"{key}" is set.'

    return [
        tool_from(list_shared_state),
        tool_from(read_shared_state),
        # A repeat finds what it set itself.
        tool_from(set_shared_state, effect=Effect.IDEMPOTENT),
    ]


def _tag(was: str) -> str:
    """Return the ETag of what is to be replaced."""
    return hashlib.sha256(was.encode()).hexdigest() if was else ABSENT


def _not_set(key: str, now: str | None) -> str:
    if now is None:
        return f'Not set: there is no "{key}" any more.'
    return f'Not set: "{key}" is not what you read. It says now:\n{now}'


def _folder(turn: Turn) -> str:
    return f"{lane_owner(turn.ref.lane, turn.person, turn.conversation)}/{FOLDER}"


def _place(turn: Turn, key: str) -> str:
    if not _KEY.fullmatch(key):
        raise BadInput(
            "A key has 1 to 60 letters, digits, - and _; a letter or a digit comes first."
        )
    return f"{_folder(turn)}/{key}.txt"


def _named(place: str) -> str:
    return place.rpartition("/")[2].removesuffix(".txt")


async def _value(artifacts: ArtifactStore, place: str) -> str | None:
    found = await artifacts.load(place)
    return None if found is None else found.data.decode(errors="replace")


async def _short(artifacts: ArtifactStore, place: str) -> str:
    text = " ".join((await _value(artifacts, place) or "").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
