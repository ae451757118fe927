"""Named circles: people, roles and usergroups that the settings mean again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.kinds import RoleName, Section, Who, check_apart, rule


class CircleSettings(Section):
    """One circle, which other settings name as `@NAME`."""

    name: RoleName = Field(description="Its name", examples=["staff"])
    members: tuple[Who, ...] = Field(
        min_length=1,
        description="Accounts, Discord roles (discord:SERVER:@ROLE) and Slack usergroups "
        "(slack:TEAM:@USERGROUP)",
        examples=[["discord:80351110224678912:@41771983423143936"]],
    )


def _checked(circles: tuple[CircleSettings, ...]) -> tuple[CircleSettings, ...]:
    check_apart("[[circles]]", [circle.name for circle in circles])
    for circle in circles:
        for member in circle.members:
            if member.startswith("@"):
                raise rule(
                    f'The circle "{circle.name}" names the circle "{member}"; a circle has no '
                    "circles in it but those of the platforms."
                )
    return circles


def check_known(keys: Iterable[str], circles: Iterable[CircleSettings], where: str) -> None:
    """Raise the rule's error for a `@NAME` that is no circle."""
    known = {f"@{circle.name}" for circle in circles}
    for key in keys:
        if key.startswith("@") and key not in known:
            raise rule(f'{where} names "{key}", which is no circle; [[circles]] has them.')


Circles = Annotated[tuple[CircleSettings, ...], AfterValidator(_checked)]
