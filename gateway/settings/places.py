"""What is heard where: one policy for each channel, or for many at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.domain.places import PlacePolicy
from gateway.settings.kinds import PlaceKey, Section, check_apart


class PlaceSettings(Section):
    """What is heard in a place, and in all that is in it. The most specific place decides."""

    place: PlaceKey = Field(
        description="discord or slack, a server or workspace, a channel or a thread, as "
        "discord:SERVER:CHANNEL; * for all",
        examples=["discord:80351110224678912"],
    )
    policy: PlacePolicy = Field(
        examples=["open"],
        description="open: all that is written; mention: what mentions the bot; listen: that, and "
        "what was said before is quoted; allowlist: of access.allow alone; disabled: nothing",
    )


def _named_apart(places: tuple[PlaceSettings, ...]) -> tuple[PlaceSettings, ...]:
    check_apart("[[places]]", [each.place for each in places])
    return places


Places = Annotated[tuple[PlaceSettings, ...], AfterValidator(_named_apart)]
